// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a pod or another inner cgroup holds beyond the cgroups below it: its remainder. Memory of a container that has
// ended, a tmpfs that nobody runs any more, processes of its own. Pure: any thread.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/sample.hpp"

namespace cgmm::core {

/// Each gauge of `whole` less that of `parts`, at least 0: they are not read at the same instant, and the kernel counts
/// in batches.
inline Gauges less(const Gauges& whole, const Gauges& parts) {
  Gauges rest;
  for (std::size_t i = 0; i < Gauges::kSize; ++i) {
    const auto gauge = static_cast<Gauge>(i);
    if (!whole.has(gauge)) continue;
    const std::uint64_t part = parts.value_or(gauge, 0);
    rest.set(gauge, *whole[gauge] - std::min(part, *whole[gauge]));
  }
  return rest;
}

/// The counters of an inner cgroup that are its own: all others include the cgroups below it, also those that are gone.
inline Counters own_counters(const Counters& counters) {
  Counters own;
  for (const Counter counter : {Counter::limit_hits, Counter::oom_kills}) own.set(counter, counters[counter]);
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

  /// Of the cgroup at this depth, which add() is called for next. nullopt: what is below it is not known.
  std::optional<Gauges> of(std::size_t depth, const Gauges& whole) const {
    if (depth + 1 >= sums_.size()) return whole;
    const Sum& below = sums_[depth + 1];
    return below.is_known ? std::optional(less(whole, below.gauges)) : std::nullopt;
  }

  /// A cgroup without numbers of its own: those below it count for the one above.
  void pass_on(std::size_t depth) {
    const Sum below = take_below(depth);
    sums_[depth].add(below.gauges);
    sums_[depth].is_known = sums_[depth].is_known && below.is_known;
  }

 private:
  struct Sum {
    Gauges gauges;
    bool is_known = true;
    void add(const Gauges& more) {
      for (std::size_t i = 0; i < Gauges::kSize; ++i) {
        const auto gauge = static_cast<Gauge>(i);
        if (more.has(gauge)) gauges.add(gauge, *more[gauge]);
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
