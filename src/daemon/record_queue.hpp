// SPDX-License-Identifier: Apache-2.0
#pragma once

// What waits to be recorded. Bounded: while the disk stalls, scans are refused (and counted) once too many rows wait;
// reclaims, OOM kills and events are few and are kept. Any thread.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "core/records.hpp"

namespace cgmm::daemon {

using Record = std::variant<core::Scan, core::Reclaim, core::OomKill, core::ServiceEvent>;

class RecordQueue {
 public:
  /// 8 MB of samples: over half an hour of 200 cgroups every 10 s.
  static constexpr std::size_t kMaxRows = 40'000;
  static constexpr std::size_t kMaxKept = 10'000;

  /// False when it was refused; the next scan must then announce every cgroup, since this one's news are lost.
  bool push_scan(core::Scan&& scan);

  /// The ticket of the record, for wait_committed(). Refused beyond kMaxKept (counted as lost).
  std::uint64_t push(Record&& record);

  /// Whether the record of this ticket was committed before the time was up.
  bool wait_committed(std::uint64_t ticket, std::chrono::milliseconds time);

  /// For the recorder: everything that waits, in order; empty when the queue was closed and nothing waits any more.
  std::vector<Record> take();
  /// For the recorder: `records` of what take() returned are on disk, or given up.
  void done(const std::vector<Record>& records);
  /// For the recorder: waits before the next try; false once the queue is closed.
  bool wait_to_retry(std::chrono::milliseconds time);

  /// Nothing more will be pushed.
  void close();

  /// Scans refused since the last call.
  std::int64_t take_refused_count() { return refused_scans_.exchange(0); }

 private:
  std::mutex mutex_;
  std::condition_variable pushed_;
  std::condition_variable committed_changed_;
  std::vector<Record> waiting_;      // guarded by mutex_, like all below
  std::size_t rows_ = 0;             // of scans waiting or taken and not done
  std::uint64_t pushed_count_ = 0;   // tickets count from 1
  std::uint64_t committed_count_ = 0;
  bool closed_ = false;
  std::atomic<std::int64_t> refused_scans_{0};
};

}  // namespace cgmm::daemon
