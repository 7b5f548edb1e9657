# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash disable=SC2154,SC2086  # what lib.sh sets, none of it with spaces
# What the guest does: the benchmark, as its command line in /arguments says, a word a line.
mount_v2 /sys/fs/cgroup
mkdir -p /disk/tmp /var
ln -s /disk/tmp /var/tmp  # on a real disk
set --
while read -r word; do set -- "$@" "$word"; done < /arguments
[ ! -f /RESULTS.md ] || set -- "$@" --results /RESULTS.md
"$@" > $results/tables.md 2> $results/log
echo $? > $results/status
[ ! -f /RESULTS.md ] || cp /RESULTS.md $results/RESULTS.md
