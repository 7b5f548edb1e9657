# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash disable=SC2154,SC2086  # what lib.sh sets, none of it with spaces
# What the guest does: the benchmark, as its command line in /arguments says, a word a line.
mount_v2 /sys/fs/cgroup
set --
while read -r word; do set -- "$@" "$word"; done < /arguments
[ ! -f /RESULTS.md ] || set -- "$@" --results /RESULTS.md
policy-bench "$@" --program /bin/cgroup-memory-manager --dir /disk --json $results/policy.jsonl \
  > $results/policy.md 2> $results/policy.log
echo $? > $results/status
[ ! -f /RESULTS.md ] || cp /RESULTS.md $results/RESULTS.md
