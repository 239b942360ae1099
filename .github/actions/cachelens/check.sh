#!/usr/bin/env bash
# Runs `find` and `check` with annotations and a summary. Both run before either fails the step.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/words.sh"

code=0
if [[ "${INPUT_FIND:-true}" == true ]]; then
  cachelens find --format github --summary --fail-on "$INPUT_FAIL_ON" "${flags[@]}" || code=$?
fi
mapfile -t sources < <(lines "${INPUT_CHECK:-}")
if ((${#sources[@]})); then
  cachelens check "${sources[@]}" --format github --summary --fail-on "$INPUT_FAIL_ON" "${flags[@]}" || code=$?
  if [[ -n "${INPUT_REPORT:-}" ]]; then
    cachelens report "${sources[@]}" -o "$INPUT_REPORT" "${flags[@]}" || code=$?
  fi
fi
exit "$code"
