// SPDX-License-Identifier: Apache-2.0
#pragma once

// Replays what is on record of one cgroup with another configuration: the rules are the service's own (core/policy,
// core/outcome, core/idle, core/effect). Pure: no I/O, no clock, one thread.

#include <cstdint>
#include <optional>

#include "core/effect.hpp"
#include "core/idle.hpp"
#include "core/policy.hpp"
#include "simulate/feedback.hpp"
#include "simulate/record.hpp"
#include "simulate/world.hpp"

namespace cgmm::simulate {

/// The same for all cgroups.
struct Rules {
  core::ReclaimScope scope = core::ReclaimScope::automatic;
  core::ReclaimBounds bounds;
  core::Learning learning;
  core::ReclaimMethod method = core::ReclaimMethod::force_empty;
  bool has_containers = false;
  std::uint64_t page_bytes = 4096;
  Feedback feedback = Feedback::none;
};

/// What reclaims have come to.
struct Tally {
  std::int64_t reclaim_count = 0;
  double freed_bytes = 0;
  double held_byte_seconds = 0;   // as core/effect counts it
  double read_back_bytes = 0;     // at most what each reclaim freed
  std::int64_t untold_count = 0;  // of real reclaims: what was read back is not known
  double less_byte_seconds = 0;   // less memory was in use than is on record, times how long

  void add(const Tally& other);
};

class Replay {
 public:
  /// All are borrowed.
  Replay(const Subject& subject, const Rules& rules, Outlook outlook);

  /// The first sample, or the first after a time without any.
  void begin(const Sample& now, const core::Limits& limits, const Habits& habits);
  /// The next. `really_freed`: by real reclaims since the one before.
  void add(const Sample& now, const Lists& really_freed, const core::Limits& limits, const Habits& habits);
  /// Nothing follows.
  void end(core::ObservationEnd ended_by);

  const Tally& tally() const { return tally_; }
  /// Whether the rule needs what the kernel does not tell.
  bool is_blind() const { return is_blind_; }

 private:
  struct Ongoing {
    core::Observation effect;
    double freed_bytes = 0;
    double read_back_bytes = 0;  // of what it took; where the kernel counts no refaults
    bool has_learned = false;
  };

  void consider(const Sample& now, const core::Limits& limits, const Habits& habits);
  void reclaim(core::ReclaimPlan plan, const core::MemorySample& before, std::int64_t at_us, const Habits& habits);
  void take_step(const Sample& now, const Habits& habits);
  void observe(std::int64_t now_us);
  void tell(std::optional<core::ObservationEnd> ended_by);
  core::Sighting sighting() const { return core::sighting_of(subject_.id.inode, world_.seen()); }

  const Subject& subject_;
  const Rules& rules_;
  World world_;
  std::int64_t at_us_ = 0, scanned_at_us_ = 0;
  core::CacheWatch watch_;
  core::Cooldown cooldown_;
  std::optional<Ongoing> ongoing_;
  Steps steps_;
  Holdings holdings_;
  Since since_;  // the last scan
  Tally tally_;
  bool is_blind_ = false;
};

}  // namespace cgmm::simulate
