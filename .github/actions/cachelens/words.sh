# Functions that the scripts of the action share.

# Prints the words of a text, one a line. Quotes work as in a shell; nothing is expanded or run.
words() {
  xargs -n1 printf '%s\n' <<<"$1"
}

# Prints the lines of a text that are not blank.
lines() {
  sed 's/^[[:space:]]*//; s/[[:space:]]*$//; /^$/d' <<<"$1"
}

# The flags of every command.
flags=(--quiet)
[[ -z "${INPUT_CONFIG:-}" ]] || flags+=(--config "$INPUT_CONFIG")
