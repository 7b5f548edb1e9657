// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is on record about one cgroup, as the replay takes it. Plain data.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/policy.hpp"
#include "core/records.hpp"
#include "core/sample.hpp"

namespace cgmm::simulate {

struct Sample {
  std::int64_t at_us = 0;
  std::int64_t interval_us = 0;  // to the next scan, as configured then
  bool is_partial = false;       // between two scans, near the limit
  core::Gauges gauges;           // bytes
  core::Counters increases;      // since the sample before
};

/// A reclaim that really was, and what became of it.
struct PastReclaim {
  std::int64_t started_at_us = 0;
  std::int64_t known_at_us = 0;                  // when its observation had ended
  std::optional<std::uint64_t> requested_bytes;  // nullopt: everything
  std::uint64_t freed_bytes = 0;
  std::optional<std::uint64_t> refaulted_bytes;  // nullopt: nobody knows
  std::optional<std::uint64_t> regrown_bytes;    // nullopt: it was not observed
  std::optional<double> held_byte_seconds;
  std::int64_t observed_for_us = 0;
};

struct LimitChange {
  std::int64_t at_us = 0;
  core::Limits limits;
};

/// A cgroup, and what the policy that is simulated says of it.
struct Subject {
  core::CgroupId id;
  std::string workload;
  core::CgroupKind kind = core::CgroupKind::leaf;
  core::ReclaimSettings settings;
  bool has_rule = false;                // that says that it is reclaimed
  std::vector<LimitChange> limits;      // in time order
  std::int64_t from_us = 0, to_us = 0;  // it was there, in the window
};

}  // namespace cgmm::simulate
