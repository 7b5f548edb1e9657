// SPDX-License-Identifier: Apache-2.0
#pragma once

// Performs the reclaims: chooses by the rules of core/policy, reads a cgroup again right before acting on it, and does
// the slow kernel writes step by step, on a thread of its own. The reclaim and its cooldown are on record before the
// kernel is asked, so that a crash in the middle leaves a row that says so and a cooldown that holds.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/effect.hpp"
#include "core/outcome.hpp"
#include "core/policy.hpp"
#include "core/records.hpp"
#include "daemon/clock.hpp"
#include "daemon/clock_watch.hpp"
#include "daemon/fault.hpp"
#include "daemon/reclaim/observer.hpp"
#include "daemon/recording/record_queue.hpp"
#include "kernel/controller.hpp"
#include "kernel/hierarchy.hpp"

namespace cgmm::daemon {

/// What a scan has for the reclaimer.
struct Candidates {
  kernel::Hierarchy hierarchy;
  std::vector<core::Candidate> cgroups;
  bool dry_run = false;
  std::vector<core::Sighting> sightings;  // of every cgroup that has ever been over its threshold
  std::int64_t seen_at_us = 0;            // when the scan began, of the steady clock
  core::ReclaimBounds bounds;
  core::Learning learning;
};

/// What the kernel was asked for and has not answered yet.
struct Asking {
  std::int64_t since_us = 0;  // of the steady clock; 0: nothing
  std::string path;           // of the cgroup
};

class Reclaimer {
 public:
  using Clock = std::function<std::int64_t()>;  // microseconds since 1970

  using MakeController = std::function<std::unique_ptr<kernel::Controller>(const kernel::Hierarchy&)>;

  Reclaimer(core::Handover handover, RecordQueue& queue, Clocks clocks = {},
            MakeController make_controller = kernel::make_controller);
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  /// When to leave off.
  struct Interrupts {
    std::function<bool()> newer_scan = [] { return false; };        // between two reclaims
    std::function<bool()> stopping = [] { return false; };          // and before each step
    std::function<void(std::int64_t)> wake_after_us = [](auto) {};  // ends a kernel write that lasts; 0: no more
  };
  /// Reclaims what is due among them, one after the other. Returns how many reclaims were tried (dry ones included).
  std::size_t reclaim_due(const Candidates& candidates, const Interrupts& interrupts);

  /// Nothing will be reclaimed any more: what is watched is told as far as it is known.
  void stop() { observer_.end_all(core::WatchEnd::stop); }

  const core::Cooldowns& cooldowns() const { return cooldowns_; }
  /// Those of earlier runs, where the history could be read only now. From any thread.
  void adopt(core::Cooldowns cooldowns);

  /// Since when the kernel has owed an answer, of the steady clock; 0: it owes none. From any thread.
  std::int64_t asking_since_us() const { return asking_since_us_; }
  /// The same, and of which cgroup. From any thread.
  Asking asking() const;

 private:
  /// A cgroup's numbers, and when they were read.
  struct Measured {
    std::int64_t at_us = 0;                    // of the steady clock
    bool gone = false;                         // the cgroup
    std::optional<core::MemorySample> sample;  // nullopt: it is gone, or could not be read
  };

  void follow(const Candidates& candidates);
  void take_adopted();
  void follow_clock();
  core::Cooldowns& cooldowns_for(bool dry_run);
  bool reclaim_one(const core::Candidate& candidate, const Candidates& scan, const Interrupts& interrupts);
  bool kernel_can(const kernel::Cgroup& cgroup);
  void note_refusal(const std::string& refusal);
  core::ReclaimPlan plan_for(const core::Gauges& before, const core::Limits& limits, const core::Candidate& candidate,
                             const core::ReclaimBounds& bounds) const;
  core::Reclaim begin(const core::Candidate& candidate, const core::Gauges& before, const core::Limits& limits,
                      const core::ReclaimPlan& plan, bool dry_run);
  void record_start(const core::Reclaim& reclaim);
  void perform(core::Reclaim& reclaim, core::ReclaimPlan plan, kernel::Cgroup& cgroup, const core::Candidate& candidate,
               const Interrupts& interrupts);
  static void settle_cooldowns(core::Cooldowns& cooldowns, const Candidates& candidates, std::int64_t now_us);
  Measured measure(kernel::Cgroup& cgroup, bool with_pressure);

  core::Cooldowns cooldowns_;
  std::optional<core::Cooldowns> dry_cooldowns_;  // while dry runs last: those of before, and what would have been done
  std::int64_t next_reclaim_id_ = 1;
  RecordQueue& queue_;
  Clocks clocks_;
  MakeController make_controller_;
  core::Learning learning_;
  Observer observer_;
  std::optional<kernel::Hierarchy> hierarchy_;
  std::unique_ptr<kernel::Controller> controller_;
  ClockWatch clock_watch_;
  std::int64_t refused_count_ = 0;  // in this scan: reclaims that the kernel can't be asked for, or refuses to all
  std::string first_refusal_;
  FaultLog refusals_;
  Fault reclaim_fault_;
  std::atomic<std::int64_t> asking_since_us_{0};
  std::mutex adopted_mutex_;
  core::Cooldowns adopted_;  // guarded by adopted_mutex_
  mutable std::mutex asking_mutex_;
  std::string asking_path_;  // guarded by asking_mutex_
};

}  // namespace cgmm::daemon
