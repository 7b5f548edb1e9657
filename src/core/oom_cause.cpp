// SPDX-License-Identifier: Apache-2.0
#include "core/oom_cause.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/time.hpp"

namespace cgmm::core {
namespace {

constexpr std::uint64_t kNoise = 500;  // smaller changes than 1/500 of the limit are ignored
constexpr std::uint64_t kGrowth = 20;  // growth is at least 1/20 of the limit
constexpr double kBend = 0.25;         // a rise is steep if it is below the straight line by this share of its length
constexpr std::int64_t kStandstill_us = 2 * base::kMinute_us;
constexpr std::int64_t kStart_us = 10 * base::kSecond_us;
constexpr std::int64_t kAtItsLimit_us = 5 * base::kMinute_us;  // for so long at least, to be said to live at its limit

std::uint64_t held_or_0(const MemoryBefore& sample) { return held_bytes(sample.gauges).value_or(0); }

/// Where a rise became steep: the sample that is farthest below the straight line from begin to end. For an even rise,
/// its begin. [first, last) are the samples of the rise.
const MemoryBefore* knee_of(const MemoryBefore* first, const MemoryBefore* last, std::int64_t killed_at_us,
                            double rise_bytes) {
  const MemoryBefore* knee = first;
  double farthest = kBend;
  for (const MemoryBefore* sample = first; sample != last; ++sample) {
    const auto held = held_bytes(sample->gauges);
    if (!held) continue;
    const double time_share = static_cast<double>(sample->at_us - first->at_us) /
                              static_cast<double>(std::max<std::int64_t>(killed_at_us - first->at_us, 1));
    const double rise_share = (static_cast<double>(*held) - static_cast<double>(held_or_0(*first))) / rise_bytes;
    if (time_share - rise_share <= farthest) continue;
    farthest = time_share - rise_share;
    knee = sample;
  }
  return knee;
}

/// Whether memory still rose in the last half of the time. If it rose earlier and then stood still, it is not the
/// cause.
bool ends_rising(const std::vector<MemoryBefore>& before, std::int64_t from_at_us, std::int64_t killed_at_us,
                 std::uint64_t from_bytes, std::uint64_t to_bytes) {
  const std::int64_t middle_us = from_at_us + (killed_at_us - from_at_us) / 2;
  for (auto sample = before.rbegin(); sample != before.rend(); ++sample) {
    const auto held = held_bytes(sample->gauges);
    if (!held || sample->at_us > middle_us) continue;
    return *held < to_bytes - (to_bytes - from_bytes) / 10;
  }
  return true;
}

/// Goes back from the kill to the begin of the rise: to where memory was higher before, or stood still for longer than
/// the rise took (and for at least two minutes).
std::optional<OomGrowth> growth_of(const std::vector<MemoryBefore>& before, std::int64_t killed_at_us,
                                   std::uint64_t to_bytes, std::uint64_t limit_bytes) {
  std::uint64_t lowest = to_bytes;
  const MemoryBefore* first = nullptr;
  std::int64_t lowest_at_us = killed_at_us;
  for (auto sample = before.rbegin(); sample != before.rend(); ++sample) {
    const auto held = held_bytes(sample->gauges);
    if (!held) continue;
    if (*held + limit_bytes / kNoise < lowest) {
      lowest = *held;
      lowest_at_us = sample->at_us;
      first = &*sample;
    } else if (*held > lowest + limit_bytes / kGrowth ||
               lowest_at_us - sample->at_us > std::max(kStandstill_us, killed_at_us - lowest_at_us)) {
      break;
    }
  }
  if (first == nullptr || to_bytes < lowest + std::max<std::uint64_t>(limit_bytes / kGrowth, 1)) return std::nullopt;
  if (!ends_rising(before, first->at_us, killed_at_us, lowest, to_bytes)) return std::nullopt;
  const MemoryBefore* const began =
      knee_of(first, before.data() + before.size(), killed_at_us, static_cast<double>(to_bytes - lowest));
  return OomGrowth{.from_at_us = began->at_us, .from_bytes = held_or_0(*began), .to_bytes = to_bytes};
}

/// The kernel's memory, without the slab that can be dropped.
std::int64_t held_kernel_bytes(const Gauges& gauges) {
  const std::uint64_t kernel = gauges.value_or(Gauge::kernel, 0);
  return static_cast<std::int64_t>(kernel - std::min(kernel, gauges.value_or(Gauge::slab_reclaimable, 0)));
}

/// The kinds of memory, as far as they are known; in the order of the first causes.
using Kinds = std::array<std::int64_t, 4>;
Kinds kinds_of(const Gauges& gauges) {
  const auto bytes = [&](Gauge gauge) { return static_cast<std::int64_t>(gauges.value_or(gauge, 0)); };
  return {bytes(Gauge::anon) + bytes(Gauge::swap), bytes(Gauge::shmem), held_kernel_bytes(gauges),
          static_cast<std::int64_t>(reclaimable_cache_bytes(gauges))};
}

OomCause largest(const Kinds& kinds) { return static_cast<OomCause>(std::ranges::max_element(kinds) - kinds.begin()); }

/// The kind of memory that made up most of the rise. Reclaimable cache does not count.
OomCause grown_most(const OomEvidence& evidence, const OomGrowth& growth, const Gauges& at_end) {
  const auto from = std::ranges::find(evidence.before, growth.from_at_us, &MemoryBefore::at_us);
  Kinds kinds = kinds_of(at_end);
  const Kinds then = kinds_of(from->gauges);
  for (std::size_t i = 0; i < kinds.size(); ++i) kinds[i] -= then[i];
  kinds.back() = INT64_MIN;
  return largest(kinds);
}

/// Whether the growth of the victim's cgroup can be the cause: at its pod's limit, if it held half of that or more.
bool may_be_the_cause(const OomEvidence& evidence, const OomExplanation& known) {
  if (!evidence.limit_is_above || !known.limit_bytes) return true;
  return known.growth->to_bytes >= *known.limit_bytes / 2;
}

/// At a pod's limit, tmpfs may be what containers before this one have left.
bool is_mostly_tmpfs_of_its_pod(const OomEvidence& evidence, const OomExplanation& known) {
  const std::uint64_t usage = known.gauges.value_or(Gauge::usage, 0);
  return evidence.limit_is_above && known.from_log && known.gauges.value_or(Gauge::shmem, 0) > usage / 2;
}

bool lived_at_its_limit(const OomEvidence& evidence, std::uint64_t limit_bytes) {
  const auto& before = evidence.before;
  if (before.empty() || evidence.killed_at_us - before.front().at_us < kAtItsLimit_us) return false;
  return std::ranges::all_of(
      before, [&](std::uint64_t held) { return held >= limit_bytes - limit_bytes / 10; }, held_or_0);
}

/// If memory grows for longer than a start takes, it leaks, whatever the limit is.
bool keeps_dying_at_its_start(const OomEvidence& evidence, const std::optional<OomGrowth>& growth) {
  return evidence.early_kill_count >= kEarlyKills && evidence.first_seen_at_us &&
         evidence.killed_at_us - *evidence.first_seen_at_us < kEarly_us &&
         !(growth && evidence.killed_at_us - growth->from_at_us > kStart_us);
}

/// The kernel drops cache, and slab that can be dropped, before it kills. If most memory is that, the kernel could not
/// drop it, and it is the cause; unless another kind of memory grew into the limit.
bool could_not_drop(const OomExplanation& known, std::uint64_t bytes) {
  const std::uint64_t usage = known.gauges.value_or(Gauge::usage, 0);
  const std::uint64_t grown = known.growth ? known.growth->to_bytes - known.growth->from_bytes : 0;
  return known.from_log && usage > 0 && bytes > usage / 2 && grown < bytes / 3;
}

/// Whether the kernel's numbers are about the victim's own cgroup, like its samples.
bool has_own_numbers(const OomEvidence& evidence, const OomExplanation& known) {
  return known.from_log && !evidence.limit_is_above && !evidence.limit_is_below;
}

/// Kernels before 4.5 do not log shmem. But shmem is not on the file LRU lists, so those show what can be dropped.
Gauges with_shmem(Gauges gauges) {
  const auto file = gauges[Gauge::file];
  const auto inactive = gauges[Gauge::inactive_file];
  const auto active = gauges[Gauge::active_file];
  if (!gauges.has(Gauge::shmem) && file && inactive && active) {
    gauges.set(Gauge::shmem, *file - std::min(*file, *inactive + *active));
  }
  return gauges;
}

/// nullopt: a cgroup's limit was hit, and the kinds of its memory tell.
std::optional<OomCause> cause_of(OomScope scope) {
  switch (scope) {
    case OomScope::cgroup:
    case OomScope::memory_and_swap:
      return std::nullopt;
    case OomScope::node:
      return OomCause::node;
    case OomScope::cpuset:
      return OomCause::cpuset;
    case OomScope::memory_policy:
      return OomCause::memory_policy;
    case OomScope::fragmentation:
      return OomCause::fragmentation;
    case OomScope::sysrq:
      return OomCause::sysrq;
  }
  return std::nullopt;
}

std::optional<OomCause> cause_of(const OomEvidence& evidence, const OomExplanation& known) {
  if (const auto cause = cause_of(evidence.scope)) return cause;
  if (evidence.limit_is_above && !evidence.is_as_its_own) return OomCause::ancestor_limit;
  if (keeps_dying_at_its_start(evidence, known.growth) && !is_mostly_tmpfs_of_its_pod(evidence, known))
    return OomCause::limit_too_small;
  if (!known.measured_at_us) return std::nullopt;
  if (could_not_drop(known, reclaimable_cache_bytes(known.gauges))) return OomCause::cache;
  if (could_not_drop(known, known.gauges.value_or(Gauge::slab_reclaimable, 0))) return OomCause::kernel_memory;
  if (known.growth && may_be_the_cause(evidence, known)) {
    const bool logged = has_own_numbers(evidence, known);
    return grown_most(evidence, *known.growth, logged ? known.gauges : evidence.before.back().gauges);
  }
  if (known.limit_bytes && !evidence.limit_is_below && lived_at_its_limit(evidence, *known.limit_bytes)) {
    return OomCause::limit_too_small;
  }
  Kinds kinds = kinds_of(known.gauges);
  if (!known.from_log) {
    kinds.back() = 0;  // the kernel has dropped the cache of that sample by now
    const std::uint64_t held = held_bytes(known.gauges).value_or(0);
    const bool is_small = held == 0 || held < known.limit_bytes.value_or(held) / 2;
    if (is_small) return std::nullopt;  // this did not grow into the limit
  }
  return largest(kinds);
}

}  // namespace

std::optional<std::uint64_t> held_bytes(const Gauges& gauges) {
  const auto usage = gauges[Gauge::usage];
  if (!usage) return std::nullopt;
  return *usage - std::min(*usage, reclaimable_bytes(gauges));
}

namespace {

void add_swap_to_usage(Gauges& gauges) {
  if (const auto usage = gauges[Gauge::usage]) gauges.set(Gauge::usage, *usage + gauges.value_or(Gauge::swap, 0));
}

/// Memory and swap together as the usage.
OomEvidence with_swap(OomEvidence evidence) {
  for (MemoryBefore& sample : evidence.before) add_swap_to_usage(sample.gauges);
  if (evidence.at_kill) add_swap_to_usage(evidence.at_kill->gauges);
  return evidence;
}

OomExplanation explain_usage(const OomEvidence& evidence) {
  OomExplanation result;
  result.limit_bytes = evidence.limit_bytes;
  if (evidence.at_kill && evidence.at_kill->gauges.has(Gauge::usage)) {
    result.from_log = true;
    result.measured_at_us = evidence.killed_at_us;
    result.gauges = with_shmem(evidence.at_kill->gauges);
    result.limit_bytes = evidence.at_kill->limit_bytes;
  } else if (!evidence.before.empty()) {
    result.measured_at_us = evidence.before.back().at_us;
    result.gauges = evidence.before.back().gauges;
  }
  std::optional<std::uint64_t> to_bytes;
  if (has_own_numbers(evidence, result)) {
    to_bytes = held_bytes(result.gauges);
  } else if (!evidence.before.empty()) {
    to_bytes = held_bytes(evidence.before.back().gauges);
  }
  const std::uint64_t scale = evidence.limit_bytes.value_or(result.limit_bytes.value_or(to_bytes.value_or(0)));
  if (to_bytes) result.growth = growth_of(evidence.before, evidence.killed_at_us, *to_bytes, scale);
  result.cause = cause_of(evidence, result);
  return result;
}

}  // namespace

OomExplanation explain(const OomEvidence& evidence) {
  if (evidence.scope != OomScope::memory_and_swap) return explain_usage(evidence);
  OomExplanation result = explain_usage(with_swap(evidence));
  if (const auto both = result.gauges[Gauge::usage])
    result.gauges.set(Gauge::usage, *both - std::min(*both, result.gauges.value_or(Gauge::swap, 0)));
  return result;
}

}  // namespace cgmm::core
