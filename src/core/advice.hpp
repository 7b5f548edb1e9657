// SPDX-License-Identifier: Apache-2.0
#pragma once

// Advice: which threshold to change, or which workload to exclude, from what was recorded about it; and the [[rule]] to
// paste. Pure: no I/O, no clock, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/policy.hpp"

namespace cgmm::core {

/// The effects of the reclaims of one workload at its current threshold, from reports/evidence.sql.
struct ReclaimEvidence {
  std::string path;                                    // of the cgroup reclaimed last; bytes as the kernel has them
  std::string workload;                                // "": not known
  std::int64_t effective_count = 0;                    // most of what was freed stayed free
  std::int64_t churn_count = 0;                        // at least half of it was read again
  std::int64_t futile_count = 0;                       // almost nothing was freed
  std::int64_t regrown_count = 0;                      // half or more grew again; what was read back is not known
  std::uint64_t freed_bytes = 0;                       // by the effective and the churning ones
  std::uint64_t refaulted_bytes = 0;                   // how much of freed_bytes was read again
  std::optional<std::uint64_t> cache_wanted_bytes;     // largest reclaimable cache on record, if a reclaim did not help
  std::uint64_t threshold_bytes = 0;                   // current
  std::optional<std::uint64_t> effective_limit_bytes;  // nullopt: none is known
  double held_byte_seconds = 0;                        // memory kept free by all of them, times how long
  std::int64_t reclaiming_us = 0;                      // how long all of them took
  std::int64_t window_us = 0;                          // the time in which they were made, as far as scans cover it
};

enum class AdviceKind : std::uint8_t { raise_threshold, exclude, lower_threshold };

struct Advice {
  AdviceKind kind = AdviceKind::exclude;
  std::uint64_t threshold_bytes = 0;  // to set, whole MiB; 0 for `exclude`
  std::string reason;                 // with its numbers, and what it brings and costs; no name in it
  std::string path;
  std::string workload;                     // "": the rule goes by the path
  std::optional<std::int64_t> cooldown_us;  // copied from the rule that decided until now
};

/// nullopt if there are too few verdicts, nothing needs to change, or it would bring less than it costs. advice.cpp
/// explains the numbers. `worth_us`: so long a byte has to stay free for each byte read again.
std::optional<Advice> advise(const ReclaimEvidence& evidence, std::int64_t worth_us = Learning{}.worth_us);

/// nullopt too if the configuration already does as much, excludes the cgroup, or has a `reclaim_to` that is not below
/// the new threshold.
std::optional<Advice> advise(const ReclaimEvidence& evidence, const Policy& policy);

/// Why there is no advice although its reclaims did not help (only_churns, frees_nothing).
/// `policy`: nullptr if it is not known. "": there is advice, its reclaims help, or the configuration spares it.
std::string why_no_advice(const ReclaimEvidence& evidence, const Policy* policy);

/// Whether the current configuration excludes the cgroup, or its threshold is as high as the advised one.
bool spares(const Policy& policy, const ReclaimEvidence& evidence);

/// Whether there are enough verdicts, some of them churn, none effective.
bool only_churns(const ReclaimEvidence& evidence);

/// Whether there are enough verdicts, all of them futile.
bool frees_nothing(const ReclaimEvidence& evidence);

/// "25 %". Never rounds to 0 % or 100 % what is not exactly that. `whole` is not 0.
std::string in_percent(std::uint64_t part, std::uint64_t whole);

/// "raise the threshold to 64 MiB", "exclude it from reclaim"; with a name "raise the threshold of NAME to 64 MiB".
std::string in_words(const Advice& advice, std::string_view name = {});

/// The [[rule]] to paste into config.toml, safe for a terminal and a page.
std::string rule_of(const Advice& advice);

}  // namespace cgmm::core
