// SPDX-License-Identifier: Apache-2.0
#include "core/idle.hpp"

#include <algorithm>
#include <utility>

namespace cgmm::core {
namespace {

constexpr std::uint64_t kTellingPart = 50;  // a fiftieth of the cache

std::uint64_t increase_of(const std::optional<std::uint64_t>& before, const std::optional<std::uint64_t>& now) {
  return before && now && *now > *before ? *now - *before : 0;
}

}  // namespace

std::optional<std::uint64_t> idle_cache_bytes(const MemorySample& sample) {
  const auto inactive_bytes = sample.gauges[Gauge::inactive_file];
  if (!inactive_bytes) return std::nullopt;
  const std::uint64_t busy_bytes = sample.mapped_bytes.value_or(0) + sample.gauges.value_or(Gauge::dirty, 0);
  return *inactive_bytes - std::min(*inactive_bytes, busy_bytes);
}

CacheUse cache_use_of(const Gauges& gauges, const Counters& counters) {
  return {.cache_bytes = reclaimable_cache_bytes(gauges),
          .active_bytes = gauges[Gauge::active_file],
          .refault_file = counters[Counter::refault_file],
          .major_faults = counters[Counter::pgmajfault]};
}

bool is_in_use(const CacheUse& before, const CacheUse& now, std::uint64_t page_bytes) {
  const std::uint64_t pages =
      std::max(increase_of(before.refault_file, now.refault_file), increase_of(before.major_faults, now.major_faults));
  const std::uint64_t used_bytes = std::max(pages * page_bytes, increase_of(before.active_bytes, now.active_bytes));
  return used_bytes > 0 && used_bytes >= now.cache_bytes / kTellingPart;
}

bool CacheWatch::leaves_alone(bool is_over, bool takes_only_idle, const CacheUse& now, std::uint64_t page_bytes) {
  if (!is_over) {
    if (last_) *last_ = now;
    return false;
  }
  if (!takes_only_idle) return false;
  if (last_) return is_in_use(std::exchange(*last_, now), now, page_bytes);
  last_ = std::make_unique<CacheUse>(now);
  return true;
}

}  // namespace cgmm::core
