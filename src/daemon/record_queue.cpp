// SPDX-License-Identifier: Apache-2.0
#include "daemon/record_queue.hpp"

#include <utility>

namespace cgmm::daemon {

bool RecordQueue::push_scan(core::Scan&& scan) {
  {
    const std::lock_guard lock(mutex_);
    const bool full = rows_ > 0 && rows_ + scan.rows.size() > kMaxRows;
    if (closed_ || full || waiting_.size() >= kMaxKept) {
      ++refused_scans_;
      return false;
    }
    rows_ += scan.rows.size();
    waiting_.emplace_back(std::move(scan));
    ++pushed_count_;
  }
  pushed_.notify_one();
  return true;
}

std::uint64_t RecordQueue::push(Record&& record) {
  std::uint64_t ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxKept) return UINT64_MAX;  // never committed
    waiting_.push_back(std::move(record));
    ticket = ++pushed_count_;
  }
  pushed_.notify_one();
  return ticket;
}

bool RecordQueue::wait_committed(std::uint64_t ticket, std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return committed_changed_.wait_for(lock, time, [&] { return committed_count_ >= ticket; });
}

std::vector<Record> RecordQueue::take() {
  std::unique_lock lock(mutex_);
  pushed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
  return std::exchange(waiting_, {});
}

void RecordQueue::done(const std::vector<Record>& records) {
  {
    const std::lock_guard lock(mutex_);
    for (const Record& record : records) {
      if (const auto* scan = std::get_if<core::Scan>(&record)) rows_ -= scan->rows.size();
    }
    committed_count_ += records.size();
  }
  committed_changed_.notify_all();
}

bool RecordQueue::wait_to_retry(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !pushed_.wait_for(lock, time, [&] { return closed_; });
}

void RecordQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  pushed_.notify_all();
}

}  // namespace cgmm::daemon
