// SPDX-License-Identifier: Apache-2.0
#pragma once

// The sampler's thread: takes scans when they are due and near-limit samples in between, hands them on, logs what is
// new, and takes over changed settings between two scans.

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "daemon/reclaim/mailbox.hpp"
#include "daemon/reclaim/reclaimer.hpp"
#include "daemon/recording/record_queue.hpp"
#include "daemon/sampling/sampler.hpp"
#include "daemon/sampling/sampler_faults.hpp"
#include "daemon/service/status_board.hpp"
#include "daemon/settings.hpp"

namespace cgmm::daemon {

/// When scans are due: a late scan does not shift the next, and missed scans are counted, never repeated. Instants are
/// of a steady clock.
class Schedule {
 public:
  /// The first scan is due at once.
  Schedule(std::int64_t now_us, std::int64_t interval_us) : due_us_(now_us), interval_us_(interval_us) {}

  std::int64_t due_us() const { return due_us_; }

  struct Start {
    std::int64_t late_us = 0;
    std::int64_t missed_count = 0;  // scans that were due meanwhile and won't be made
  };
  /// The scan that was due begins now; the next one is due at the next whole interval that is still ahead.
  Start begin(std::int64_t now_us) {
    Start start;
    if (now_us > due_us_) {
      start.late_us = now_us - due_us_;
      start.missed_count = start.late_us / interval_us_;
    }
    due_us_ += (start.missed_count + 1) * interval_us_;
    return start;
  }

  /// From the last scan on; one that is overdue by the new interval is due at once.
  void set_interval(std::int64_t now_us, std::int64_t interval_us) {
    due_us_ += interval_us - interval_us_;
    if (due_us_ < now_us) due_us_ = now_us;
    interval_us_ = interval_us;
  }

 private:
  std::int64_t due_us_;
  std::int64_t interval_us_;
};

class ScanLoop {
 public:
  /// Where scans go. All are borrowed.
  struct Channels {
    RecordQueue& queue;
    Mailbox<Candidates>& candidates;
    StatusBoard& board;
  };
  ScanLoop(Sampler sampler, Settings settings, std::string version, Channels channels);

  /// Until stop(), or after so many scans, and then until what they found due has been reclaimed.
  void run(std::optional<std::int64_t> cycles);

  /// From any thread.
  void change(Settings settings);
  /// From any thread: what has been found out of names, for the next scan.
  void learn(std::vector<core::NamesOf> news);
  void stop();
  std::int64_t scan_count() const { return scan_count_; }

  /// At each wake-up. For run() and tests.
  void tick(const Clocks& clocks);
  /// One scan, now. For run() and tests.
  void scan_once(const Schedule::Start& start);

 private:
  bool wait_until_due(std::int64_t due_us);
  std::vector<core::NamesOf> take_names();
  void sample_near_limit();
  void apply_changes(Schedule& schedule);
  void wait_until_idle();
  void tell_first_start();
  void event(std::string kind, std::string detail);
  void push_node_facts();

  Sampler sampler_;
  Settings settings_;
  std::string version_;
  Channels to_;
  std::string told_log_source_;
  bool containers_seen_ = false;  // below this parent, in this run
  std::string first_start_;       // what the log says if this is the first run; "": not known yet, or told
  SamplerFaults faults_;
  std::atomic<std::int64_t> scan_count_{0};

  base::Mutex mutex_;
  base::Condition wake_;
  std::optional<Settings> changed_ CGMM_GUARDED_BY(mutex_);   // new to the sampler
  std::vector<core::NamesOf> names_ CGMM_GUARDED_BY(mutex_);  // new to the sampler
  bool is_stopping_ CGMM_GUARDED_BY(mutex_) = false;
};

}  // namespace cgmm::daemon
