# SPDX-License-Identifier: Apache-2.0
# As systemd mounts it where it is told to use the hybrid hierarchy: memory in v1, and a v2 tree without it
# for itself.
# shellcheck shell=dash disable=SC2154,SC2086  # what lib.sh sets, none of it with spaces
mount -t tmpfs cgroup /sys/fs/cgroup
mount_v1 /sys/fs/cgroup/memory
mkdir /sys/fs/cgroup/unified
mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
mkdir /sys/fs/cgroup/unified/kubepods.slice
cat /sys/fs/cgroup/unified/cgroup.controllers > $results/unified.controllers

container streamed 64M
cgroup-memory-manager check --format csv > $results/check.txt 2>&1
server streamed /disk/streamed
ask streamed
settle
snapshot streamed before
service main <<CONFIG
interval = "1s"
CONFIG
wait_until "streamed is reclaimed" ended_reclaims main 1 streamed
settle
snapshot streamed reclaimed
stop_service main
