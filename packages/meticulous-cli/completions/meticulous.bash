# Completion of `meticulous` for bash. It needs nothing else, and is written for the bash 3.2 of macOS, too.

_meticulous() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} word
    # In --args=all, bash takes the sign for a word of its own.
    if [[ $current == = ]]; then
        current=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    COMPREPLY=()
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <(_meticulous_words "$previous" "$current")
}

_meticulous_words() {
    case $1 in
        --args) compgen -W "none truncated non-default all" -- "$2" ;;
        --export-format) compgen -W "csv json md tex parquet pickle" -- "$2" ;;
        --export) compgen -f -- "$2" ;;
        --columns | --filter | --groupby | --last | --over | --sort | --tail) ;; # only the user knows
        *)
            if [[ $2 == -* ]]; then
                compgen -W "--filter --last --sort --sort-reverse --tail --columns --args --list-columns
                    --normalize-json-values --groupby --over --export --export-format --flat-cols --no-flat-cols
                    --paths --validate --version --help -h" -- "$2"
            else
                compgen -d -- "$2"
            fi
            ;;
    esac
}

complete -o filenames -F _meticulous meticulous
