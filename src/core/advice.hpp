// SPDX-License-Identifier: Apache-2.0
#pragma once

// What to change where reclaiming does not help, or would help sooner: rules on what was recorded about one
// cgroup's path, and the [[rule]] that puts the advice into practice. Pure: no I/O, no clock, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/policy.hpp"

namespace cgmm::core {

/// What became of the reclaims of one cgroup's path, as reports/evidence.sql has it: only those that were
/// made at the threshold that is in force now, and of them only those that were judged. A reclaim that was
/// not watched, or not long enough, is no evidence, nor is a dry run.
struct ReclaimEvidence {
  std::string path;                                    // bytes as the kernel has them
  std::int64_t effective_count = 0;                    // most of what was freed stayed free
  std::int64_t churn_count = 0;                        // at least half of it was read again
  std::int64_t futile_count = 0;                       // next to nothing was freed
  std::int64_t regrown_count = 0;                      // half or more grew again; what was read back can't be told
  std::uint64_t freed_bytes = 0;                       // by the effective and the churning ones
  std::uint64_t refaulted_bytes = 0;                   // how much of freed_bytes was read again
  std::optional<std::uint64_t> cache_wanted_bytes;     // highest reclaimable cache before one that did not help
  std::uint64_t threshold_bytes = 0;                   // in force
  std::optional<std::uint64_t> effective_limit_bytes;  // nullopt: none is known
};

enum class AdviceKind : std::uint8_t { raise_threshold, exclude, lower_threshold };

struct Advice {
  AdviceKind kind = AdviceKind::exclude;
  std::uint64_t threshold_bytes = 0;  // to set, whole MiB; 0 for `exclude`
  std::string reason;                 // a sentence with its numbers, and no name in it
  std::string path;
  std::optional<std::int64_t> cooldown_us;  // of the rule that it is put above, which no longer decides then
};

/// nullopt where too little was judged, or nothing needs to change. The numbers in the rules are explained in
/// advice.cpp.
std::optional<Advice> advise(const ReclaimEvidence& evidence);

/// The same, beside the configuration in force. nullopt too where that does as much already, or more; where
/// it reclaims nothing of the cgroup; and where it has a `reclaim_to` that is not below the threshold to set.
std::optional<Advice> advise(const ReclaimEvidence& evidence, const Policy& policy);

/// Whether the configuration in force already leaves the cgroup what it was seen to want: it reclaims nothing
/// of it, or its threshold is as high as the one to be advised.
bool spares(const Policy& policy, const ReclaimEvidence& evidence);

/// Whether enough was judged, some of it churned, and not one was effective.
bool only_churns(const ReclaimEvidence& evidence);

/// Whether enough was judged, and each freed next to nothing.
bool frees_nothing(const ReclaimEvidence& evidence);

/// "25 %"; what is not quite all, or not quite nothing, does not read as that. `whole` is not 0.
std::string in_percent(std::uint64_t part, std::uint64_t whole);

/// "raise the threshold to 64 MiB", "exclude it from reclaim"; with a name for the cgroup "raise the
/// threshold of NAME to 64 MiB", "exclude NAME from reclaim".
std::string in_words(const Advice& advice, std::string_view name = {});

/// A glob of core/glob that matches `path`. It matches nothing else, but that an invalid byte of the path,
/// which a TOML file can't hold, becomes a `?`, so that any character may be there.
std::string glob_of(std::string_view path);

/// The [[rule]] to paste into config.toml: three lines of valid UTF-8, or four with the cooldown, without a
/// character that could steer a terminal, begin a tag or end a line early.
std::string rule_of(const Advice& advice);

}  // namespace cgmm::core
