// SPDX-License-Identifier: Apache-2.0
#pragma once

// Performs the reclaims: chooses by core/policy, reads a cgroup again right before acting on it, and asks the kernel
// step by step. The reclaim and its cooldown are on record before, so that both survive a crash in the middle.

#include <atomic>
#include <chrono>
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
#include "daemon/fault.hpp"
#include "daemon/reclaim/mailbox.hpp"
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
  core::ReclaimScope scope = core::ReclaimScope::automatic;
  bool containers_seen = false;  // below this parent, in this run
};

class Reclaimer {
 public:
  using MakeController = std::function<std::unique_ptr<kernel::Controller>(const kernel::Hierarchy&)>;

  /// Begins with these cooldowns. `queue` and `board` are borrowed.
  Reclaimer(core::Cooldowns cooldowns, RecordQueue& queue, StatusBoard& board, Clocks clocks = {},
            MakeController make_controller = kernel::make_controller);

  /// Takes the hierarchy up before the first candidates come. False: another service reclaims in it.
  bool reclaims_alone_in(const kernel::Hierarchy& hierarchy);

  /// Reclaims what the newest candidates have, until the mailbox is closed. Nothing is reclaimed before the cooldowns
  /// of earlier runs are known, or that time is over.
  void run(Mailbox<Candidates>& mailbox, std::chrono::milliseconds wait_for_cooldowns = std::chrono::seconds{10});
  /// The kernel is asked for nothing more. From any thread.
  void stop() { is_stopping_ = true; }

  /// When to leave off.
  struct Interrupts {
    std::function<bool()> newer_scan = [] { return false; };        // between two reclaims
    std::function<bool()> stopping = [] { return false; };          // and before each step
    std::function<void(std::int64_t)> wake_after_us = [](auto) {};  // ends a kernel write that lasts; 0: no more
  };
  /// Reclaims what is due, one cgroup after the other. Returns how many were tried (dry runs included). For run() and
  /// tests.
  std::size_t reclaim_due(const Candidates& candidates, const Interrupts& interrupts);

  /// Nothing will be reclaimed any more.
  void end_observations() { observer_.end_all(core::ObservationEnd::stop); }

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
    core::Reclaim& reclaim;
    kernel::Cgroup& cgroup;
    core::ReclaimPlan plan;
    Measured before;
    Measured last;
    Measured pressure;  // when PSI was last read
    core::Progress progress;
    bool is_remainder = false;  // of a pod or an inner cgroup: all numbers are of what is not in those below it
  };

  std::size_t try_due(const Candidates& candidates, const Interrupts& interrupts);
  void follow(const Candidates& candidates);
  bool expect_no_other(const Candidates& candidates);
  void follow_clock();
  core::Cooldowns& cooldowns_for(bool dry_run);
  bool reclaim_one(const core::Candidate& candidate, const Candidates& scan, const Interrupts& interrupts);
  bool wait_for_cooldown(const core::Cooldowns& cooldowns, const core::CgroupId& id,
                         const Interrupts& interrupts) const;
  std::int64_t dose_pct(const core::CgroupId& id, const Candidates& scan);
  bool kernel_can(const kernel::Cgroup& cgroup);
  void note_refusal(const std::string& refusal);
  core::Reclaim begin(const core::Candidate& candidate, const core::Gauges& before, const core::Limits& limits,
                      const core::ReclaimPlan& plan, const Candidates& scan);
  void perform(core::Reclaim& reclaim, const core::ReclaimPlan& plan, kernel::Cgroup& cgroup,
               const core::Candidate& candidate, const Interrupts& interrupts);
  void ask_kernel(Attempt& attempt, const Interrupts& interrupts);
  void step(Attempt& attempt);
  void fill_in(Attempt& attempt);
  static void correct_cooldowns(core::Cooldowns& cooldowns, const Candidates& candidates, std::int64_t now_us);
  Measured measure(const Attempt& attempt, bool with_pressure);
  std::optional<kernel::Reading> read(kernel::Cgroup& cgroup, bool is_remainder, bool with_pressure);

  core::Cooldowns cooldowns_;
  std::optional<core::Cooldowns> dry_cooldowns_;  // during dry runs: those of before, and of what would have been done
  std::int64_t next_reclaim_id_ = 1;
  RecordQueue& queue_;
  StatusBoard& board_;
  Clocks clocks_;
  MakeController make_controller_;
  Observer observer_;
  std::optional<kernel::Hierarchy> hierarchy_;
  std::unique_ptr<kernel::Controller> controller_;
  ClockSteps clock_steps_;
  std::int64_t refused_count_ = 0;  // in this scan: reclaims that the kernel can't be asked for, or refuses to all
  std::string first_refusal_;
  Fault reclaim_fault_;
  std::atomic<bool> is_stopping_{false};
};

}  // namespace cgmm::daemon
