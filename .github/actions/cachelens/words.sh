# Functions that the scripts of the action share.

# Sets the array $1 to the words of $2, the value of the input $3. Quotes work as in a shell; nothing is expanded or run. A text
# that cannot be split ends the script: a part of the flags may delete more than all of them.
split_words() {
  local -n into="$1"
  local text
  if ! text="$(xargs -r -n1 printf '%s\n' <<<"$2" 2>/dev/null)"; then
    echo "::error::cachelens: a quote in \`$3\` is not closed" >&2
    exit 2
  fi
  into=()
  [[ -z "$text" ]] || mapfile -t into <<<"$text"
}

# Prints the lines of a text that are not blank.
lines() {
  sed 's/^[[:space:]]*//; s/[[:space:]]*$//; /^$/d' <<<"$1"
}

# The flags of every command.
flags=(--quiet)
[[ -z "${INPUT_CONFIG:-}" ]] || flags+=(--config "$INPUT_CONFIG")
