// SPDX-License-Identifier: Apache-2.0
#include "core/outcome.hpp"

#include <algorithm>

namespace cgmm::core {
namespace {

// The kernel frees in batches and charges in batches per CPU: within 2 % of the request counts as all of it.
constexpr std::uint64_t kEnoughOf100 = 98;
// A rest of this size is asked for in one step: 30 % too much of it does not matter.
constexpr std::uint64_t kLastStepBytes = 4ULL << 20;

// What a cgroup's cache may shrink by on its own. The same bound as for the verdict `futile`, so that no verdict comes
// from a refusal.
constexpr std::uint64_t kFreedFromHundredth = 10;

std::uint64_t left_of(std::uint64_t total, std::uint64_t done) { return total > done ? total - done : 0; }

bool under_pressure(const Progress& progress, double max_pressure_pct) {
  if (!progress.stalled_us || max_pressure_pct >= 100) return false;
  const auto stalled_us = static_cast<double>(*progress.stalled_us);
  return stalled_us * 100 > max_pressure_pct * static_cast<double>(progress.window_us);
}

}  // namespace

std::optional<std::uint64_t> freed_bytes(const Gauges& before, const Gauges& after) {
  for (const Gauge gauge : {Gauge::usage, Gauge::file}) {
    const auto from = before[gauge];
    const auto to = after[gauge];
    if (from && to) return left_of(*from, *to);
  }
  return std::nullopt;
}

ReclaimPlan plan_of(const MemorySample& now, std::optional<std::uint64_t> limit_bytes, const ReclaimSettings& settings,
                    ReclaimMethod method, const ReclaimBounds& bounds) {
  ReclaimPlan plan{.target_bytes = target_bytes(limit_bytes, settings),
                   .reserve_bytes = reserve_bytes(limit_bytes, settings),
                   .policy = settings.policy,
                   .bounds = bounds};
  plan.all_at_once =
      plan.target_bytes == 0 && plan.policy != ReclaimPolicy::idle && method == ReclaimMethod::force_empty;
  plan.follow(now);
  return plan;
}

std::uint64_t first_dose_bytes(const Candidate& candidate, const Learning& learning) {
  MemorySample now;
  now.gauges = candidate.gauges;
  ReclaimPlan plan =
      plan_of(now, candidate.effective_limit_bytes, candidate.settings, ReclaimMethod::memory_reclaim, {});
  if (learning.adaptive) plan.dose_pct = kFirstDose_pct;
  plan.follow(now);
  return plan.is_reached() ? 0 : plan.requested_bytes();
}

std::uint64_t next_step_bytes(const ReclaimPlan& plan, std::uint64_t cache_bytes, std::uint64_t asked_bytes) {
  const std::uint64_t wanted =
      std::min(left_of(cache_bytes, plan.target_bytes), left_of(plan.requested_bytes(), asked_bytes));
  const std::uint64_t careful = std::max(wanted / 2, std::min(wanted, kLastStepBytes));
  return std::max<std::uint64_t>(1, std::min(careful, plan.bounds.step_bytes));
}

bool is_refused(const ReclaimPlan& plan, const Progress& progress) {
  if (progress.answer == std::errc::device_or_resource_busy)
    return progress.freed_bytes.value_or(0) / kFreedFromHundredth < plan.requested_bytes() / 100;
  return progress.answer == std::errc::read_only_file_system || progress.answer == std::errc::permission_denied ||
         progress.answer == std::errc::operation_not_permitted;
}

std::optional<StoppedBy> stopped_by(const ReclaimPlan& plan, const Progress& progress) {
  if (progress.gone) return StoppedBy::vanished;
  if (progress.answer == std::errc::interrupted) {
    return progress.stopping ? StoppedBy::stop : StoppedBy::timeout;
  }
  if (is_refused(plan, progress)) return StoppedBy::error;
  if (progress.answer == std::errc::resource_unavailable_try_again ||
      progress.answer == std::errc::device_or_resource_busy) {
    return StoppedBy::nothing_left;
  }
  if (progress.answer) return StoppedBy::error;
  if (plan.all_at_once || progress.asked_bytes >= plan.requested_bytes()) return StoppedBy::target;
  if (!progress.cache_bytes) return StoppedBy::error;
  if (*progress.cache_bytes <= plan.target_bytes) return StoppedBy::target;
  if (progress.stopping) return StoppedBy::stop;
  if (progress.elapsed_us >= plan.bounds.timeout_us) return StoppedBy::timeout;
  if (under_pressure(progress, plan.bounds.max_pressure_pct)) return StoppedBy::pressure;
  return std::nullopt;
}

ReclaimOutcome outcome_of(StoppedBy stopped_by, const ReclaimPlan& plan, std::optional<std::uint64_t> freed_bytes,
                          std::int64_t step_count) {
  const std::uint64_t freed = freed_bytes.value_or(0);
  const bool enough = freed > 0 && freed / kEnoughOf100 >= plan.requested_bytes() / 100;
  if (stopped_by == StoppedBy::target || (stopped_by == StoppedBy::nothing_left && enough)) return ReclaimOutcome::done;
  if (stopped_by == StoppedBy::stop) return ReclaimOutcome::interrupted;
  if (stopped_by == StoppedBy::vanished) return ReclaimOutcome::vanished;
  return stopped_by == StoppedBy::error && step_count <= 1 ? ReclaimOutcome::failed : ReclaimOutcome::partial;
}

}  // namespace cgmm::core
