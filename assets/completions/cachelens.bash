# Completions of cachelens for bash 4.3 or later. `cachelens completions bash` prints them.
# Sources hold `:` and `=`, at which bash divides words, so the words are taken from the line.
_cachelens() {
    local line="${COMP_LINE:0:COMP_POINT}" words current prefix value
    read -ra words <<<"$line"
    [[ $line != *[[:space:]] ]] || words+=("")
    current="${words[-1]}"
    # What bash does not replace: everything before the part that it takes for the word.
    prefix="${current%"$2"}"
    COMPREPLY=()
    while IFS=$'\t' read -r value _; do
        value="${value#"$prefix"}"
        case "$value" in
            *[!A-Za-z0-9_./:=,#@%+~-]*) printf -v value %q "$value" ;;
        esac
        COMPREPLY+=("$value")
    done < <("${words[0]}" complete -- "${words[@]}" 2>/dev/null)
    # More may follow what ends like this.
    case "${COMPREPLY-}" in
        *[=/:,]) compopt -o nospace ;;
    esac
}
complete -o bashdefault -F _cachelens cachelens
