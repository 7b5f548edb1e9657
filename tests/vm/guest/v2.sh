# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=busybox
mount_v2 /sys/fs/cgroup
everyday_run
