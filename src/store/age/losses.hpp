// SPDX-License-Identifier: Apache-2.0
#pragma once

// What had to go before its time, or was left out, for want of room, and whose it was.

#include <cstdint>
#include <map>
#include <string>

namespace cgmm::store {

/// Rows by their kind.
struct Loss {
  std::int64_t cgroups = 0;   // dropped, with their limits and hours
  std::int64_t samples = 0;   // dropped
  std::int64_t left_out = 0;  // new cgroups that were not put on record, in a scan each
  std::int64_t events = 0;    // reclaims, OOM kills, limits, service events

  bool operator==(const Loss&) const = default;
};

/// By the directory whose cgroups they were of; "": everybody's.
using Losses = std::map<std::string, Loss>;

}  // namespace cgmm::store
