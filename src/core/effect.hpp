// SPDX-License-Identifier: Apache-2.0
#pragma once

// The effect of a reclaim: did the freed memory stay free, or was it read back? Judged by the scans after it. Pure:
// times are arguments (microseconds of the steady clock). Each object belongs to one thread.

#include <cstdint>
#include <optional>

#include "core/outcome.hpp"
#include "core/policy.hpp"
#include "core/records.hpp"
#include "core/sample.hpp"

namespace cgmm::core {

/// The numbers of a cgroup that the verdict needs.
struct Sighting {
  std::uint64_t inode = 0;                    // identifies it while it lives
  std::uint64_t cache_bytes = 0;              // reclaimable
  std::optional<std::uint64_t> refault_file;  // pages, since the cgroup was made
  std::optional<std::uint64_t> refault_anon;
  bool counts_those_below = false;  // its refaults are also those of the cgroups below it, its cache is the remainder's
};

Sighting sighting_of(std::uint64_t inode, const MemorySample& sample);

class Observation {
 public:
  /// `ended_at_us`: when the reclaim ended. `asked_bytes`: how much the kernel was asked for (everything: all
  /// reclaimable cache). `after`: the cgroup at that time; nullopt: it could not be read.
  Observation(const Reclaim& reclaim, std::uint64_t asked_bytes, std::optional<Sighting> after,
              std::int64_t ended_at_us, std::uint64_t page_bytes);

  /// The cgroup at `at_us`. Ignored if that is before the reclaim's end.
  void see(const Sighting& now, std::int64_t at_us);

  /// Whether the verdict was clear at once, so there is nothing to observe.
  bool is_judged_at_once() const { return at_once_.has_value(); }

  /// The effect so far (`ended_by` is nullopt) or at the end. It can change to `churn` until then, but never back.
  Effect effect(const Learning& learning, std::optional<ObservationEnd> ended_by) const;

  /// What the cooldown learns. `helped` only after an observation that nothing cut short.
  Lesson lesson(const Effect& effect) const;

  std::int64_t ended_at_us() const { return ended_at_us_; }

 private:
  struct Judgement {
    Verdict verdict = Verdict::unknown;
    std::optional<JudgedBy> by;
  };
  static std::optional<Judgement> judge_at_once(const Reclaim& reclaim, std::uint64_t asked_bytes, bool measured);
  Judgement judge(const Effect& seen, const Learning& learning) const;
  std::optional<std::uint64_t> refaulted_bytes() const;
  static bool is_worth_it(const Effect& seen, const Learning& learning);
  bool kernel_remembers() const;
  bool mostly_regrown() const;

  std::int64_t reclaim_id_;
  std::uint64_t freed_bytes_;
  std::uint64_t swapped_out_bytes_;
  std::optional<std::uint64_t> left_bytes_;  // the cgroup's usage after it
  std::uint64_t page_bytes_;
  std::int64_t ended_at_us_;
  Sighting after_;
  std::optional<Judgement> at_once_;

  Sighting seen_;  // last
  std::int64_t seen_at_us_;
  double held_byte_us_ = 0;  // until seen_at_us_
};

}  // namespace cgmm::core
