// SPDX-License-Identifier: Apache-2.0
#pragma once

// What has to be on record in every history that the service writes to, also in one that was put in place of its own:
// the cooldowns that hold, the facts of the node, and how far the kernel log was read. The recorder's thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>

#include "daemon/recording/record_queue.hpp"
#include "store/history.hpp"

namespace cgmm::daemon {

class StandingRecords {
 public:
  /// Of earlier runs. What this run has recorded itself is newer.
  void note(const core::Handover& handover);
  /// Of a batch that is about to be recorded. Cooldowns that are over by `now_us` are forgotten.
  void note(std::span<const Record> records, std::int64_t now_us);

  /// Wants a transaction.
  void record_in(store::History& history, std::int64_t now_us) const;

 private:
  struct Holding {
    core::Cooldown cooldown;
    std::int64_t reclaim_id = 0;  // the last reclaim of this run; 0: it is of an earlier one
  };
  using Cooldowns = std::unordered_map<core::CgroupId, Holding>;

  void note(const Record& record);
  void hold(const core::CgroupId& id, const core::Cooldown& cooldown, std::int64_t reclaim_id);
  void forget_old(std::int64_t now_us);

  Cooldowns cooldowns_;
  std::unordered_map<std::int64_t, Cooldowns::value_type*> by_reclaim_;  // an effect knows only its reclaim
  std::size_t forget_at_count_ = 1000;
  core::NodeFacts node_facts_;
  core::LogPosition log_position_;
};

}  // namespace cgmm::daemon
