# SPDX-License-Identifier: Apache-2.0
# Completions for bash, installed under both names of the program. They do not use bash-completion, except to be found.

_cgmm() {
  local run='--config --parent --threshold --interval --cooldown --database --dry-run --cycles --log-level'
  local window='--since --until' output='--format --output' history='--config --database'
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' words='' index
  COMPREPLY=()

  for ((index = 1; index < COMP_CWORD; index++)); do
    case ${COMP_WORDS[index]} in
      run | report | history | incident | status | check | query) command=${COMP_WORDS[index]} && break ;;
    esac
  done

  case $previous in
    --config | --database | --output) compopt -o filenames && COMPREPLY=($(compgen -f -- "$current")) && return ;;
    --parent) compopt -o filenames && COMPREPLY=($(compgen -d -W auto -- "$current")) && return ;;
    --format) words='text markdown html csv json' ;;
    --log-level) words='trace debug info warn error off' ;;
    --since | --until) words='1h 1d 7d 30d' ;;
    --threshold) words='25% 50% 512Mi' ;;
    --window) words='30m 2h' ;;
    --interval | --cooldown | --cycles | --cgroup) return ;;
    *)
      case $command in
        '') words="run report history incident status check query $run --version --help" ;;
        run) words="$run --help" ;;
        report)
          words="$window $output $history --cgroup --list --help"
          [[ $current == -* ]] || words=$("${COMP_WORDS[0]}" report --list --format csv 2>/dev/null | sed '1d;s/,.*//') ;;
        history) words="$window $output $history --help" ;;
        incident)
          words="$window $output $history --cgroup --window --help"
          if [[ $previous == show ]]; then
            words=latest
          elif [[ $previous == incident ]]; then
            words="list show $words"
          fi ;;
        status | query) words="$output $history --help" ;;
        check) words="$run $output --help" ;;
      esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _cgmm cgroup-memory-manager cgmm
