// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/manager.hpp"

#include <algorithm>
#include <utility>

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kTryAgainAfter_us = 1'000'000;

}  // namespace

std::int64_t Manager::tell(const LiveStatus& status, const core::Stuck& stuck, std::int64_t now_us) {
  if (!is_there()) return kNever;
  is_refused_ = false;
  tell_ready(status, stuck);
  tell_status(status);
  feed_watchdog(stuck, now_us);
  const std::int64_t next_us = next_feed_at_us_ > now_us ? next_feed_at_us_ : kNever;
  return is_refused_ ? std::min(next_us, now_us + kTryAgainAfter_us) : next_us;
}

/// False: it can't be told now, for the manager is busy.
bool Manager::send(const std::string& words) {
  const bool is_told = notifier_.tell(words);
  is_refused_ = is_refused_ || !is_told;
  return is_told;
}

/// With the first scan on record; or with the first one made, where the history can't be written: neither a full disk
/// nor one that hangs must keep a node from being protected.
void Manager::tell_ready(const LiveStatus& status, const core::Stuck& stuck) {
  if (is_ready_told_) return;
  const bool without_history =
      stuck.recorder || std::ranges::find(status.faults, "history", &RecordQueue::Fault::name) != status.faults.end();
  const RecordQueue::Progress& progress = status.progress;
  if (progress.scans_recorded_count == 0 && !(without_history && progress.scans_made_count > 0)) return;
  is_ready_told_ = send("READY=1");
}

/// Where it says something new: at most once a scan, and when a fault begins or ends.
void Manager::tell_status(const LiveStatus& status) {
  const bool is_same_scan = status_told_at_scan_ == status.progress.scans_made_count;
  if (is_same_scan && faults_told_ == status.faults.size()) return;
  std::string line = in_one_line(status);
  if (line != status_told_ && !send("STATUS=" + line)) return;
  status_told_ = std::move(line);
  status_told_at_scan_ = status.progress.scans_made_count;
  faults_told_ = status.faults.size();
}

void Manager::feed_watchdog(const core::Stuck& stuck, std::int64_t now_us) {
  const auto watchdog_us = notifier_.watchdog_us();
  if (!watchdog_us || now_us < next_feed_at_us_ || !stuck.protects()) return;
  if (send("WATCHDOG=1")) next_feed_at_us_ = now_us + *watchdog_us / 2;
}

/// Only once it is ready: what follows is READY=1 again.
void Manager::reloading(std::int64_t now_us) {
  if (is_ready_told_) notifier_.tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_us));
}

void Manager::reloaded() {
  if (is_ready_told_) notifier_.tell("READY=1");
}

}  // namespace cgmm::daemon
