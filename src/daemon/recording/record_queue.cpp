// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/record_queue.hpp"

#include <algorithm>
#include <utility>

#include "daemon/clock.hpp"

namespace cgmm::daemon {
namespace {

bool will_be_told_again(const Record& record) {
  const auto* const effect = std::get_if<core::Effect>(&record);
  return effect != nullptr && !effect->ended_by;
}

}  // namespace

bool RecordQueue::push_scan(core::Scan&& scan, std::vector<core::CountedOomKills> kills) {
  const base::Lock lock(mutex_);
  const std::size_t rows = scan.rows.size() + 1;
  if (!scan.is_partial) {
    ++progress_.scans_made_count;
    progress_.last_scan = SeenScan{.started_at_us = scan.started_at_us,
                                   .seen_at_us = steady_now_us(),
                                   .duration_us = scan.duration_us,
                                   .late_us = scan.late_us,
                                   .interval_us = scan.interval_us,
                                   .cgroup_count = static_cast<std::int64_t>(scan.rows.size()),
                                   .error_count = scan.error_count};
  }
  const bool is_taken = !closed_ && (rows_ == 0 || rows_ + rows <= kMaxRows);
  if (is_taken) {
    rows_ += rows;
    waiting_.emplace_back(std::move(scan));
    ++pushed_count_;
  } else {
    ++refused_.scans;
  }
  for (core::CountedOomKills& one : kills) accept(std::move(one));
  pushed_.notify_one();
  return is_taken;
}

RecordQueue::Progress RecordQueue::progress() const {
  const base::Lock lock(mutex_);
  Progress progress = progress_;
  progress.waiting_count = static_cast<std::int64_t>(pushed_count_ - committed_count_);
  return progress;
}

std::uint64_t RecordQueue::push(Record&& record) {
  const base::Lock lock(mutex_);
  if (const auto* event = std::get_if<core::ServiceEvent>(&record)) follow_fault(*event);
  pushed_.notify_one();
  return accept(std::move(record));
}

void RecordQueue::push_effect(core::Effect&& effect, std::optional<core::CgroupCooldown>&& learned) {
  const base::Lock lock(mutex_);
  accept(std::move(effect));
  if (learned) accept(std::move(*learned));
  pushed_.notify_one();
}

std::uint64_t RecordQueue::accept(Record&& record) {
  if (others_ >= kMaxOthers / 2 && will_be_told_again(record)) return UINT64_MAX;
  const bool is_event = std::holds_alternative<core::ServiceEvent>(record);
  if (others_ >= kMaxOthers + (is_event ? kMaxEvents : 0)) {
    ++refused_.others;
    if (const auto* const one = std::get_if<core::CgroupCooldown>(&record)) refused_cooldowns_[one->id] = one->cooldown;
    return UINT64_MAX;  // never committed
  }
  ++others_;
  waiting_.push_back(std::move(record));
  return ++pushed_count_;
}

/// A fault that is told again keeps its beginning and gets the newer words.
void RecordQueue::follow_fault(const core::ServiceEvent& event) {
  if (event.fault.empty()) return;
  const auto found = std::ranges::find(faults_, event.fault, &Fault::name);
  if (event.kind == "fault_end") {
    if (event.fault == "history") ++progress_.history_healed_count;
    if (found != faults_.end()) faults_.erase(found);
  } else if (event.kind == "fault_begin") {
    if (found != faults_.end()) {
      found->detail = event.detail;
    } else {
      faults_.push_back({event.fault, event.at_us, event.detail});
    }
  }
}

std::vector<RecordQueue::Fault> RecordQueue::faults() const {
  const base::Lock lock(mutex_);
  return faults_;
}

bool RecordQueue::wait_committed(std::uint64_t ticket, std::chrono::milliseconds time) {
  base::Lock lock(mutex_);
  const auto is_in_vain = [&]() CGMM_REQUIRES(mutex_) {
    return waits_ended_ || std::ranges::find(faults_, "history", &Fault::name) != faults_.end();
  };
  committed_changed_.wait_for(lock, time,
                              [&]() CGMM_REQUIRES(mutex_) { return committed_count_ >= ticket || is_in_vain(); });
  return committed_count_ >= ticket;
}

void RecordQueue::end_waits() {
  const base::Lock lock(mutex_);
  waits_ended_ = true;
  committed_changed_.notify_all();
}

RecordQueue::Refused RecordQueue::take_refused() {
  const base::Lock lock(mutex_);
  return std::exchange(refused_, {});
}

std::vector<Record> RecordQueue::take() {
  base::Lock lock(mutex_);
  progress_.recorder_busy_since_us = 0;
  pushed_.wait(lock, [&]() CGMM_REQUIRES(mutex_) { return closed_ || !waiting_.empty(); });
  progress_.recorder_busy_since_us = steady_now_us();
  others_ = 0;
  for (auto& [id, cooldown] : std::exchange(refused_cooldowns_, {})) {
    waiting_.emplace_back(core::CgroupCooldown{id, cooldown});
    ++pushed_count_;
  }
  return std::exchange(waiting_, {});
}

void RecordQueue::done(const std::vector<Record>& records) {
  const base::Lock lock(mutex_);
  for (const Record& record : records) {
    const auto* const scan = std::get_if<core::Scan>(&record);
    if (scan == nullptr) continue;
    rows_ -= scan->rows.size() + 1;
    if (!scan->is_partial) ++progress_.scans_recorded_count;
  }
  committed_count_ += records.size();
  progress_.recorder_busy_since_us = steady_now_us();
  progress_.is_retrying = false;
  committed_changed_.notify_all();
}

bool RecordQueue::wait_to_retry(std::chrono::milliseconds time) {
  base::Lock lock(mutex_);
  progress_.recorder_busy_since_us = 0;
  progress_.is_retrying = true;
  const bool closed = pushed_.wait_for(lock, time, [&]() CGMM_REQUIRES(mutex_) { return closed_; });
  progress_.recorder_busy_since_us = steady_now_us();
  return !closed;
}

void RecordQueue::close() {
  const base::Lock lock(mutex_);
  closed_ = true;
  pushed_.notify_all();
}

}  // namespace cgmm::daemon
