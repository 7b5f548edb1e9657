# SPDX-License-Identifier: Apache-2.0
# What the scenarios are written in. A wait that comes to nothing is noted in results/failures and the
# scenario goes on, so that one boot shows everything that went wrong.
# shellcheck shell=dash

results=/disk/results
mib=1048576
mkdir -p $results/kernel
: > $results/failures

say() { echo "$(cut -d' ' -f1 /proc/uptime) $*" | tee -a $results/scenario.log; }

# wait_until WHAT COMMAND...: until it succeeds.
wait_until() {
  local what=$1 end=$(($(date +%s) + 120))
  shift
  while ! "$@" 2>> $results/waits.log; do
    if [ "$(date +%s)" -ge "$end" ]; then
      say "waited in vain: $what"
      echo "$what" >> $results/failures
      return 1
    fi
    usleep 200000
  done
  say "$what"
}

# --- cgroups

# mount_v1 and mount_v2 DIR: the memory hierarchy, there.
mount_v1() {
  cgroup_root=$1
  usage_file=memory.usage_in_bytes
  limit_file=memory.limit_in_bytes
  driver=cgroupfs
  mkdir -p "$1"
  mount -t cgroup -o memory memory "$1"
}
mount_v2() {
  cgroup_root=$1
  usage_file=memory.current
  limit_file=memory.max
  driver=systemd
  mount -t cgroup2 cgroup2 "$1"
}

# container NAME [LIMIT]: makes a container's cgroup, as containerd does. Its path is in results/cgroups.
container() {
  local pod id path
  pod=$(echo "$1" | md5sum | sed 's/^\(.\{8\}\)\(....\)\(....\)\(....\)\(.\{12\}\).*/\1-\2-\3-\4-\5/')
  id=$(echo "$1" | sha256sum | cut -c 1-64)
  case $driver in
    systemd)
      path=/kubepods.slice/kubepods-burstable.slice
      path=$path/kubepods-burstable-pod$(echo "$pod" | tr - _).slice/cri-containerd-$id.scope ;;
    cgroupfs) path=/kubepods/burstable/pod$pod/$id ;;
  esac
  cgroup "$1" "$path"
  [ $# -lt 2 ] || echo "$2" > "$cgroup_root$path/$limit_file"
}

# cgroup NAME PATH: makes it, with the memory controller.
cgroup() {
  local dir=$cgroup_root$2
  mkdir -p "$dir"
  echo "$1 $2" >> $results/cgroups
  [ -f "$cgroup_root/cgroup.subtree_control" ] || return 0
  while [ "$dir" != "$cgroup_root" ]; do
    dir=$(dirname "$dir")
    echo "$dir"
  done | tac | while read -r dir; do echo +memory > "$dir/cgroup.subtree_control"; done
}

path_of() { sed -n "s/^$1 //p" $results/cgroups; }
dir_of() { echo "$cgroup_root$(path_of "$1")"; }

# snapshot NAME MOMENT: keeps what the kernel says of a container's cgroup.
snapshot() {
  local to=$results/kernel/$1.$2 file
  mkdir -p "$to"
  for file in memory.current memory.stat memory.events memory.pressure memory.usage_in_bytes; do
    [ ! -f "$(dir_of "$1")/$file" ] || cat "$(dir_of "$1")/$file" > "$to/$file"
  done
  say "snapshot: $1 $2"
}

# The kernel folds the counters of memory.stat in every 2 s; of a cgroup that is idle they are exact after
# that.
settle() { sleep 3; }

usage_over() { [ "$(cat "$(dir_of "$1")/$usage_file")" -ge "$2" ]; }

# --- loads. Their pids are in /tmp/NAME.pid.

load() {
  local name=$1
  shift
  workload --cgroup "$(dir_of "$name")" "$@" 2>> $results/workload.log &
  echo $! > "/tmp/$name.pid"
}
end_load() { kill -9 "$(cat "/tmp/$1.pid")"; }

# Memory of a load's own, as a real container has some. The kernel remembers evicted pages (and so knows a
# refault when it comes) for eight times what a cgroup still holds: of one that was emptied altogether it forgets
# nearly all.
own="--own $((10 * mib))"

# server NAME FILE, then: ask NAME, to have it read the file once.
server() {
  mkdir "/tmp/$1"
  mkfifo "/tmp/$1/ask" "/tmp/$1/answer"
  # shellcheck disable=SC2086  # two words
  load "$1" $own serve "$2" "/tmp/$1"
}
ask() {
  echo > "/tmp/$1/ask"
  read -r _ < "/tmp/$1/answer"
  say "$1 has read its file"
}

