# SPDX-License-Identifier: Apache-2.0
# What can only be done to a machine of one's own: its clock set, its disk made read-only under open files, its kernel's log
# flooded, itself put to sleep. Of each fault results/faults/NAME has the scans made while it lasted, and the seconds until scans
# were recorded again.
# shellcheck shell=dash disable=SC2154,SC2046  # what lib.sh sets; numbers
mount_v2 /sys/fs/cgroup
log=/tmp/faults.log  # where it can be written whatever becomes of the disk
mkdir -p $results/faults

uptime_s() { cut -d. -f1 /proc/uptime; }
scans_made() { grep -c ' debug: scan: ' $log; }
scans_on_record() { grep -c ' debug: on record: ' $log; }

# wait_for WHAT COMMAND...: as wait_until, but with a clock that nobody sets and without the disk.
wait_for() {
  local what=$1 end=$(($(uptime_s) + 120))
  shift
  until "$@"; do
    if [ "$(uptime_s)" -ge "$end" ]; then
      echo "$what" >> /tmp/failures
      return 1
    fi
    usleep 100000
  done
}
made_since() { [ "$(scans_made)" -ge $(($1 + $2)) ]; }
on_record_since() { [ "$(scans_on_record)" -ge $(($1 + $2)) ]; }
emptied() { [ "$(awk '$1 == "file" { print $2 }' "$(dir_of "$1")/memory.stat")" -lt $((16 * mib)) ]; }
id_of() { path_of "$1" | grep -oE '[0-9a-f]{64}' | cut -c 1-12; }
was_full() { grep -q "reclaimed .* from .*$(id_of "$1")" $log; }

# goes_on NAME: while its fault lasts, five scans are made, and the container of that name, which now comes over its threshold,
# is reclaimed.
goes_on() {
  local since
  since=$(scans_made)
  echo > "/tmp/$1/ask"
  read -r _ < "/tmp/$1/answer"
  wait_for "$1: scans go on" made_since "$since" 5
  wait_for "$1: it is reclaimed" was_full "$1"
  wait_for "$1: its cache is gone" emptied "$1"
  scans=$(($(scans_made) - since))
}
# is_over NAME: scans are recorded again.
is_over() {
  local since from
  since=$(scans_on_record)
  from=$(uptime_s)
  wait_for "$1: scans are recorded again" on_record_since "$since" 2
  echo "$scans $(($(uptime_s) - from))" > "/tmp/$1.row"
}

# By so many seconds, at the beginning of one: what is set is whole seconds, and where the clock was is met to the second only so.
set_clock_by() {
  local now
  now=$(date +%s)
  until [ "$(date +%s)" -gt "$now" ]; do usleep 10000; done
  date -s "@$((now + 1 + $1))"
}

for name in forth back asleep read_only flooded again; do
  container $name 64M
  server $name /disk/$name
done
cat > $results/faults/config.toml <<CONFIG
policy = "target"
interval = "500ms"
cooldown = "1h"
observe_for = "5s"
log_level = "debug"

[[rule]]
cgroup = "$(path_of again)"
cooldown = "5s"
CONFIG
cgroup-memory-manager --config $results/faults/config.toml --database $results/faults/history.db > $log 2>&1 &
echo $! > /tmp/faults.service
wait_for "the service has scanned" made_since 0 3

set_clock_by 86400
goes_on forth
is_over forth
# Its cooldown began in what is the future a moment later, and holds no longer for that.
echo > /tmp/again/ask && read -r _ < /tmp/again/answer
wait_for "again is reclaimed" was_full again
set_clock_by $((-2 * 86400))
goes_on back
echo > /tmp/again/ask && read -r _ < /tmp/again/answer
again_reclaimed() { [ "$(grep -c "reclaimed .* from .*$(id_of again)" $log)" -ge 2 ]; }
wait_for "again is reclaimed after a cooldown" again_reclaimed
is_over back
set_clock_by 86400

# To memory, until the clock of the machine wakes it.
if grep -qw mem /sys/power/state; then
  echo +6 > /sys/class/rtc/rtc0/wakealarm
  before=$(uptime_s)  # goes on while the machine sleeps, unlike the service's clock
  echo mem > /sys/power/state
  echo $(($(uptime_s) - before)) > $results/faults/slept
  goes_on asleep
  is_over asleep
fi

# All that the kernel has on disks becomes read-only, whoever has files open there.
echo u > /proc/sysrq-trigger
read_only() { ! touch /disk/results/faults/touched 2> /dev/null; }
wait_for "the disk is read-only" read_only
refused() { grep -q "the history can't be written" $log; }
goes_on read_only
wait_for "it says that the history can't be written" refused
mount -o remount,rw /disk
is_over read_only

# As many lines as three shells can write.
echo on > /proc/sys/kernel/printk_devkmsg
for i in 1 2 3; do
  while [ ! -e /tmp/enough ]; do
    echo "flood $i: something is wrong with something, again and again and again"
  done > /dev/kmsg &
done
goes_on flooded
touch /tmp/enough
is_over flooded

kill -TERM "$(cat /tmp/faults.service)"
wait "$(cat /tmp/faults.service)"
echo $? > $results/faults/exit_status
cp $log $results/faults/service.log
for name in forth back asleep read_only flooded; do [ ! -f /tmp/$name.row ] || cp /tmp/$name.row $results/faults/$name; done
cp /proc/sys/kernel/printk_devkmsg $results/faults/devkmsg
[ ! -f /tmp/failures ] || cat /tmp/failures >> $results/failures
