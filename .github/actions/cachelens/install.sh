#!/usr/bin/env bash
# Puts cachelens on the path: the one that is there, else one built from the commit of this action.
set -euo pipefail

if command -v cachelens >/dev/null; then
  cachelens version
  exit 0
fi
root="${RUNNER_TEMP:?}/cachelens"
# The commit, branch or tag of the action, which `cachelens version` shows.
[[ -z "${GITHUB_ACTION_REF:-}" ]] || export CACHELENS_COMMIT="$GITHUB_ACTION_REF"
cargo install --locked --root "$root" --path "$(dirname "${BASH_SOURCE[0]}")/../../.."
echo "$root/bin" >>"${GITHUB_PATH:?}"
