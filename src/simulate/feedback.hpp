// SPDX-License-Identifier: Apache-2.0
#pragma once

// Two rules that others use, to compare with. Neither has a threshold or a cooldown: after every scan a little is
// taken, and what follows says how much it is the next time. They are no policies of the service. Pure: one thread.

#include <cstdint>
#include <deque>
#include <optional>

#include "core/sample.hpp"

namespace cgmm::simulate {

enum class Feedback : std::uint8_t {
  none,
  pressure,  // as senpai: as much as tasks do not wait for memory
  refaults   // as TMO and Katalyst: steps grow while next to nothing is read back, and shrink when something is
};

/// What a scan tells.
struct Since {
  double seconds = 0;                       // since the scan before
  std::optional<std::uint64_t> stalled_us;  // of these, by PSI; nullopt: the kernel has no PSI
  double read_back_bytes = 0;               // of what was taken
  std::optional<double> refaulted_bytes;    // of all; nullopt: the kernel does not count refaults
};

class Steps {
 public:
  /// How much to take now; nullopt: that can't be told.
  std::optional<double> next(Feedback rule, const core::Gauges& now, const Since& since, std::uint64_t page_bytes);

 private:
  double part_ = 0.01;  // of the page cache
};

/// How long what was taken stays free. Any growth of the cache counts against the oldest of it, and nothing counts for
/// longer than reclaims of the service are observed.
class Holdings {
 public:
  void add(std::int64_t at_us, double bytes) { held_.push_back({at_us, bytes}); }
  /// The byte·seconds since the time before.
  double follow(std::int64_t now_us, double seconds, double grown_bytes, std::int64_t most_us);
  void forget() { held_.clear(); }

 private:
  struct Held {
    std::int64_t at_us = 0;
    double bytes = 0;
  };
  std::deque<Held> held_;
};

}  // namespace cgmm::simulate
