// SPDX-License-Identifier: Apache-2.0
#pragma once

// Replays all cgroups beside each other: their samples come scan by scan. Decisions about one cgroup do not depend on
// the others. Each is replayed three times, because what would have been read back is a range. Pure: one thread.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "simulate/replay.hpp"

namespace cgmm::simulate {

/// Why a number is a range, or not known.
enum class Doubt : std::uint8_t {
  no_reclaim,   // none of it is on record
  not_counted,  // the kernel does not count what is read back
  mapped,       // mapped pages are not on record, and no reclaim shows that there are few
  lists,        // no reclaim shows what is read back of what is idle alone
  those_below,  // a pod is only reclaimed while most of its page cache is not its containers'
  no_pressure,  // the kernel tells no pressure, so the rule can't be followed
  gaps,         // a part of the time has no samples
  count_
};
std::string_view in_words(Doubt doubt);

/// The answer about one workload.
struct Answer {
  std::string workload;
  std::int64_t cgroup_count = 0;
  Tally was;                    // what really was, in the time that samples cover
  Tally best, expected, worst;  // what would have been
  std::int64_t lived_us = 0, covered_us = 0;
  std::uint32_t doubts = 0;  // a bit for each

  void add(const Answer& other);
  void doubt(Doubt why) { doubts |= 1U << static_cast<unsigned>(why); }
  bool has(Doubt why) const { return (doubts & (1U << static_cast<unsigned>(why))) != 0; }
};

class Simulation {
 public:
  /// What is known of how much is read back comes from reclaims before each moment, or from all of them, which a pass
  /// over the samples before this one has shown to `learned`.
  using AllHabits = std::map<std::string, Habits>;
  explicit Simulation(const Rules& rules, AllHabits learned = {})
      : rules_(rules), habits_(std::move(learned)), is_learning_(habits_.empty()) {}
  /// Only learns.
  static Simulation learner(const Rules& rules);

  void add_cgroup(std::int64_t key, Subject subject);
  /// Reclaims in time order; before the samples that follow them.
  void add_reclaim(std::int64_t key, const PastReclaim& reclaim);
  /// In time order.
  void add(std::int64_t key, const Sample& sample);

  /// By workload; the most that would have been freed or was freed first.
  std::vector<Answer> finish();
  AllHabits learned() && { return std::move(habits_); }

 private:
  struct Learning {
    PastReclaim reclaim;
    Lists taken, there;
  };
  struct Track {
    Subject subject;
    std::vector<PastReclaim> reclaims;  // that no sample has followed yet
    std::vector<Learning> observed;     // nobody knew yet what became of them
    std::vector<std::unique_ptr<Replay>> replays;
    std::size_t limit_count = 0;  // that hold already
    Sample last;
    Answer answer;
  };

  Lists take_reclaims(Track& track, const Sample& now, bool is_gap);
  static core::Limits limits_at(Track& track, std::int64_t now_us);
  void learn(Track& track, Habits& habits, std::int64_t now_us) const;
  void finish(Track& track);

  Rules rules_;
  AllHabits habits_;
  bool is_learning_;
  bool only_learns_ = false;
  std::unordered_map<std::int64_t, Track> tracks_;
};

}  // namespace cgmm::simulate
