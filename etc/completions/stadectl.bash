# bash completion of stadectl(1).
_stadectl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    local commands='prune validate inspect tokenize submit list show watch report cancel hold release retry drain reload'
    COMPREPLY=()
    case $prev in
    --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    --spool) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    esac
    if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
    elif [[ $cur == -* ]]; then
        local options='--json --help'
        case $command in inspect | tokenize) ;; *) options+=' --config' ;; esac
        case $command in prune | validate | inspect | tokenize) ;; *) options+=' --spool' ;; esac
        [ "$command" = drain ] && options+=' --off'
        [ "$command" = prune ] && options+=' --resume'
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
    else
        case $command in
        prune | validate | submit)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -X '!*.yaml' -- "$cur"; compgen -d -- "$cur")
            ;;
        report | inspect | tokenize) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
        show | watch | cancel | hold | release | retry)
            mapfile -t COMPREPLY < <(compgen -W \
                "$(stadectl list 2>/dev/null | awk 'NR > 1 { print $1 }')" -- "$cur")
            ;;
        esac
    fi
}
complete -F _stadectl stadectl
