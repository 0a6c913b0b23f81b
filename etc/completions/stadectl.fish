# fish completion of stadectl(1).
set -l commands prune validate inspect tokenize submit list show watch report cancel hold release retry drain reload
set -l about_jobs show watch cancel hold release retry
complete -c stadectl -f
complete -c stadectl -n "not __fish_seen_subcommand_from $commands" -a "$commands"
complete -c stadectl -l json -d 'Print JSON'
complete -c stadectl -l help -d 'Explain'
complete -c stadectl -n "not __fish_seen_subcommand_from inspect tokenize" -l config -r -F -d 'The configuration'
complete -c stadectl -n "not __fish_seen_subcommand_from prune validate inspect tokenize" -l spool -x \
    -a '(__fish_complete_directories)' -d 'The spool'
complete -c stadectl -n '__fish_seen_subcommand_from prune' -l resume -d 'Keep a snapshot, go on from one'
complete -c stadectl -n '__fish_seen_subcommand_from drain' -l off -d 'Start jobs again'
complete -c stadectl -n '__fish_seen_subcommand_from prune validate submit' -F
complete -c stadectl -n '__fish_seen_subcommand_from report inspect tokenize' -a '(__fish_complete_directories)'
complete -c stadectl -n "__fish_seen_subcommand_from $about_jobs" \
    -a "(stadectl list 2>/dev/null | awk 'NR > 1 { print \$1 \"\t\" \$2 }')"
