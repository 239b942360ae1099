#!/usr/bin/env bash
# Explains which steps of a build miss the cache, and comments that on the pull request. The build command is read, never run.
set -euo pipefail
here="$(dirname "${BASH_SOURCE[0]}")"
source "$here/words.sh"

split_words command "$INPUT_WHY" why
page="$(mktemp)"
trap 'rm -f "$page"' EXIT
# Exit 4: some cache could not be read, and the others explain the build.
code=0
cachelens why --format markdown --summary "${flags[@]}" -- "${command[@]}" >"$page" || code=$?
((code == 0 || code == 4)) || exit "$code"
cat "$page"
[[ "${INPUT_COMMENT:-true}" != true ]] || "$here/comment.sh" "$page"
