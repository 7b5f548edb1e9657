// SPDX-License-Identifier: Apache-2.0
#pragma once

// The subcommands of `fleet`, one file each.

#include <chrono>

#include "cli/commands.hpp"

namespace cgmm::cli {

int fleet_init(const Options& options);
int fleet_report(const Options& options);
int fleet_query(const Options& options);
int fleet_incident(const Options& options);
int fleet_history(const Options& options);

/// How long ClickHouse may take for one question.
inline std::chrono::milliseconds time_of(const Bounds& bounds) {
  constexpr std::chrono::hours kLongest{24};
  return bounds.time_us == 0 ? kLongest
                             : std::chrono::ceil<std::chrono::seconds>(std::chrono::microseconds(bounds.time_us));
}

}  // namespace cgmm::cli
