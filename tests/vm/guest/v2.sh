# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash disable=SC2154,SC2086  # what lib.sh sets, none of it with spaces
mount_v2 /sys/fs/cgroup
. /oom.sh

# The service is killed in the middle of a reclaim in many small steps, and started again.
meanwhile() {
  cgroup killed /killed.slice/work.scope
  server killed /disk/killed
  ask killed
  begun=$(($(cat "$(dir_of killed)/memory.current") - 6 * mib))
  service killed <<CONFIG
parent = "$cgroup_root/killed.slice"
interval = "1s"
threshold = "16MiB"
reclaim_to = "4MiB"
reclaim_step = "64KiB"
cooldown = "1h"
CONFIG
  workload kill-below "$(cat /tmp/killed.service)" "$(dir_of killed)/memory.current" $begun \
    > $results/killed/usage_when_killed
  settle
  snapshot killed after
  sql killed "SELECT count(*) FROM scan" > $results/killed/scans_before
  service killed
  wait_until "five scans after the crash" scans killed $(($(cat $results/killed/scans_before) + 5))
  stop_service killed
}

everyday_run

# In a container with cache worth a reclaim something waits for memory all the time: it keeps allocating
# although it is far over its memory.high, so the kernel has it sleep with every allocation. That is so
# whatever the reclaim does. The steps are big enough to take several ticks of the kernel's clock (4 ms) each,
# here in an emulated machine: the time between two readings of memory.pressure in the same tick is not
# counted, not even in the next reading.
id=$(echo pressed | sha256sum | cut -c 1-64)
cgroup pressed /pressed.slice/docker-$id.scope
cgroup pressed_cache /pressed.slice/docker-$id.scope/cache
cgroup pressed_waiting /pressed.slice/docker-$id.scope/waiting
echo 160M > "$(dir_of pressed)/memory.max"
server pressed_cache /disk/pressed
ask pressed_cache
load pressed_waiting --own $((16 * mib)) allocate
wait_until "pressed_waiting has its memory" usage_over pressed_waiting $((16 * mib))
echo 4M > "$(dir_of pressed_waiting)/memory.high"
waiting() { [ "$(sed -n 's/^some .*total=//p' "$(dir_of pressed)/memory.pressure")" -ge 1000000 ]; }
wait_until "and waits" waiting
for bound in 10 100; do
  snapshot pressed before_$bound
  service pressed_$bound <<CONFIG
parent = "$cgroup_root/pressed.slice"
interval = "1s"
reclaim_step = "12MiB"
max_pressure = "$bound%"
cooldown = "1h"
CONFIG
  wait_until "pressed is reclaimed, bound $bound %" ended_reclaims pressed_$bound 1 pressed
  snapshot pressed after_$bound
  stop_service pressed_$bound
done

# Eight readers go through the same file all the time, and it fits: nobody waits, until it is reclaimed under their hands.
# The steps are small so that it takes long enough for the readers to get their turn in an emulated machine.
id=$(echo rereading | sha256sum | cut -c 1-64)
cgroup rereading /rereading.slice/docker-$id.scope
echo 64M > "$(dir_of rereading)/memory.max"
load rereading reread /disk/reread 8 0
wait_until "rereading has read its file" usage_over rereading $((46 * mib))
sleep 1
snapshot rereading before
service rereading <<CONFIG
parent = "$cgroup_root/rereading.slice"
interval = "1s"
reclaim_step = "128KiB"
cooldown = "1h"
CONFIG
wait_until "rereading is reclaimed" ended_reclaims rereading 1 rereading
snapshot rereading after
stop_service rereading

for name in streamed served bare tmpfs anon looping killed pressed_cache pressed_waiting rereading; do end_load $name; done
killall -9 workload
rm /tmp/filled
oom_run
