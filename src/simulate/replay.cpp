// SPDX-License-Identifier: Apache-2.0
#include "simulate/replay.hpp"

#include <algorithm>
#include <cmath>

#include "base/time.hpp"
#include "core/outcome.hpp"
#include "core/records.hpp"

namespace cgmm::simulate {
namespace {

using core::Counter;

constexpr double kLeastStep_bytes = 4096;

std::uint64_t bytes_of(double value) { return static_cast<std::uint64_t>(std::llround(std::max(value, 0.0))); }

}  // namespace

void Tally::add(const Tally& other) {
  reclaim_count += other.reclaim_count;
  freed_bytes += other.freed_bytes;
  held_byte_seconds += other.held_byte_seconds;
  read_back_bytes += other.read_back_bytes;
  untold_count += other.untold_count;
  less_byte_seconds += other.less_byte_seconds;
}

Replay::Replay(const Subject& subject, const Rules& rules, Outlook outlook)
    : subject_(subject), rules_(rules), world_(outlook, rules.page_bytes) {}

void Replay::begin(const Sample& now, const core::Limits& limits, const Habits& habits) {
  end(core::ObservationEnd::stop);
  world_.begin(now);
  at_us_ = scanned_at_us_ = now.at_us;
  watch_ = {};
  since_ = {};
  if (!now.is_partial) consider(now, limits, habits);
}

void Replay::add(const Sample& now, const Lists& really_freed, const core::Limits& limits, const Habits& habits) {
  const double seconds = static_cast<double>(now.at_us - at_us_) / base::kSecond_us;
  const double less_before = world_.less_bytes();
  const auto cache = [&] { return static_cast<double>(core::reclaimable_cache_bytes(world_.seen().gauges)); };
  const double cache_before = rules_.feedback == Feedback::none ? 0 : cache();
  world_.follow(now, really_freed, limits, habits);
  // A real reclaim was made right after the sample before.
  tally_.less_byte_seconds += (less_before - really_freed.sum() + world_.less_bytes()) / 2 * seconds;
  at_us_ = now.at_us;
  if (rules_.feedback == Feedback::none) {
    if (ongoing_) ongoing_->read_back_bytes += world_.read_back_bytes();
    observe(now.at_us);
  } else {
    tally_.held_byte_seconds +=
        holdings_.follow(now.at_us, seconds, cache() - cache_before, rules_.learning.observe_for_us);
    tally_.read_back_bytes += world_.read_back_bytes();
    since_.read_back_bytes += world_.read_back_bytes();
    const auto page = static_cast<double>(rules_.page_bytes);
    if (const auto refaults = now.increases[Counter::refault_file])
      since_.refaulted_bytes = since_.refaulted_bytes.value_or(0) + static_cast<double>(*refaults) * page;
    if (const auto stalled = now.increases[Counter::psi_some_us])
      since_.stalled_us = since_.stalled_us.value_or(0) + *stalled;
  }
  if (!now.is_partial) consider(now, limits, habits);
}

void Replay::end(core::ObservationEnd ended_by) {
  if (ongoing_) tell(ended_by);
  ongoing_.reset();
  holdings_.forget();
}

/// What the sampler and the reclaimer do with a cgroup after a scan.
void Replay::consider(const Sample& now, const core::Limits& limits, const Habits& habits) {
  const core::MemorySample seen = world_.seen();
  const auto limit_bytes = core::limit_for(subject_.settings.policy, limits);
  const core::Candidate candidate{.id = subject_.id,
                                  .gauges = seen.gauges,
                                  .effective_limit_bytes = limit_bytes,
                                  .settings = subject_.settings,
                                  .kind = subject_.kind,
                                  .has_rule = subject_.has_rule};
  const bool may = core::may_reclaim(candidate, rules_.scope, rules_.has_containers);
  if (rules_.feedback != Feedback::none) {
    if (may && subject_.settings.reclaim) take_step(now, habits);
    return;
  }
  const bool is_over = core::over_threshold(seen.gauges, limit_bytes, subject_.settings);
  const bool is_alone = watch_.leaves_alone(is_over, subject_.settings.policy == core::ReclaimPolicy::idle,
                                            core::cache_use_of(seen.gauges, seen.counters), rules_.page_bytes);
  if (!is_over || is_alone || !may) return;
  const std::int64_t cooldown_us = subject_.settings.cooldown_us;
  cooldown_ = core::corrected(cooldown_, cooldown_us, rules_.learning, now.at_us);
  if (cooldown_.until_us - now.at_us > core::kMostWait_us) return;
  const std::int64_t at_us = std::max(now.at_us, cooldown_.until_us);
  core::ReclaimPlan plan = core::plan_of(seen, limit_bytes, subject_.settings, rules_.method, rules_.bounds);
  if (plan.is_reached()) return;
  if (ongoing_) {
    tell(core::ObservationEnd::next_reclaim);
    ongoing_.reset();
  }
  if (at_us < cooldown_.until_us) return;
  plan.dose_pct = rules_.learning.adaptive ? cooldown_.dose_pct : 100;
  plan.follow(seen);
  reclaim(plan, seen, at_us, habits);
}

void Replay::reclaim(core::ReclaimPlan plan, const core::MemorySample& before, std::int64_t at_us,
                     const Habits& habits) {
  if (!rules_.learning.adaptive) cooldown_.strikes = 0;
  cooldown_.last_reclaim_at_us = at_us;
  cooldown_.until_us =
      at_us + core::learned_cooldown_us(subject_.settings.cooldown_us, cooldown_.strikes, rules_.learning);
  const std::uint64_t asked_bytes = plan.all_at_once ? plan.cache_bytes : plan.requested_bytes();
  const Lists taken = world_.take(static_cast<double>(asked_bytes) * habits.freed_part(), habits);
  core::Reclaim reclaim;
  reclaim.id = subject_.id;
  reclaim.started_at_us = at_us;
  reclaim.before = before.gauges;
  reclaim.after = world_.seen().gauges;
  reclaim.freed_bytes = bytes_of(taken.sum());
  reclaim.stopped_by = core::StoppedBy::target;
  reclaim.step_count = 1;
  reclaim.outcome = core::outcome_of(*reclaim.stopped_by, plan, reclaim.freed_bytes, reclaim.step_count);
  ++tally_.reclaim_count;
  tally_.freed_bytes += taken.sum();
  ongoing_.emplace(
      Ongoing{.effect = {reclaim, asked_bytes, sighting(), at_us, rules_.page_bytes}, .freed_bytes = taken.sum()});
  if (!ongoing_->effect.is_judged_at_once()) return;
  tell(core::ObservationEnd::at_once);
  ongoing_.reset();
}

void Replay::take_step(const Sample& now, const Habits& habits) {
  since_.seconds = static_cast<double>(now.at_us - scanned_at_us_) / base::kSecond_us;
  scanned_at_us_ = now.at_us;
  const auto wanted = steps_.next(rules_.feedback, world_.seen().gauges, since_, rules_.page_bytes);
  const bool is_first = since_.seconds <= 0;
  since_ = {};
  if (is_first) return;
  if (!wanted) {
    is_blind_ = true;
    return;
  }
  if (*wanted < kLeastStep_bytes) return;
  const Lists taken = world_.take(*wanted * habits.freed_part(), habits);
  ++tally_.reclaim_count;
  tally_.freed_bytes += taken.sum();
  holdings_.add(now.at_us, taken.sum());
}

void Replay::observe(std::int64_t now_us) {
  if (!ongoing_) return;
  ongoing_->effect.see(sighting(), now_us);
  if (now_us - ongoing_->effect.ended_at_us() < rules_.learning.observe_for_us) return tell(std::nullopt);
  tell(core::ObservationEnd::observe_for);
  ongoing_.reset();
}

/// As the observer of the service: churn is a lesson at once, the others are at the end.
void Replay::tell(std::optional<core::ObservationEnd> ended_by) {
  const core::Effect effect = ongoing_->effect.effect(rules_.learning, ended_by);
  if (!ongoing_->has_learned && (ended_by || effect.verdict == core::Verdict::churn)) {
    ongoing_->has_learned = true;
    cooldown_ = core::learn(cooldown_, ongoing_->effect.lesson(effect), subject_.settings.cooldown_us, rules_.learning);
  }
  if (!ended_by) return;
  tally_.held_byte_seconds += static_cast<double>(effect.held_byte_seconds.value_or(0));
  const double read_back =
      effect.refaulted_bytes ? static_cast<double>(*effect.refaulted_bytes) : ongoing_->read_back_bytes;
  tally_.read_back_bytes += std::min(read_back, ongoing_->freed_bytes);
}

}  // namespace cgmm::simulate
