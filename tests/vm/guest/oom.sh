# SPDX-License-Identifier: Apache-2.0
# Kills for want of memory, each of another kind, while the service runs and while it does not.
# shellcheck shell=dash disable=SC2154,SC2086  # what lib.sh sets, none of it with spaces

# victim NAME WORKLOAD...: a load that the kernel is going to kill. Its pid is noted.
victim() {
  load "$@"
  echo "$1 $(cat "/tmp/$1.pid")" >> $results/victims
}
# dead NAME: it has been killed, which its shell says as 128 and the signal.
dead() {
  wait "$(cat "/tmp/$1.pid")"
  echo "$1 $?" >> $results/deaths
}
kills_known() { sql_says oom "SELECT count(*) >= $1 FROM oom_kill" 1; }

oom_service() {
  service oom <<CONFIG
interval = "10s"
watch = "containers"
CONFIG
}

oom_run() {
  local name kinds="grower filler shared one two brief"
  for name in filler shared grouped one two brief down; do container oom_$name 32M; done
  container oom_grower 256M
  # One that shares the limit of its pod.
  echo 1024M > "$(dir_of oom_shared)/$limit_file"
  echo 32M > "$(dirname "$(dir_of oom_shared)")/$limit_file"
  oom_service
  wait_until "the service has scanned" scans oom 1

  victim oom_grower eat 50 0
  victim oom_filler fill /tmp/eaten $((64 * mib))
  dead oom_filler
  victim oom_shared eat 500 0
  dead oom_shared
  if [ -f "$(dir_of oom_grouped)/memory.oom.group" ]; then
    kinds="$kinds grouped"
    echo 1 > "$(dir_of oom_grouped)/memory.oom.group"
    victim oom_grouped eat 500 3
    dead oom_grouped
  fi
  victim oom_brief eat 500 0
  dead oom_brief
  rmdir "$(dir_of oom_brief)" || say "oom_brief is still there"
  victim oom_one eat 500 0
  victim oom_two eat 500 0
  dead oom_one
  dead oom_two
  dead oom_grower
  wait_until "the kills are on record" kills_known "$(echo $kinds | wc -w)"
  stop_service oom
  rm /tmp/eaten

  victim oom_down eat 500 0
  dead oom_down
  sql oom "SELECT count(*) FROM scan" > $results/oom/scans_before
  oom_service
  wait_until "the kill while it was down is on record" kills_known $(($(echo $kinds | wc -w) + 1))
  # The first scan may come before the counters of the earlier run are known. The second one compares with them.
  wait_until "two scans after the start" scans oom $(($(cat $results/oom/scans_before) + 2))
  stop_service oom
  cgroup-memory-manager incident show latest --database $results/oom/history.db > $results/incident.txt 2>&1
}
