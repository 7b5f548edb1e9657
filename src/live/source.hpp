// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where `live` gets what it shows: `cli` reads it from the history, a test makes it up. One thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "live/instant.hpp"

namespace cgmm::live {

/// Something that happened at a point in time.
struct Event {
  std::int64_t at_us = 0;
  std::string path{};  // of the cgroup; "": not known
  std::string name{};
  std::int64_t id = 0;  // of an OOM kill
};

/// Where one can go from a point in time. nullopt: there is nothing.
struct Steps {
  std::optional<std::int64_t> before_us, after_us;  // instants
  std::optional<Event> kill_before, kill_after, reclaim_before, reclaim_after;
};

/// What happened in a part of the history.
struct Slot {
  std::int64_t kills = 0, reclaims = 0;
  bool is_gap = false;
};

/// The whole history in parts of the same length.
struct Strip {
  std::int64_t since_us = 0, until_us = 0;
  std::vector<Slot> slots{};
};

/// The newest full scan.
struct NewestScan {
  std::int64_t at_us = 0;
  std::int64_t interval_us = 0;  // to the next one
};

class Source {
 public:
  virtual ~Source() = default;
  /// The newest instant at or before this point in time; without rows if there is none.
  virtual Instant at(std::int64_t point_us) = 0;
  /// `kill_id`: of the OOM kill at this point in time where one is; 0: at none.
  virtual Steps steps(std::int64_t point_us, std::int64_t kill_id) = 0;
  virtual std::optional<NewestScan> newest() = 0;
  /// With all that is on record by now.
  virtual Strip strip() = 0;
  /// The names of the faults that the service has now; "": none, or no service answers.
  virtual std::string faults() = 0;
  /// Text of lines that are at most `columns` wide, safe for a terminal: a cgroup around this time; an incident.
  virtual std::string details(const Row& row, std::int64_t point_us, std::size_t columns) = 0;
  virtual std::string incident(std::int64_t oom_kill_id, std::size_t columns) = 0;
};

}  // namespace cgmm::live
