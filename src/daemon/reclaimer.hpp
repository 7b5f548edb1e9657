// SPDX-License-Identifier: Apache-2.0
#pragma once

// Performs the reclaims: chooses by the rules of core/policy, reads a cgroup again right before acting on it, and does the
// slow kernel write, on a thread of its own. The reclaim and its cooldown are on record before the kernel is asked, so
// that a crash in the middle leaves a row that says so and a cooldown that holds.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/policy.hpp"
#include "core/records.hpp"
#include "daemon/clock.hpp"
#include "daemon/record_queue.hpp"
#include "kernel/controller.hpp"
#include "kernel/hierarchy.hpp"

namespace cgmm::daemon {

/// What a scan has for the reclaimer.
struct Candidates {
  kernel::Hierarchy hierarchy;
  std::vector<core::Candidate> cgroups;
  bool dry_run = false;
};

class Reclaimer {
 public:
  using Clock = std::function<std::int64_t()>;  // microseconds since 1970

  Reclaimer(core::Handover handover, RecordQueue& queue, Clock clock = wall_now_us)
      : cooldowns_(std::move(handover.cooldowns)),
        next_reclaim_id_(handover.next_reclaim_id),
        queue_(queue),
        clock_(std::move(clock)) {}

  /// When to leave off.
  struct Interrupts {
    std::function<bool()> newer_scan = [] { return false; };  // between two reclaims
    std::function<bool()> stopping = [] { return false; };    // and before the kernel is asked
  };
  /// Reclaims what is due among them, one after the other. Returns how many reclaims were tried (dry ones included).
  std::size_t reclaim_due(const Candidates& candidates, const Interrupts& interrupts);

  const core::Cooldowns& cooldowns() const { return cooldowns_; }

 private:
  core::Cooldowns& cooldowns_for(bool dry_run);
  bool reclaim_one(const core::Candidate& candidate, bool dry_run, const Interrupts& interrupts);
  bool kernel_can(const kernel::Cgroup& cgroup);
  core::Reclaim begin(const core::Candidate& candidate, const core::Gauges& before, const core::Limits& limits,
                      core::Cooldowns& cooldowns, bool dry_run);
  void record_start(const core::Reclaim& reclaim);
  void perform(core::Reclaim& reclaim, kernel::Cgroup& cgroup);
  static void settle_cooldowns(core::Cooldowns& cooldowns, const Candidates& candidates, std::int64_t now_us);
  std::optional<core::Gauges> read_gauges(kernel::Cgroup& cgroup);

  core::Cooldowns cooldowns_;
  std::optional<core::Cooldowns> dry_cooldowns_;  // while dry runs last: those of before, and what would have been done
  std::int64_t next_reclaim_id_;
  RecordQueue& queue_;
  Clock clock_;
  std::optional<kernel::Hierarchy> hierarchy_;
  std::unique_ptr<kernel::Controller> controller_;
  bool said_unsupported_ = false;
};

}  // namespace cgmm::daemon
