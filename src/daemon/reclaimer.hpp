// SPDX-License-Identifier: Apache-2.0
#pragma once

// Performs the reclaims: chooses by the rules of core/policy, reads a cgroup again right before acting on it, and does the
// slow kernel write, on a thread of its own. The reclaim and its cooldown are on record before the kernel is asked, so
// that a crash in the middle leaves a row that says so and a cooldown that holds.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/policy.hpp"
#include "core/records.hpp"
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
  Reclaimer(core::Cooldowns cooldowns, std::int64_t next_reclaim_id, RecordQueue& queue)
      : cooldowns_(std::move(cooldowns)), next_reclaim_id_(next_reclaim_id), queue_(queue) {}

  /// Reclaims what is due among them, one after the other, until `enough` says to stop: the service ends, or a newer scan is
  /// there. Returns how many reclaims were tried (dry ones included).
  std::size_t reclaim_due(const Candidates& candidates, const std::function<bool()>& enough);

  const core::Cooldowns& cooldowns() const { return cooldowns_; }

 private:
  bool reclaim_one(const core::Candidate& candidate, bool dry_run);
  bool kernel_can(const kernel::Cgroup& cgroup);
  core::Reclaim begin(const core::Candidate& candidate, const core::Gauges& before, const core::Limits& limits,
                      bool dry_run);
  void record_start(const core::Reclaim& reclaim);
  void perform(core::Reclaim& reclaim, kernel::Cgroup& cgroup);
  void settle_cooldowns(const Candidates& candidates, std::int64_t now_us);
  std::optional<core::Gauges> read_gauges(kernel::Cgroup& cgroup);

  core::Cooldowns cooldowns_;
  std::int64_t next_reclaim_id_;
  RecordQueue& queue_;
  std::optional<kernel::Hierarchy> hierarchy_;
  std::unique_ptr<kernel::Controller> controller_;
  bool said_unsupported_ = false;
};

}  // namespace cgmm::daemon
