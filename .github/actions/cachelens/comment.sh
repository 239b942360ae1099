#!/usr/bin/env bash
# Writes a page as a comment on the pull request of the event: `comment.sh PAGE`. A comment that is there is replaced.
set -euo pipefail

page="$1"
marker='<!-- cachelens why -->'
# GitHub refuses comments of more than 65,536 characters.
most=60000

number="$(jq -r '.pull_request.number // empty' "${GITHUB_EVENT_PATH:?}")"
if [[ -z "$number" ]]; then
  echo "no comment: the event is not about a pull request"
  exit 0
fi
comments="${GITHUB_API_URL:-https://api.github.com}/repos/${GITHUB_REPOSITORY:?}/issues"

# Calls the API: `api METHOD URL [CURL OPTION…]`. The token is not on the command line, where other processes see it.
api() {
  printf 'header = "Authorization: Bearer %s"\n' "${GH_TOKEN:?}" |
    curl --config - --silent --show-error --fail-with-body --max-time 60 \
      --header 'Accept: application/vnd.github+json' --request "$1" "$2" "${@:3}"
}

body="$(mktemp)"
trap 'rm -f "$body"' EXIT
jq -Rs --arg marker "$marker" --argjson most "$most" \
  '{body: ($marker + "\n" + (if length > $most then .[:$most] + "\n\n… the rest is in the summary of the job." else . end))}' \
  <"$page" >"$body"

# The comment of an earlier run: only comments of bots are replaced, whatever others write.
known=""
for ((at = 1; at <= 20; at++)); do
  listed="$(api GET "$comments/$number/comments?per_page=100&page=$at")"
  known="$(jq -r --arg marker "$marker" \
    'map(select(.user.type == "Bot" and (.body | startswith($marker))))[0].id // empty' <<<"$listed")"
  (($(jq length <<<"$listed") == 100)) && [[ -z "$known" ]] || break
done

if [[ -n "$known" ]]; then
  sent=(PATCH "$comments/comments/$known")
else
  sent=(POST "$comments/$number/comments")
fi
# The token of a pull request from a fork only reads. The summary has the same page.
if ! answer="$(api "${sent[@]}" --data "@$body")"; then
  message="$(jq -r '.message // empty' <<<"$answer" 2>/dev/null || true)"
  echo "::warning title=cachelens::the pull request has no comment: ${message:-the API did not answer}"
fi
