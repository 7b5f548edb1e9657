# SPDX-License-Identifier: Apache-2.0
# What the scenarios are written in. Waits that come to nothing are written to results/failures and go on, so that a
# test shows everything that went wrong in one boot.
# shellcheck shell=busybox

results=/disk/results

say() { echo "$(cut -d' ' -f1 /proc/uptime) $*" | tee -a "$results/scenario.log"; }

# wait_until WHAT COMMAND...: until it succeeds.
wait_until() {
  local what=$1 end=$(($(date +%s) + 40))
  shift
  while ! "$@"; do
    if [ "$(date +%s)" -ge "$end" ]; then
      say "waited in vain: $what"
      echo "$what" >> "$results/failures"
      return 1
    fi
    usleep 200000
  done
  say "$what"
}
