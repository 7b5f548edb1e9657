# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash disable=SC2154,SC2086  # what lib.sh sets, none of it with spaces
mount -t tmpfs cgroup /sys/fs/cgroup
mount_v1 /sys/fs/cgroup/memory
. /oom.sh
meanwhile() { :; }
everyday_run

# With swap, emptying a cgroup (nothing is to stay) swaps out what it has besides its cache.
mkswap /disk/swap > /dev/null
swapon /disk/swap
cgroup-memory-manager check --format csv > $results/check_swap.txt 2>&1
container swapper 64M
own="--own $((20 * mib))" server swapper /disk/swapper
ask swapper
settle
snapshot swapper before
service swap <<CONFIG
interval = "1s"
cooldown = "1h"
reclaim_to = "0"
CONFIG
wait_until "swapper is reclaimed" ended_reclaims swap 1 swapper
settle
snapshot swapper reclaimed
stop_service swap
end_load swapper
swapoff /disk/swap

for name in streamed served bare tmpfs anon looping; do end_load $name; done
rm /tmp/filled
oom_run
