// SPDX-License-Identifier: Apache-2.0
#pragma once

// What became of a reclaim: did what it freed stay free, or was it read right back? Told from the cgroup's numbers in
// the scans after it. Pure state and rules, no clock: instants come from outside (microseconds of a clock that is never
// set). One thread an object.

#include <cstdint>
#include <optional>

#include "core/outcome.hpp"
#include "core/policy.hpp"
#include "core/records.hpp"
#include "core/sample.hpp"

namespace cgmm::core {

/// The numbers of a cgroup that an effect is told from.
struct Sighting {
  std::uint64_t inode = 0;                    // of its directory: what it is while it lives
  std::uint64_t cache_bytes = 0;              // reclaimable
  std::optional<std::uint64_t> refault_file;  // pages, since the cgroup was made
  std::optional<std::uint64_t> refault_anon;
};

Sighting sighting_of(std::uint64_t inode, const MemorySample& sample);

/// The watch over one reclaim.
class EffectWatch {
 public:
  /// `reclaim` has ended at `ended_at_us`. `asked_bytes`: of the kernel (v1: the reclaimable cache). `after`: the
  /// cgroup right then; nullopt when it could not be measured.
  EffectWatch(const Reclaim& reclaim, std::uint64_t asked_bytes, std::optional<Sighting> after,
              std::int64_t ended_at_us, std::uint64_t page_bytes);

  /// The cgroup at `at_us`. One from before the reclaim's end says nothing and is left out.
  void see(const Sighting& now, std::int64_t at_us);

  /// Whether the rest of the time would tell nothing more: there was nothing to watch.
  bool settled_at_once() const { return at_once_.has_value(); }

  /// What is known so far (`ended_by` is nullopt), or in the end. Until then it may turn to `churn`, but never back
  /// from it.
  Effect effect(const Learning& learning, std::optional<WatchEnd> ended_by) const;

  /// What the cgroup's cooldown learns from that: that it did not help at any time, that it helped only from a watch
  /// that was not cut short by the service's own end.
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
  bool kernel_remembers() const;
  bool mostly_regrown() const;

  std::int64_t reclaim_id_;
  std::uint64_t freed_bytes_;
  std::uint64_t swapped_out_bytes_;
  std::optional<std::uint64_t> left_bytes_;  // all that was charged to the cgroup after it
  std::uint64_t page_bytes_;
  std::int64_t ended_at_us_;
  Sighting after_;
  std::optional<Judgement> at_once_;

  Sighting seen_;  // last
  std::int64_t seen_at_us_;
  double held_byte_us_ = 0;  // up to then
};

}  // namespace cgmm::core
