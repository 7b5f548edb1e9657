// SPDX-License-Identifier: Apache-2.0
#pragma once

// One cgroup as it would have been, if other reclaims had been made than those on record: what is on record, and by how
// much its page cache would be bigger or smaller. Pure: one thread.

#include <cstdint>
#include <deque>
#include <optional>

#include "core/sample.hpp"
#include "simulate/habits.hpp"
#include "simulate/record.hpp"

namespace cgmm::simulate {

/// Where nobody knows: as little as possible is read back, as much as is expected, as much as possible.
enum class Outlook : std::uint8_t { best, expected, worst };

class World {
 public:
  World(Outlook outlook, std::uint64_t page_bytes) : outlook_(outlook), page_bytes_(page_bytes) {}

  /// The first sample, or the first after a time without any: it is as it was.
  void begin(const Sample& now);

  /// The sample after it. `really_freed`: what real reclaims have taken between the two.
  void follow(const Sample& now, const Lists& really_freed, const core::Limits& limits, const Habits& habits);

  /// Takes so much page cache, the inactive list first. Returns how much of each list.
  Lists take(double bytes, const Habits& habits);

  /// The cgroup as it would be. Counters are since begin().
  core::MemorySample seen() const;

  /// How much less page cache there is than was on record.
  double less_bytes() const { return -(more_.inactive + more_.active); }
  /// What was read back in the last step of what take() took.
  double read_back_bytes() const { return read_back_bytes_; }

 private:
  /// What comes back of what was taken.
  struct Return {
    Lists left;
    double seconds = 0;  // until all is back
  };

  double by_outlook(const Range& range) const;
  void count(const Sample& now);
  double drop_returns(const Lists& grown, std::optional<double> refaulted_bytes);
  void follow_promotions(const Lists& grown);
  void let_return(double seconds);
  double replaced_bytes(const Sample& now, const core::Limits& limits, double seconds, double really_freed,
                        const Habits& habits) const;
  void bound(const core::Limits& limits);
  void move(double bytes, double Lists::* first, double Lists::* second);

  Outlook outlook_;
  std::uint64_t page_bytes_;
  Sample last_;
  core::Counters totals_;  // since begin()
  Lists more_;             // page cache than was on record; below 0: less
  double out_ = 0;         // taken by real reclaims and not read back since
  std::deque<Return> returns_;
  double read_back_bytes_ = 0;
  double refault_pages_ = 0;  // that the record does not have; below 0: that it has, and that would not have been
};

/// What is on the lists.
Lists lists_of(const core::Gauges& gauges);
/// Of each list what a reclaim took of what was there: the inactive one first.
Lists taken_of(const Lists& there, double bytes);

}  // namespace cgmm::simulate
