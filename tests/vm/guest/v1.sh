# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash disable=SC2154,SC2086  # what lib.sh sets, none of it with spaces
mount -t tmpfs cgroup /sys/fs/cgroup
mount_v1 /sys/fs/cgroup/memory
meanwhile() { :; }
everyday_run
