// SPDX-License-Identifier: Apache-2.0
#pragma once

// The sampler's thread: takes scans when they are due, samples in between what is near its limit, hands it all on, says
// in the log what is new, and takes over changed settings between two scans.

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/mutex.hpp"
#include "daemon/earlier_kills.hpp"
#include "daemon/reclaim/mailbox.hpp"
#include "daemon/reclaim/reclaimer.hpp"
#include "daemon/recording/record_queue.hpp"
#include "daemon/sampling/clock_faults.hpp"
#include "daemon/sampling/parent_lookup.hpp"
#include "daemon/sampling/sampler.hpp"
#include "daemon/sampling/scan_faults.hpp"
#include "daemon/sampling/schedule.hpp"
#include "daemon/service/status_board.hpp"
#include "daemon/settings.hpp"

namespace cgmm::daemon {

class ScanLoop {
 public:
  /// Where scans go.
  struct Channels {
    RecordQueue& queue;
    Mailbox<Candidates>& candidates;
    StatusBoard& board;
  };
  /// `facts` are recorded of the node with those that are known here.
  ScanLoop(Sampler sampler, Settings settings, core::Parameters facts, Channels channels);

  /// Until stop(), or after so many scans, and then until what they found due has been reclaimed.
  void run(std::optional<std::int64_t> cycles);

  /// From any thread.
  void change(Settings settings);
  void stop();
  std::int64_t scan_count() const { return scan_count_; }

  /// What happens whenever it wakes up. For run() and tests, which may have clocks of their own.
  void tick(const Clocks& clocks);
  /// One scan, now. For run() and tests.
  void scan_once(const Schedule::Start& start);

 private:
  bool wait_until_due(std::int64_t due_us);
  void sample_near_limit();
  void apply_changes(Schedule& schedule);
  void look_for_parent();
  void wait_until_idle();
  void event(std::string kind, std::string detail);
  void push_node_facts(const Settings& settings);
  Settings settings_now();

  Sampler sampler_;
  core::Parameters facts_;
  RecordQueue& queue_;
  Mailbox<Candidates>& candidates_;
  StatusBoard& board_;
  std::string told_log_source_;
  ParentLookup parent_;
  ScanFaults scan_faults_;
  ClockFaults clock_faults_;
  EarlierKills earlier_kills_;
  std::atomic<std::int64_t> scan_count_{0};

  /// What other threads change or see.
  struct Shared {
    Settings settings;
    bool changed = false;  // the settings are new to the sampler
    bool stopping = false;
  };
  base::Mutex mutex_;
  base::Condition wake_;
  Shared shared_ CGMM_GUARDED_BY(mutex_);
};

}  // namespace cgmm::daemon
