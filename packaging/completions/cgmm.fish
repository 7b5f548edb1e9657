# SPDX-License-Identifier: Apache-2.0
# Completions for fish, installed under both names of the program.

set -l commands run report history incident status check query simulate archive metrics live serve ship fleet

# Only names that are plain words: they are other people's.
function __cgmm_known
    set -l command (commandline -opc)
    $command[1] complete $argv[1] 2>/dev/null | string match -r '^[[:alnum:]_./@][[:alnum:]_./@-]*$'
end

function __cgmm_fleet_reports
    set -l command (commandline -opc)
    $command[1] fleet report --list --format csv 2>/dev/null | string replace -r ',.*' '' | string match -r '^[[:alnum:]_]+$'
end

for program in cgroup-memory-manager cgmm
    set -l complete complete -c $program
    set -l first "not __fish_seen_subcommand_from $commands"
    $complete -f
    $complete -n $first -a run -d 'The service'
    $complete -n $first -a report -d 'The weekly summary, or one report by name'
    $complete -n $first -a history -d "A cgroup's memory over time"
    $complete -n $first -a incident -d 'After an OOM kill: who, why, and what led up to it'
    $complete -n $first -a status -d 'Whether the service runs, and how well'
    $complete -n $first -a check -d 'What is right on this node and what is not'
    $complete -n $first -a query -d 'Your own SQL on the history'
    $complete -n $first -a simulate -d 'What another configuration would have done'
    $complete -n $first -a archive -d 'All samples, for other programs'
    $complete -n $first -a metrics -d "The node's numbers for Prometheus"
    $complete -n $first -a live -d 'All cgroups on the terminal, now and at any time of the history'
    $complete -n $first -a serve -d "The node's pages and metrics over HTTP"
    $complete -n $first -a ship -d 'Send the history to ClickHouse'
    $complete -n $first -a fleet -d 'The histories of all nodes in ClickHouse'
    $complete -n $first -s V -l version -d 'Version'
    $complete -n $first -a help -d 'The options of a command, with examples'
    $complete -s h -l help -d 'Usage'
    $complete -l config -rF -d 'The configuration'
    $complete -l database -rF -d 'The history, a SQLite file'

    set -l run "$first; or __fish_seen_subcommand_from run check"
    $complete -n $run -l parent -x -a 'auto (__fish_complete_directories)' -d 'Directory whose cgroups are tracked'
    $complete -n $run -l threshold -x -a '25% 50% 512Mi' -d 'Page cache at or over this is reclaimed'
    $complete -n $run -l interval -x -d 'Time from one scan to the next'
    $complete -n $run -l cooldown -x -d 'How long a cgroup is left alone after a reclaim'
    $complete -n $run -l dry-run -d 'Record what would be reclaimed, but reclaim nothing'
    $complete -n $run -l cycles -x -d 'Stop after this many scans'
    $complete -n $run -l log-level -x -a 'trace debug info warn error off' -d 'What is logged'

    set -l looks '__fish_seen_subcommand_from report history incident status check query simulate ship'
    set -l reads '__fish_seen_subcommand_from report history incident status check query simulate metrics export'
    $complete -n $looks -l format -x -a 'text markdown html csv json ndjson' -d 'Output format'
    $complete -n '__fish_seen_subcommand_from export' -l format -x -a 'csv ndjson sqlite' -d 'Output format'
    $complete -n "$looks export" -l output -rF -d 'Write to this file instead of standard output'
    $complete -n $looks -l wide -d 'Text: all columns, and no name shortened'
    $complete -n $looks -l width -x -d 'Text: make it fit so many columns'
    $complete -n $looks -l local-time -d "Times in the machine's zone"
    $complete -n $looks -l no-pager -d 'Write long text to the terminal'
    $complete -n $reads -l max-time -x -d 'Until the answer has to be complete'
    $complete -n $reads -l max-memory -x -d 'Memory for the answer'
    set -l window '__fish_seen_subcommand_from report history incident simulate export'
    $complete -n $window -l since -x -a '1h 1d 7d 30d' -d 'Begin of the window'
    $complete -n $window -l until -x -d 'End of the window'
    $complete -n '__fish_seen_subcommand_from report incident simulate' -l cgroup -x -a '(__cgmm_known workloads)' -d 'Only cgroups that match this glob'
    $complete -n '__fish_seen_subcommand_from report history incident simulate' -l workload -x -a '(__cgmm_known workloads)' -d 'Only workloads that match this glob'
    $complete -n '__fish_seen_subcommand_from history' -l each -d 'Every cgroup alone'
    $complete -n '__fish_seen_subcommand_from report' -l list -d 'List the reports'
    $complete -n '__fish_seen_subcommand_from report; and not __fish_seen_subcommand_from fleet' -a '(__cgmm_known reports)' -d 'Report'
    $complete -n '__fish_seen_subcommand_from status' -l short -d 'Only the first line'
    $complete -n '__fish_seen_subcommand_from check' -l config-only -d 'Only the configuration'
    $complete -n '__fish_seen_subcommand_from incident' -l all -d 'Every kill'
    $complete -n '__fish_seen_subcommand_from incident' -l window -x -a '30m 2h' -d 'How much time before the kill'
    set -l simulate '__fish_seen_subcommand_from simulate'
    $complete -n $simulate -l preset -x -a 'rust shipped psi refault' -d 'Instead of a configuration'
    $complete -n $simulate -l policy -x -a 'idle target rust' -d 'Another policy'
    $complete -n $simulate -l threshold -x -a '10% 50% 512Mi' -d 'Another threshold'
    $complete -n $simulate -l cooldown -x -d 'Another cooldown'
    $complete -n $simulate -l backtest -d 'How far a simulation is from what really was'
    $complete -n '__fish_seen_subcommand_from archive; and not __fish_seen_subcommand_from export' -a export -d 'All samples of a time'
    $complete -n '__fish_seen_subcommand_from metrics' -l textfile -rF -d 'Write to this file'
    $complete -n '__fish_seen_subcommand_from live' -l at -x -a '1h 1d 7d' -d 'Begin at this time'
    $complete -n '__fish_seen_subcommand_from live' -l local-time -d "Times in the machine's zone"
    $complete -n '__fish_seen_subcommand_from serve' -l listen -x -a '127.0.0.1:9748' -d 'Where'
    $complete -n '__fish_seen_subcommand_from serve' -l token-file -rF -d 'Only for who sends its first line'
    $complete -n '__fish_seen_subcommand_from serve' -l cert -rF -d 'The certificate for https'
    $complete -n '__fish_seen_subcommand_from serve' -l key -rF -d 'Its private key'
    $complete -n '__fish_seen_subcommand_from metrics serve' -l containers -d 'With the memory of each container'
    $complete -n '__fish_seen_subcommand_from serve' -l fleet -d 'Pages of all nodes, from ClickHouse'
    $complete -n '__fish_seen_subcommand_from metrics' -l openmetrics -d 'As OpenMetrics'
    $complete -n '__fish_seen_subcommand_from ship' -l once -d 'Send all that is not there yet, then end'
    $complete -n '__fish_seen_subcommand_from ship' -l dry-run -d 'Say how much that is, but send nothing'
    $complete -n '__fish_seen_subcommand_from ship' -l check -d 'Say whether it can be sent'
    $complete -n '__fish_seen_subcommand_from ship' -l node -x -d 'What this node is called there'
    $complete -n '__fish_seen_subcommand_from history; and not __fish_seen_subcommand_from fleet' -a '(__cgmm_known workloads)' -d 'Workload'
    $complete -n '__fish_seen_subcommand_from incident; and not __fish_seen_subcommand_from fleet' -a 'list show latest (__cgmm_known kills)'
    $complete -n '__fish_seen_subcommand_from fleet; and __fish_seen_subcommand_from incident' -a 'list show latest'
    $complete -n '__fish_seen_subcommand_from fleet; and not __fish_seen_subcommand_from init report incident history query' -a 'init report incident history query'
    set -l init '__fish_seen_subcommand_from fleet; and __fish_seen_subcommand_from init'
    set -l asks '__fish_seen_subcommand_from fleet; and __fish_seen_subcommand_from report incident history'
    $complete -n '__fish_seen_subcommand_from fleet' -l print -d 'Print the SQL, but run none'
    $complete -n $init -l cluster -x -d 'Make the tables on all servers of this cluster'
    $complete -n $init -l keep-samples -x -a '7d 30d' -d 'How long ClickHouse keeps samples'
    $complete -n $init -l keep-hours -x -a '90d 365d' -d 'How long it keeps the rest'
    $complete -n $asks -l node -x -d 'Only nodes that match this glob'
    $complete -n '__fish_seen_subcommand_from fleet; and __fish_seen_subcommand_from report' -a '(__cgmm_fleet_reports)' -d 'Report'
end
