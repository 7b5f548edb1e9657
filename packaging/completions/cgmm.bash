# SPDX-License-Identifier: Apache-2.0
# Completions for bash, installed under both names of the program. They do not use bash-completion, except to be found.
# Names of reports and files are other people's words: nothing here expands them. `compgen -W` would.

# Offers the words that begin with what was typed.
_cgmm_words() {
  local word
  for word; do
    [[ $word != "$current"* ]] || COMPREPLY+=("$word")
  done
}

# Offers names of this program's own, from "complete WHAT" or the command: only those that are plain words.
_cgmm_known() {
  local names
  [[ $# -gt 1 ]] || set -- complete "$1"
  mapfile -t names < <("${COMP_WORDS[0]}" "$@" 2>/dev/null | cut -d, -f1 | grep -E '^[[:alnum:]_./@][[:alnum:]_./@-]*$')
  _cgmm_words "${names[@]}"
}

# Offers files (-f) or directories (-d).
_cgmm_files() {
  compopt -o filenames
  mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "$1" -- "$current")
}

_cgmm() {
  local run='--config --parent --threshold --interval --cooldown --database --dry-run --cycles --log-level'
  local window='--since --until' output='--format --output --wide --width --local-time --no-pager --max-time --max-memory' history='--config --database'
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' what='' words='' index
  COMPREPLY=()

  for ((index = 1; index < COMP_CWORD; index++)); do
    case ${COMP_WORDS[index]} in
      run | report | history | incident | status | check | query | simulate | metrics | live | serve | ship) command=${COMP_WORDS[index]} && break ;;
      fleet | archive)
        command=${COMP_WORDS[index]}
        ((index + 1 >= COMP_CWORD)) || what=${COMP_WORDS[index + 1]}
        break ;;
    esac
  done

  case $previous in
    --config | --database | --output | --textfile | --token-file | --cert | --key) _cgmm_files -f && return ;;
    --parent) _cgmm_words auto && _cgmm_files -d && return ;;
    --format) [[ $command == archive ]] && words='csv ndjson sqlite' || words='text markdown html csv json ndjson' ;;
    --log-level) words='trace debug info warn error off' ;;
    --since | --until | --at) words='1h 1d 7d 30d' ;;
    --threshold) words='25% 50% 512Mi' ;;
    --window) words='30m 2h' ;;
    --preset) words='rust shipped psi refault' ;;
    --policy) words='idle target rust' ;;
    --cgroup | --workload) _cgmm_known workloads && return ;;
    --interval | --cooldown | --listen | --cycles | --width | --max-time | --max-memory | --node | --cluster | --keep-samples | --keep-hours) return ;;
    *)
      case $command in
        '') words="run report history incident status check query simulate archive metrics live serve ship fleet help $run --version --help" ;;
        run) words="$run --help" ;;
        report)
          words="$window $output $history --cgroup --workload --list --help"
          [[ $current == -* ]] || { _cgmm_known reports && return; } ;;
        history)
          words="$window $output $history --workload --each --help"
          [[ $current == -* ]] || { _cgmm_known workloads && words=backup; } ;;
        incident)
          words="$window $output $history --cgroup --workload --all --window --help"
          if [[ $previous == show ]]; then
            words=latest
            _cgmm_known kills
          elif [[ $previous == incident ]]; then
            words="list show $words"
          fi ;;
        status) words="--short $output $history --help" ;;
        query) words="$output $history --help" ;;
        simulate) words="$window $output $history --preset --policy --threshold --cooldown --cgroup --workload --backtest --help" ;;
        check) words="$run $output --config-only --help" ;;
        archive)
          if [[ $what == export ]]; then
            words="$window --format --output --max-time --max-memory $history --help"
          else
            words='--help' && [[ $previous != archive || $current == -* ]] || words='export'
          fi ;;
        metrics) words="--textfile --containers --openmetrics --max-time --max-memory $history --help" ;;
        live) words="--at --local-time $history --help" ;;
        serve) words="--listen --token-file --cert --key --containers --fleet $history --help" ;;
        ship) words='--once --dry-run --check --node --format --output --wide --width --local-time --no-pager --config --database --help' ;;
        fleet)
          case $what in
            init) words='--print --cluster --keep-samples --keep-hours --config --help' ;;
            report)
              words="$window $output --config --node --cgroup --workload --list --print --help"
              [[ $current == -* ]] || { _cgmm_known fleet report --list --format csv && return; } ;;
            incident)
              words="$window $output --config --node --cgroup --workload --all --window --help"
              if [[ $previous == show ]]; then
                words=latest
              elif [[ $previous == incident ]]; then
                words="list show $words"
              fi ;;
            history) words="$window $output --config --node --cgroup --workload --each --help" ;;
            query) words="$output --config --help" ;;
            *) words='--help' && [[ $previous != fleet || $current == -* ]] || words='init report incident history query' ;;
          esac ;;
      esac ;;
  esac
  # shellcheck disable=SC2086  # words of this file
  _cgmm_words $words
}
complete -F _cgmm cgroup-memory-manager cgmm
