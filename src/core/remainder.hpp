// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a pod or another inner cgroup holds beyond the cgroups below it: its remainder. Memory of a container that has
// ended, a tmpfs that nobody runs any more, processes of its own. Pure: any thread.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/sample.hpp"

namespace cgmm::core {

/// The counters of an inner cgroup that are its own: all others include the cgroups below it, also those that are gone.
inline Counters own_counters(const Counters& counters) {
  Counters own;
  for (const Counter counter : {Counter::limit_hits, Counter::oom_kills, Counter::low_events, Counter::high_events,
                                Counter::oom_events, Counter::oom_group_kills})
    own.set(counter, counters[counter]);
  return own;
}

/// Adds up the cgroups of one scan. Those below a cgroup come before it.
class Remainders {
 public:
  /// A cgroup at this depth, with all that is below it. nullopt: that is not known.
  void add(std::size_t depth, const std::optional<Gauges>& whole) {
    take_below(depth);
    if (whole) {
      sums_[depth].add(*whole);
    } else {
      sums_[depth].is_known = false;
    }
  }

  /// Of the cgroup at this depth, which add() is called for next: each gauge less those below, at least 0 and at most
  /// the usage, because they are not read at the same instant, and the kernel counts in batches. nullopt: what is below
  /// it is not known.
  std::optional<Gauges> of(std::size_t depth, const Gauges& whole) const {
    static const Sum kNone;
    const Sum& below = depth + 1 < sums_.size() ? sums_[depth + 1] : kNone;
    if (!below.is_known) return std::nullopt;
    Gauges rest;
    for (std::size_t i = 0; i < Gauges::kSize; ++i) {
      const auto gauge = static_cast<Gauge>(i);
      if (gauge == Gauge::peak) continue;  // of peaks there is no difference
      if (whole.is_no_number(gauge) || below.is_no_number[i]) rest.set_no_number(gauge);
      if (!whole.has(gauge) || below.is_no_number[i]) continue;
      std::uint64_t bytes = *whole[gauge] - std::min(*whole[gauge], below.gauges.value_or(gauge, 0));
      static_assert(static_cast<std::size_t>(Gauge::usage) == 0, "it is known before the others");
      if (gauge != Gauge::swap) bytes = std::min(bytes, rest.value_or(Gauge::usage, bytes));
      rest.set(gauge, bytes);
    }
    return rest;
  }

  /// A cgroup without numbers of its own: those below it count for the one above.
  void pass_on(std::size_t depth) {
    const Sum below = take_below(depth);
    Sum& sum = sums_[depth];
    sum.add(below.gauges);
    sum.is_known = sum.is_known && below.is_known;
    for (std::size_t i = 0; i < Gauges::kSize; ++i) sum.is_no_number[i] = sum.is_no_number[i] || below.is_no_number[i];
  }

 private:
  struct Sum {
    Gauges gauges;
    std::array<bool, Gauges::kSize> is_no_number{};
    bool is_known = true;
    void add(const Gauges& more) {
      for (std::size_t i = 0; i < Gauges::kSize; ++i) {
        const auto gauge = static_cast<Gauge>(i);
        if (more.has(gauge)) gauges.add(gauge, *more[gauge]);
        is_no_number[i] = is_no_number[i] || more.is_no_number(gauge);
      }
    }
  };

  Sum take_below(std::size_t depth) {
    if (sums_.size() < depth + 2) sums_.resize(depth + 2);
    return std::exchange(sums_[depth + 1], Sum{});
  }

  std::vector<Sum> sums_;  // by depth, of the cgroups whose parent has not come yet
};

}  // namespace cgmm::core