# --- the program. Each run of it has a name and a directory with its configuration, log and history.

# service NAME [OPTION...] < CONFIGURATION
# Where it names no policy, a reclaim goes down to its target at once.
service() {
  local name=$1
  shift
  mkdir -p "$results/$name"
  [ -f "$results/$name/config.toml" ] || cat > "$results/$name/config.toml"
  grep -q '^policy' "$results/$name/config.toml" || sed -i '1i policy = "target"' "$results/$name/config.toml"
  cgroup-memory-manager --config "$results/$name/config.toml" --database "$results/$name/history.db" "$@" \
    >> "$results/$name/service.log" 2>&1 &
  echo $! > "/tmp/$name.service"
  say "service $name started"
}
stop_service() {
  kill -TERM "$(cat "/tmp/$1.service")"
  wait "$(cat "/tmp/$1.service")"
  echo $? > "$results/$1/exit_status"
  say "service $1 stopped"
}

# sql NAME QUERY: one value.
sql() { cgroup-memory-manager query --database "$results/$1/history.db" --format csv "$2" | tail -n +2; }
sql_says() { [ "$(sql "$1" "$2")" = "$3" ]; }

# paths_of NAME...: for SQL.
paths_of() {
  local name list=
  for name in "$@"; do list="$list${list:+, }'$(path_of "$name")'"; done
  echo "$list"
}
# ended_reclaims SERVICE COUNT NAME...: of each, at least so many reclaims have ended.
ended_reclaims() {
  local service=$1 count=$2
  shift 2
  sql_says "$service" "SELECT count(*) = $# FROM (SELECT 1 FROM v_reclaim WHERE path IN ($(paths_of "$@"))
    AND outcome <> 'started' GROUP BY path HAVING count(*) >= $count)" 1
}
# effects_known SERVICE NAME...: of each, what became of its first reclaim is known.
effects_known() {
  local service=$1
  shift
  sql_says "$service" "SELECT count(DISTINCT path) = $# FROM v_reclaim WHERE path IN ($(paths_of "$@"))
    AND effect_ended_by IS NOT NULL" 1
}
# scans SERVICE COUNT
scans() { sql_says "$1" "SELECT count(*) >= $2 FROM scan" 1; }

# --- what v1 and v2 have in common

# The service as it is found after an installation: nothing is said of the hierarchy. Five containers with a
# limit of 64 MiB, of which the threshold is a quarter.
everyday_run() {
  local name
  for name in streamed served bare looping tmpfs anon; do container $name 64M; done
  cgroup cron /system.slice/cron.service
  cgroup-memory-manager check --format csv > $results/check.txt 2>&1

  server streamed /disk/streamed
  server served /disk/served
  own='' server bare /disk/bare
  load tmpfs fill /tmp/filled $((40 * mib))
  load anon anon $((40 * mib))
  ask streamed
  ask served
  ask bare
  # shellcheck disable=SC2086
  load looping $own reread /disk/looping 1 100
  wait_until "the loads are there" \
    eval "usage_over tmpfs $((40 * mib)) && usage_over anon $((40 * mib)) && usage_over looping $((50 * mib))"
  settle
  for name in streamed served bare tmpfs anon; do snapshot $name before; done

  # "served" and "bare" (which has no memory but its cache) read again after their reclaim, but are not
  # reclaimed again before the effect of the first one is known; "looping" reads all the time. Other services run beside
  # this one, so it has the pods alone.
  service main <<CONFIG
parent = "$cgroup_root/$(path_of served | cut -d/ -f2)"
interval = "1s"
cooldown = "5s"
observe_for = "20s"

[[rule]]
cgroup = "$(path_of served)"
cooldown = "2m"

[[rule]]
cgroup = "$(path_of bare)"
cooldown = "2m"
CONFIG
  wait_until "the idle are reclaimed" ended_reclaims main 1 streamed served bare
  settle
  snapshot streamed reclaimed
  snapshot served reclaimed
  snapshot bare reclaimed
  ask served
  ask bare
  settle
  snapshot served reread
  meanwhile
  wait_until "the effects are known" effects_known main streamed served bare
  wait_until "looping is reclaimed again" ended_reclaims main 2 looping

  for name in streamed served bare tmpfs anon looping; do snapshot $name end; done
  stop_service main
}
