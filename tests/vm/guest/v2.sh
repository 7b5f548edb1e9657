# SPDX-License-Identifier: Apache-2.0
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cgroup-memory-manager check --database "$results/history.db" > "$results/check.txt" 2>&1
