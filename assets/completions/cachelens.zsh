#compdef cachelens
# Completions of cachelens for zsh. `cachelens completions zsh` prints them; save it as `_cachelens` in a directory of $fpath.
_cachelens() {
    local line value
    local -a open closed openly closely
    for line in "${(@f)$(_call_program values "${(q)words[1]}" complete -- "${(@q)${(@Q)words[1,CURRENT]}}" 2>/dev/null)}"; do
        value="${line%%$'\t'*}"
        [[ -n $value ]] || continue
        # More may follow what ends like this.
        if [[ $value == *[=/:,] ]]; then
            open+=("$value")
            openly+=("$value  ${line#*$'\t'}")
        else
            closed+=("$value")
            closely+=("$value  ${line#*$'\t'}")
        fi
    done
    compadd -l -d closely -a closed
    compadd -S '' -l -d openly -a open
}
if [[ $funcstack[1] == _cachelens ]]; then
    _cachelens "$@"
else
    compdef _cachelens cachelens
fi
