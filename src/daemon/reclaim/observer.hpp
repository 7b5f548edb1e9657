// SPDX-License-Identifier: Apache-2.0
#pragma once

// Observes what becomes of reclaims, records the effects, and has the cooldowns learn from them. The reclaimer's
// thread.

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

#include "core/effect.hpp"
#include "core/policy.hpp"
#include "daemon/recording/record_queue.hpp"

namespace cgmm::daemon {

class Observer {
 public:
  /// Both are borrowed.
  Observer(core::Cooldowns& cooldowns, RecordQueue& queue, std::uint64_t page_bytes)
      : cooldowns_(cooldowns), queue_(queue), page_bytes_(page_bytes) {}

  // Instants are of the steady clock.

  void set_learning(const core::Learning& learning) { learning_ = learning; }

  /// A reclaim has ended. `asked_bytes` and `after` as core::Observation has them; `cooldown_us` is the configured one.
  void begin(const core::Reclaim& reclaim, std::uint64_t asked_bytes, std::optional<core::Sighting> after,
             std::int64_t ended_at_us, std::int64_t cooldown_us);

  /// A scan that began at `at_us`. An observation ends when its time is over; a minute later if its cgroup is not seen
  /// any more.
  void see(std::span<const core::Sighting> sightings, std::int64_t at_us);

  /// The cgroup is due again: ends the observation of its last reclaim, if there is one.
  void end_for_next(const core::Sighting& now, std::int64_t at_us);
  void end_all(core::ObservationEnd ended_by);

 private:
  /// An observation that has not ended.
  struct Ongoing {
    core::Observation effect;
    core::CgroupId id;
    core::Cooldown cooldown;       // that its reclaim began
    std::int64_t cooldown_us = 0;  // as configured
    bool learned = false;          // the lesson has been taken
    std::optional<core::Verdict> told;
    std::int64_t told_at_us = 0;  // since the reclaim's end
  };
  using Observations = std::unordered_map<std::uint64_t, Ongoing>;  // by inode

  void tell(Ongoing& ongoing, std::optional<core::ObservationEnd> ended_by);
  std::optional<core::CgroupCooldown> learn(const Ongoing& ongoing, core::Lesson lesson, const core::Effect& effect);

  core::Cooldowns& cooldowns_;
  RecordQueue& queue_;
  std::uint64_t page_bytes_;
  core::Learning learning_;
  Observations observations_;
};

}  // namespace cgmm::daemon
