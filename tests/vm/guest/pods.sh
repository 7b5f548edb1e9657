# SPDX-License-Identifier: Apache-2.0
# Pods on cgroup v2: what ended containers have left, tasks that are throttled, and a pod at its limit.
# shellcheck shell=dash disable=SC2154,SC2086  # what lib.sh sets, none of it with spaces
mount_v2 /sys/fs/cgroup

# pod NAME LIMIT, then: container_in POD NAME.
pod() {
  local uid
  uid=$(echo "$1" | md5sum | sed 's/^\(.\{8\}\)\(....\)\(....\)\(....\)\(.\{12\}\).*/\1_\2_\3_\4_\5/')
  cgroup "$1" /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod$uid.slice
  echo "$2" > "$(dir_of "$1")/memory.max"
}
container_in() {
  cgroup "$2" "$(path_of "$1")/cri-containerd-$(echo "$2" | sha256sum | cut -c 1-64).scope"
}
# ended NAME: its processes are dead and its directory is removed.
gone() { rmdir "$(dir_of "$1")"; }
ended() {
  end_load "$1"
  wait_until "$1 is gone" gone "$1"
}
seen() { sql_says "$1" "SELECT count(*) >= $3 FROM v_sample WHERE path = '$(path_of "$2")'" 1; }
snapshots() {
  local name
  for name in most_pod most_living less_pod less_living idle_pod idle_living; do snapshot $name $1; done
}

# Three pods with a container that has ended, and one that runs. In "most" and "idle" most of the cache was the ended one's; the
# running one reads its file all the time in "most", and never again in "idle". In "less" it has most of it.
for name in most less idle; do
  pod ${name}_pod 256M
  container_in ${name}_pod ${name}_ended
  container_in ${name}_pod ${name}_living
done
server most_ended /disk/left_most
server idle_ended /disk/left_idle
server less_ended /disk/left_less
server idle_living /disk/lives_idle
server less_living /disk/lives_less
for name in most_ended idle_ended less_ended idle_living less_living; do ask $name; done
load most_living $own reread /disk/lives_most 1 20
wait_until "most_living has read its file" usage_over most_living $((34 * mib))
service before <<CONFIG
interval = "1s"
reclaim_scope = "containers"
threshold = "90%"
CONFIG
wait_until "all are sampled" scans before 2
for name in most_ended idle_ended less_ended; do ended $name; done
settle
snapshots before
stop_service before
service main <<CONFIG
interval = "1s"
cooldown = "5m"
observe_for = "15s"
CONFIG
wait_until "the remainders are reclaimed" ended_reclaims main 1 most_pod idle_pod
settle
snapshots reclaimed
ask idle_living
wait_until "the effects are known" effects_known main most_pod idle_pod
snapshots end
stop_service main
for name in most_living idle_living less_living; do end_load $name; done

# A container far over its memory.high, whose tasks get memory all the time: the kernel has them sleep. Nobody else runs there.
pod high_pod 256M
container_in high_pod high
service limits <<CONFIG
interval = "5s"
reclaim_scope = "containers"
threshold = "90%"
CONFIG
load high --own $((24 * mib)) allocate
wait_until "high has its memory" usage_over high $((24 * mib))
echo 4M > "$(dir_of high)/memory.high"
wait_until "it is on record that high is stuck" sql_says limits "SELECT count(*) FROM stuck" 1
sleep 5
end_load high
wait_until "and that it ended" sql_says limits "SELECT count(*) FROM stuck WHERE ended_at_us IS NOT NULL" 1

# kubernetes#128339: an init container writes to a tmpfs and ends; the next container is killed at the pod's limit.
pod oom_pod 128M
container_in oom_pod oom_init
load oom_init fill /tmp/left $((48 * mib))
wait_until "the init container has written" usage_over oom_init $((48 * mib))
scan_count=$(sql limits "SELECT count(*) FROM scan WHERE is_partial IS NOT 1")
wait_until "it is sampled" sql_says limits \
  "SELECT count(*) >= $scan_count + 2 FROM scan WHERE is_partial IS NOT 1" 1
ended oom_init
container_in oom_pod oom_app
wait_until "the app is known" seen limits oom_app 1
load oom_app eat 4 0
echo "oom_app $(cat /tmp/oom_app.pid)" >> $results/victims
wait "$(cat /tmp/oom_app.pid)"
wait_until "the kill is on record" sql_says limits "SELECT count(*) FROM oom_kill" 1
stop_service limits
cgroup-memory-manager incident show latest --database $results/limits/history.db > $results/incident.txt 2>&1
cgroup-memory-manager incident show s1 --database $results/limits/history.db > $results/stuck.txt 2>&1
cgroup-memory-manager report pods --database $results/main/history.db > $results/pods.txt 2>&1
