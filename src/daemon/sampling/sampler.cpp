// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/sampler.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "daemon/clock.hpp"

namespace cgmm::daemon {

Sampler::Sampler(const kernel::Hierarchy& hierarchy, kernel::Watch watch, core::Policy policy)
    : finder_(hierarchy, watch), reader_(std::move(policy)) {}

void Sampler::set_hierarchy(const kernel::Hierarchy& hierarchy, kernel::Watch watch) {
  finder_.set_hierarchy(hierarchy, watch);
  near_limit_.forget();
}

Sampler::Result Sampler::scan(std::int64_t now_us) {
  const std::int64_t began_us = steady_now_us();
  Result result;
  result.scan.started_at_us = now_us;
  try {
    const auto found = finder_.find(began_us, result);
    finder_.controller().begin_pass();
    result.scan.rows.reserve(found.size());
    for (Tracked* const tracked : found) {
      if (reader_.read(*tracked, finder_, result)) {
        near_limit_.follow(*tracked, result.scan.rows.back().gauges, began_us);
      }
    }
  } catch (const std::exception& error) {
    result.parent_error = error.what();
    result.note_error(result.parent_error);
  }
  finder_.end_scan(result);
  near_limit_.end_scan(finder_.cgroups());
  end_pass(result, began_us);
  return result;
}

std::optional<Sampler::Result> Sampler::sample_near_limit(std::int64_t now_us) {
  const std::int64_t began_us = steady_now_us();
  Result result;
  result.scan.started_at_us = now_us;
  result.scan.is_partial = true;
  finder_.controller().begin_pass();
  near_limit_.sample(began_us, finder_, reader_, result);
  if (result.scan.rows.empty()) return std::nullopt;
  result.scan.unread.clear();  // a partial scan does not say which cgroups there are
  end_pass(result, began_us);
  return result;
}

void Sampler::end_pass(Result& result, std::int64_t began_us) {
  result.scan.duration_us = steady_now_us() - began_us;
  const std::int64_t cpu_before_us = std::exchange(cpu_us_, thread_cpu_us());
  result.scan.cpu_us = std::max<std::int64_t>(cpu_us_ - cpu_before_us, 0);
}

}  // namespace cgmm::daemon
