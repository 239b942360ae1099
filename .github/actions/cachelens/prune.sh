#!/usr/bin/env bash
# Shows what a prune deletes, in the log and in the summary, and carries it out where that is wanted.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/words.sh"

mapfile -t sources < <(lines "$INPUT_PRUNE")
split_words more "${INPUT_PRUNE_FLAGS:-}" prune-flags
apply=(--dry-run)
[[ "${INPUT_PRUNE_APPLY:-false}" != true ]] || apply=(--yes)
cachelens prune "${sources[@]}" "${apply[@]}" --summary "${flags[@]}" ${more[@]+"${more[@]}"}
