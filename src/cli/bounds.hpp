// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a command that reads may take. A history may come from anywhere, and SQL may have a mistake. These bounds are
// the process's own, so they hold whatever SQLite does: one step of it that takes hours, a file whose pages form a
// circle. A command that is over one of them ends with a sentence and exit code 1, and has written nothing.

#include <cstdint>

#include "base/time.hpp"

namespace cgmm::cli {

/// Of a command that has no SQL to ask for less with.
inline constexpr const char* kShorterTime = "for a shorter time (a later --since, an earlier --until)";

/// 0: none.
struct Bounds {
  std::int64_t time_us = 30 * base::kSecond_us;  // until the answer is complete
  std::uint64_t memory_bytes = std::uint64_t{256} << 20;
  const char* what_is_less = "for less (a later --since, a LIMIT, an ON for every join)";  // what to ask for instead
};

/// Once, before anything is read. Throws std::system_error if there is no thread to be had for the clock.
void begin_bounds(const Bounds& bounds);

/// The memory that there was before: the answer is complete, and another program is to start.
void end_memory_bound();

/// The answer is complete: whoever reads it may take their time.
void end_time_bound();

/// There is no more memory to be had. Allocates nothing.
[[noreturn]] void end_out_of_memory();

}  // namespace cgmm::cli
