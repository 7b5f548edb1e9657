// SPDX-License-Identifier: Apache-2.0
#pragma once

// Performs the reclaims: chooses by the rules of core/policy, reads a cgroup again right before acting on it, and does
// the slow kernel writes step by step, on a thread of its own. The reclaim and its cooldown are on record before the
// kernel is asked, so that a crash in the middle leaves a row that says so and a cooldown that holds.

#include <cstdint>
#include <functional>
#include <memory>
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
#include "daemon/service/status_board.hpp"
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

class Reclaimer {
 public:
  using MakeController = std::function<std::unique_ptr<kernel::Controller>(const kernel::Hierarchy&)>;

  /// Begins with these cooldowns. `queue` and `board` are borrowed.
  Reclaimer(core::Cooldowns cooldowns, RecordQueue& queue, StatusBoard& board, Clocks clocks = {},
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
  void stop() { observer_.end_all(core::ObservationEnd::stop); }

  const core::Cooldowns& cooldowns() const { return cooldowns_; }

 private:
  /// A cgroup's numbers, and when they were read.
  struct Measured {
    std::int64_t at_us = 0;                    // of the steady clock
    bool gone = false;                         // the cgroup
    std::optional<core::MemorySample> sample;  // nullopt: it is gone, or could not be read
  };
  /// One reclaim under way.
  struct Attempt {
    std::string path;
    Measured before;
    Measured last;
    Measured pressure;  // when PSI was last read
    core::Progress progress;
    std::optional<core::StoppedBy> stopped_by;
    std::int64_t step_count = 0;
  };

  std::size_t try_due(const Candidates& candidates, const Interrupts& interrupts);
  void follow(const Candidates& candidates);
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
  void ask_kernel(Attempt& attempt, const core::ReclaimPlan& plan, kernel::Cgroup& cgroup,
                  const Interrupts& interrupts);
  void step(Attempt& attempt, const core::ReclaimPlan& plan, kernel::Cgroup& cgroup);
  void fill_in(core::Reclaim& reclaim, Attempt& attempt, const core::ReclaimPlan& plan, kernel::Cgroup& cgroup);
  static void settle_cooldowns(core::Cooldowns& cooldowns, const Candidates& candidates, std::int64_t now_us);
  Measured measure(kernel::Cgroup& cgroup, bool with_pressure);

  core::Cooldowns cooldowns_;
  std::optional<core::Cooldowns> dry_cooldowns_;  // while dry runs last: those of before, and what would have been done
  std::int64_t next_reclaim_id_ = 1;
  RecordQueue& queue_;
  StatusBoard& board_;
  Clocks clocks_;
  MakeController make_controller_;
  core::Learning learning_;
  Observer observer_;
  std::optional<kernel::Hierarchy> hierarchy_;
  std::unique_ptr<kernel::Controller> controller_;
  ClockWatch clock_watch_;
  std::int64_t refused_count_ = 0;  // in this scan: reclaims that the kernel can't be asked for, or refuses to all
  std::string first_refusal_;
  Fault reclaim_fault_;
};

}  // namespace cgmm::daemon
