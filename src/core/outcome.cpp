// SPDX-License-Identifier: Apache-2.0
#include "core/outcome.hpp"

namespace cgmm::core {
namespace {

// The kernel frees in batches and charges in batches per CPU: within 2 % of what was asked is what was asked.
constexpr std::uint64_t kEnoughOf100 = 98;

}  // namespace

std::optional<std::uint64_t> freed_bytes(const Gauges& before, const Gauges& after) {
  for (const Gauge gauge : {Gauge::usage, Gauge::file}) {
    const auto from = before[gauge];
    const auto to = after[gauge];
    if (from && to) return *from > *to ? *from - *to : 0;
  }
  return std::nullopt;
}

ReclaimOutcome judge(const Gauges& before, const std::optional<Gauges>& after,
                     std::optional<std::uint64_t> requested_bytes, std::error_code answer) {
  if (!after) return ReclaimOutcome::vanished;
  if (answer == std::errc::interrupted) return ReclaimOutcome::interrupted;
  const bool short_of_it = answer == std::errc::resource_unavailable_try_again ||
                           answer == std::errc::device_or_resource_busy;
  if (answer && !short_of_it) return ReclaimOutcome::failed;
  if (!short_of_it) return ReclaimOutcome::done;
  const std::uint64_t freed = freed_bytes(before, *after).value_or(0);
  const bool enough = requested_bytes && freed / kEnoughOf100 >= *requested_bytes / 100;
  return enough && freed > 0 ? ReclaimOutcome::done : ReclaimOutcome::partial;
}

}  // namespace cgmm::core
