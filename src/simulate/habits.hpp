// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the reclaims of a workload have shown: how much of what was taken was read back, and how soon the memory was in
// use again. What they have not shown is a range. Pure: one thread.

#include <cstdint>
#include <deque>

#include "simulate/record.hpp"

namespace cgmm::simulate {

/// From the least to the most; `expected` is between them.
struct Range {
  double least = 0, expected = 0, most = 0;
};

/// Bytes of the inactive and of the active list of files.
struct Lists {
  double inactive = 0, active = 0;

  double sum() const { return inactive + active; }
};

class Habits {
 public:
  /// A reclaim of which everything is known. `taken`: what it took of each list, of what was `there`.
  void add(const PastReclaim& reclaim, const Lists& taken, const Lists& there);

  /// Which part of what is taken of each list is read back. As long as no reclaim has shown it, it is expected that as
  /// much of what is idle is needed as of all is active.
  Range inactive_read_back(double active_share) const;
  Range active_read_back() const;

  /// How long it takes until that is read back, from the reclaim on; evenly over this time.
  double read_back_seconds() const;
  /// At which pace page cache grew after a reclaim by what was new; 0: none is on record.
  double inflow_bytes_per_second() const;
  /// Of what a reclaim wanted to take, the part that it freed.
  double freed_part() const;

  bool has_reclaims() const { return count_ > 0; }
  bool counts_read_back() const { return !shown_.empty(); }
  /// Whether enough reclaims have taken next to nothing but what was idle.
  bool shows_idle() const;

 private:
  /// One of which it is known what was read back.
  struct Shown {
    Lists taken;
    double read_back = 0;
    bool took_all = false;  // also what is mapped, such as programs, which a dose of what is idle leaves

    bool is_of_idle() const;
  };

  template <class PartOf>
  Range of_shown(PartOf part_of) const;

  std::int64_t count_ = 0;
  std::deque<Shown> shown_;                   // the last ones
  double returned_ = 0, return_seconds_ = 0;  // how much came back after those that took much, and how late
  double new_ = 0, new_seconds_ = 0;          // how much the cache grew by what was not read back, and for how long
  double wanted_ = 0, freed_ = 0;
};

}  // namespace cgmm::simulate
