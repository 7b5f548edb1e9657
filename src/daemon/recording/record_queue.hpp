// SPDX-License-Identifier: Apache-2.0
#pragma once

// What waits to be recorded. Bounded: while the disk stalls, scans are refused (and counted) once too many rows wait;
// other records have a bound of their own. It also knows which faults there are, how far all has got, and what the
// recorder has found cgroups to be called. Any thread.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/mutex.hpp"
#include "core/records.hpp"
#include "daemon/cgroup_names.hpp"

namespace cgmm::daemon {

using core::Record;

class RecordQueue {
 public:
  /// 11 MB of samples: over half an hour of 200 cgroups every 10 s.
  static constexpr std::size_t kMaxRows = 40'000;
  static constexpr std::size_t kMaxOthers = 10'000;
  static constexpr std::size_t kMaxEvents = 1'000;  // more

  /// False when it was refused: the gap is recorded later. The kills that its counters tell of are taken all the same.
  /// They become one transaction: on record alone, the counters would hide the kills from the next run.
  bool push_scan(core::Scan&& scan, std::vector<core::CountedOomKills> kills = {});

  /// The ticket of the record, for wait_committed(). Beyond kMaxOthers it is refused, and counted; events have room of
  /// their own, and an effect that will be told again is refused earlier.
  std::uint64_t push(Record&& record);

  /// An effect, and what its cooldown learned from it. They become one transaction: a crash loses both or none.
  void push_effect(core::Effect&& effect, std::optional<core::CgroupCooldown>&& learned);

  /// Whether the record of this ticket was done before the time was up. Does not wait while the fault `history` is on,
  /// nor after end_waits().
  bool wait_committed(std::uint64_t ticket, std::chrono::milliseconds time);

  /// The service stops: nobody waits for a commit any more.
  void end_waits();

  /// For the recorder: everything that waits, in order, and then the cooldowns of what was refused; empty when the
  /// queue was closed and nothing waits any more.
  std::vector<Record> take();
  /// For the recorder: `records` of what take() returned are on disk, or given up.
  void done(const std::vector<Record>& records);
  /// For the recorder: waits before the next try; false once the queue is closed.
  bool wait_to_retry(std::chrono::milliseconds time);

  /// Nothing more will be pushed.
  void close();

  /// A fault that has begun and not ended, as the events pushed tell, whether they could be recorded or not.
  struct Fault {
    std::string name;  // ServiceEvent::fault
    std::int64_t began_at_us = 0;
    std::string detail;
    friend bool operator==(const Fault&, const Fault&) = default;
  };
  /// What is wrong now, what began first before.
  std::vector<Fault> faults() const;

  /// A scan of all cgroups as it passed by, whether it could be kept or not.
  struct SeenScan {
    std::int64_t started_at_us = 0;
    std::int64_t seen_at_us = 0;  // when it passed by, of the steady clock
    std::int64_t duration_us = 0;
    std::int64_t late_us = 0;
    std::int64_t interval_us = 0;
    std::int64_t cgroup_count = 0;
    std::int64_t error_count = 0;
  };
  struct Progress {
    std::optional<SeenScan> last_scan;
    std::int64_t scans_made_count = 0;        // of all cgroups
    std::int64_t scans_recorded_count = 0;    // or given up as impossible to store
    std::int64_t waiting_count = 0;           // records that wait, those being written among them
    std::int64_t recorder_busy_since_us = 0;  // of the steady clock; 0: it waits here
    std::int64_t history_healed_count = 0;    // how often the fault `history` has ended
    bool is_retrying = false;                 // what it holds has been refused by the disk
  };
  Progress progress() const;

  struct Refused {
    std::int64_t scans = 0;
    std::int64_t others = 0;
  };
  /// What was refused since the last call.
  Refused take_refused();

  CgroupNames& names() { return names_; }

 private:
  std::uint64_t accept(Record&& record) CGMM_REQUIRES(mutex_);
  void follow_fault(const core::ServiceEvent& event) CGMM_REQUIRES(mutex_);

  CgroupNames names_;
  mutable base::Mutex mutex_;
  base::Condition pushed_;
  base::Condition committed_changed_;
  std::vector<Record> waiting_ CGMM_GUARDED_BY(mutex_);
  std::size_t rows_ CGMM_GUARDED_BY(mutex_) = 0;    // of scans that are not done, and one for each scan itself
  std::size_t others_ CGMM_GUARDED_BY(mutex_) = 0;  // other records waiting
  std::vector<Fault> faults_ CGMM_GUARDED_BY(mutex_);
  Progress progress_ CGMM_GUARDED_BY(mutex_);  // but for waiting_count
  Refused refused_ CGMM_GUARDED_BY(mutex_);
  std::unordered_map<core::CgroupId, core::Cooldown> refused_cooldowns_
      CGMM_GUARDED_BY(mutex_);                              // of refused records: they must be on record
  std::uint64_t pushed_count_ CGMM_GUARDED_BY(mutex_) = 0;  // tickets count from 1
  std::uint64_t committed_count_ CGMM_GUARDED_BY(mutex_) = 0;
  bool closed_ CGMM_GUARDED_BY(mutex_) = false;
  bool waits_ended_ CGMM_GUARDED_BY(mutex_) = false;
};

}  // namespace cgmm::daemon
