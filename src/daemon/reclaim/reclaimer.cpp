// SPDX-License-Identifier: Apache-2.0
#include "daemon/reclaim/reclaimer.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/text.hpp"
#include "daemon/clock.hpp"
#include "daemon/reclaim/reclaim_log.hpp"
#include "daemon/service/signals.hpp"
#include "kernel/remainder.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::chrono::milliseconds kCommitWait{1000};  // a broken disk must not stop reclaim
constexpr std::chrono::milliseconds kLookEvery{20};
constexpr std::size_t kManyCooldowns = 10'000;  // 2 MB

/// The time in which some task of the cgroup waited for memory; nullopt where the kernel does not tell.
std::optional<std::uint64_t> stalled_us_between(const std::optional<core::MemorySample>& before,
                                                const std::optional<core::MemorySample>& after) {
  if (!before || !after) return std::nullopt;
  return core::increase(before->counters, after->counters)[core::Counter::psi_some_us];
}

}  // namespace

Reclaimer::Reclaimer(core::Cooldowns cooldowns, RecordQueue& queue, StatusBoard& board, Clocks clocks,
                     MakeController make_controller)
    : cooldowns_(std::move(cooldowns)),
      queue_(queue),
      board_(board),
      clocks_(std::move(clocks)),
      make_controller_(std::move(make_controller)),
      observer_(cooldowns_, queue, static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))),
      reclaim_fault_("reclaim", queue) {
  clock_steps_.look(clocks_);
}

void Reclaimer::run(Mailbox<Candidates>& mailbox, std::chrono::milliseconds wait_for_cooldowns) {
  std::optional<Alarm> alarm;
  const auto show_progress = [&] { board_.set_reclaimer_at_us(steady_now_us()); };
  Interrupts interrupts;  // asked between two reclaims and before each step
  interrupts.newer_scan = [&] {
    show_progress();
    return mailbox.has_newer();
  };
  interrupts.stopping = [&] {
    show_progress();
    return is_stopping_.load();
  };
  try {
    alarm.emplace();
    interrupts.wake_after_us = [&](std::int64_t us) { alarm->set(us); };
  } catch (const std::exception& error) {
    spdlog::warn("reclaim_timeout holds between the steps of a reclaim only: {}", error.what());
  }
  if (!board_.wait_for_handover(wait_for_cooldowns) && !is_stopping_)
    spdlog::warn("the history has not been opened yet: reclaims go on without the cooldowns of earlier runs");
  while (const auto candidates = mailbox.take()) {
    show_progress();
    reclaim_due(*candidates, interrupts);
    const std::int64_t now_us = wall_now_us();
    board_.set_in_cooldown_count(
        std::ranges::count_if(cooldowns_, [&](const auto& one) { return one.second.until_us > now_us; }));
    board_.set_reclaimer_at_us(0);
  }
  end_observations();
}

std::size_t Reclaimer::reclaim_due(const Candidates& candidates, const Interrupts& interrupts) {
  refused_count_ = 0;
  std::size_t tried_count = 0;
  try {
    tried_count = try_due(candidates, interrupts);
  } catch (const std::exception& error) {
    note_refusal(error.what());
  }
  if (tried_count > 0 || refused_count_ > 0) {
    reclaim_fault_.after_pass(
        clocks_.wall(), refused_count_,
        "reclaims that can't be asked for: " + std::to_string(refused_count_) + ", the first: " + first_refusal_,
        "the kernel can be asked for reclaims again");
  }
  return tried_count;
}

std::size_t Reclaimer::try_due(const Candidates& candidates, const Interrupts& interrupts) {
  follow_clock();
  follow(candidates);
  core::Cooldowns handed_over = board_.take_cooldowns();
  cooldowns_.merge(handed_over);  // what this run has begun itself is newer
  if (!expect_no_other(candidates) || candidates.cgroups.empty()) return 0;
  const std::int64_t now_us = clocks_.wall();
  core::Cooldowns& cooldowns = cooldowns_for(candidates.dry_run);
  if (candidates.hierarchy.real) {
    for (const core::CgroupId& id : core::follow_renames(cooldowns, candidates.cgroups, now_us - clocks_.boot()))
      if (!candidates.dry_run) queue_.push(core::CgroupCooldown{id, cooldowns.at(id)});
  }
  correct_cooldowns(cooldowns, candidates, now_us);
  std::size_t tried_count = 0;
  const bool has_containers = candidates.containers_seen || board_.containers_seen_below(candidates.hierarchy.parent);
  for (const core::Candidate* candidate :
       core::choose_reclaims(candidates.cgroups, cooldowns, now_us, core::kMostWait_us)) {
    if (!core::may_reclaim(*candidate, candidates.scope, has_containers)) continue;
    if (!wait_for_cooldown(cooldowns, candidate->id, interrupts)) break;
    try {
      if (reclaim_one(*candidate, candidates, interrupts)) ++tried_count;
    } catch (const std::exception& error) {
      note_refusal(candidate->id.path + " can't be read before a reclaim: " + error.what());
    }
  }
  return tried_count;
}

/// Cooldowns move with the wall clock when it is set: none ends too early or lasts longer. Those that still hold are
/// recorded again, so that they also hold after a restart. (core::corrected() bounds one that lies in the future then.)
void Reclaimer::follow_clock() {
  const std::int64_t set_by_us = clock_steps_.look(clocks_).set_by_us;
  if (set_by_us == 0) return;
  const auto move = [&](core::Cooldowns& cooldowns) {
    for (auto& [id, cooldown] : cooldowns) {
      cooldown.last_reclaim_at_us += set_by_us;
      cooldown.until_us += set_by_us;
    }
  };
  move(cooldowns_);
  if (dry_cooldowns_) move(*dry_cooldowns_);
  const std::int64_t now_us = clocks_.wall();
  for (const auto& [id, cooldown] : cooldowns_) {
    if (cooldown.until_us > now_us) queue_.push(core::CgroupCooldown{id, cooldown});
  }
}

/// Another hierarchy has other inodes: what is observed in the old one is not seen again.
void Reclaimer::follow(const Candidates& candidates) {
  if (hierarchy_ != candidates.hierarchy) {
    controller_ = make_controller_(candidates.hierarchy);
    hierarchy_ = candidates.hierarchy;
    observer_.end_all(core::ObservationEnd::vanished);
    reclaim_fault_.end(clocks_.wall(), "another hierarchy is tracked: whether it takes reclaims is to be seen");
  } else if (!candidates.cgroups.empty() && !controller_->root_is_current()) {
    controller_ = make_controller_(candidates.hierarchy);  // it was mounted anew
  }
  observer_.set_learning(candidates.learning);
  observer_.see(candidates.sightings, candidates.seen_at_us);
}

bool Reclaimer::reclaims_alone_in(const kernel::Hierarchy& hierarchy) {
  controller_ = make_controller_(hierarchy);
  hierarchy_ = hierarchy;
  return controller_->reclaims_alone();
}

/// Also when nothing is due, so that it is told, and ends, in time. A dry run is in nobody's way.
bool Reclaimer::expect_no_other(const Candidates& candidates) {
  const auto refusal = [&] { return kernel::reclaims_already(candidates.hierarchy); };
  if (candidates.dry_run || controller_->reclaims_alone()) {
    if (reclaim_fault_.is_on() && first_refusal_ == refusal())
      reclaim_fault_.end(clocks_.wall(), "no other cgroup-memory-manager reclaims here any more");
    return true;
  }
  note_refusal(refusal());
  return false;
}

/// A dry run must not repeat itself with every scan, nor hold back a real reclaim later.
core::Cooldowns& Reclaimer::cooldowns_for(bool dry_run) {
  if (!dry_run) {
    dry_cooldowns_.reset();
    return cooldowns_;
  }
  if (!dry_cooldowns_) dry_cooldowns_ = cooldowns_;
  return *dry_cooldowns_;
}

/// A clock that was set back and a setting that was lowered take effect; cooldowns that are over are forgotten.
void Reclaimer::correct_cooldowns(core::Cooldowns& cooldowns, const Candidates& candidates, std::int64_t now_us) {
  for (const core::Candidate& candidate : candidates.cgroups) {
    const auto found = cooldowns.find(candidate.id);
    if (found == cooldowns.end()) continue;
    found->second = core::corrected(found->second, candidate.settings.cooldown_us, candidates.learning, now_us);
  }
  const bool are_many = cooldowns.size() > kManyCooldowns;
  std::unordered_set<std::uint64_t> seen;
  if (are_many)
    for (const core::Sighting& one : candidates.sightings) seen.insert(one.inode);
  std::erase_if(cooldowns, [&](const auto& entry) {
    return core::is_forgotten(entry.second, !are_many || seen.contains(entry.first.inode), now_us);
  });
}

/// False: there is a newer scan, or the service stops.
bool Reclaimer::wait_for_cooldown(const core::Cooldowns& cooldowns, const core::CgroupId& id,
                                  const Interrupts& interrupts) const {
  const auto found = cooldowns.find(id);
  std::int64_t wait_us = found == cooldowns.end() ? 0 : found->second.until_us - clocks_.wall();
  for (;; wait_us -= kLookEvery / std::chrono::microseconds{1}) {
    if (interrupts.newer_scan() || interrupts.stopping()) return false;
    if (wait_us <= 0) return true;
    std::this_thread::sleep_for(std::min<std::chrono::microseconds>(kLookEvery, std::chrono::microseconds{wait_us}));
  }
}

/// Whether it was tried. Not if the cgroup is gone or no longer over its threshold, or if the observation of its last
/// reclaim, which ends here, makes its cooldown longer.
bool Reclaimer::reclaim_one(const core::Candidate& candidate, const Candidates& scan, const Interrupts& interrupts) {
  auto cgroup = controller_->open(candidate.id);
  if (!cgroup) return false;
  const bool is_remainder = core::has_remainder(candidate.kind);
  const auto reading = read(*cgroup, is_remainder, /*with_pressure=*/true);
  if (!reading) return false;
  std::string problem;  // the sampler will say it
  const core::Limits limits = controller_->read_limits(*cgroup, *reading, problem);
  const core::Gauges& before = reading->sample.gauges;
  const auto limit_bytes = core::limit_for(candidate.settings.policy, limits);
  if (!core::over_threshold(before, limit_bytes, candidate.settings)) return false;
  if (is_remainder && !kernel::is_most(*controller_, *cgroup, before)) return false;
  core::ReclaimPlan plan =
      core::plan_of(reading->sample, limit_bytes, candidate.settings, controller_->method(), scan.bounds);
  if (plan.is_reached() || !kernel_can(*cgroup)) return false;
  if (!scan.dry_run) observer_.end_for_next(core::sighting_of(candidate.id.inode, reading->sample), clocks_.steady());
  const core::Cooldowns& cooldowns = cooldowns_for(scan.dry_run);
  const auto cooldown = cooldowns.find(candidate.id);
  if (cooldown != cooldowns.end() && clocks_.wall() < cooldown->second.until_us) return false;
  plan.dose_pct = dose_pct(candidate.id, scan);  // the last reclaim's lesson is learned now
  plan.follow(reading->sample);
  core::Reclaim reclaim = begin(candidate, before, limits, plan, scan);
  if (scan.dry_run) {
    log_reclaim(reclaim, queue_.names().of(reclaim.id.path));
    queue_.push(std::move(reclaim));
  } else {
    queue_.push(core::CgroupCooldown{reclaim.id, cooldowns_.at(reclaim.id)});
    if (!queue_.wait_committed(queue_.push(reclaim), kCommitWait))
      spdlog::warn("the start of the reclaim of {} is not on record yet: going on without",
                   queue_.names().of(reclaim.id.path));
    perform(reclaim, plan, *cgroup, candidate, interrupts);
  }
  return true;
}

/// All of it where nothing is learned.
std::int64_t Reclaimer::dose_pct(const core::CgroupId& id, const Candidates& scan) {
  if (!scan.learning.adaptive) return 100;
  const core::Cooldowns& cooldowns = cooldowns_for(scan.dry_run);
  const auto cooldown = cooldowns.find(id);
  return cooldown != cooldowns.end() ? cooldown->second.dose_pct : core::kFirstDose_pct;
}

bool Reclaimer::kernel_can(const kernel::Cgroup& cgroup) {
  if (controller_->can_reclaim(cgroup)) return true;
  if (!cgroup.is_there()) return false;  // it is gone, or there is no free descriptor to see
  note_refusal(
      cgroup.path_of(controller_->reclaim_file()) +
      " is not there: this kernel can't be asked to reclaim (cgroup v2 can since Linux 5.19), memory is only recorded");
  return false;
}

void Reclaimer::note_refusal(const std::string& refusal) {
  if (refused_count_++ == 0) first_refusal_ = refusal;
}

core::Reclaim Reclaimer::begin(const core::Candidate& candidate, const core::Gauges& before, const core::Limits& limits,
                               const core::ReclaimPlan& plan, const Candidates& scan) {
  core::Reclaim reclaim;
  reclaim.reclaim_id = next_reclaim_id_++;
  reclaim.id = candidate.id;
  reclaim.started_at_us = clocks_.wall();
  reclaim.method = controller_->method();
  reclaim.threshold_bytes = candidate.settings.threshold.bytes(limits.effective_limit_bytes).value_or(0);
  if (!plan.all_at_once || scan.dry_run) reclaim.requested_bytes = plan.requested_bytes();
  reclaim.before = before;
  core::Cooldown& cooldown = cooldowns_for(scan.dry_run)[candidate.id];
  if (!scan.learning.adaptive) cooldown.strikes = 0;
  cooldown.last_reclaim_at_us = reclaim.started_at_us;
  cooldown.until_us = reclaim.started_at_us +
                      core::learned_cooldown_us(candidate.settings.cooldown_us, cooldown.strikes, scan.learning);
  if (scan.dry_run) reclaim.outcome = core::ReclaimOutcome::dry_run;
  return reclaim;
}

/// Asks the kernel until core/outcome says why to stop, and records it. The cgroup is read once more before, and the
/// plan made for what there is now: waiting for the commit has taken time.
void Reclaimer::perform(core::Reclaim& reclaim, const core::ReclaimPlan& plan, kernel::Cgroup& cgroup,
                        const core::Candidate& candidate, const Interrupts& interrupts) {
  Attempt attempt{reclaim, cgroup, plan, {}, {}, {}, {}, core::has_remainder(candidate.kind)};
  attempt.before = attempt.last = attempt.pressure = measure(attempt, /*with_pressure=*/true);
  if (attempt.before.sample) {
    reclaim.before = attempt.before.sample->gauges;
    attempt.plan.follow(*attempt.before.sample);
    if (!plan.all_at_once) reclaim.requested_bytes = attempt.plan.requested_bytes();
  }
  ask_kernel(attempt, interrupts);
  fill_in(attempt);
  const bool is_refused =
      reclaim.stopped_by == core::StoppedBy::error && core::is_refused(attempt.plan, attempt.progress);
  if (is_refused) {
    const bool is_busy = attempt.progress.answer == std::errc::device_or_resource_busy;
    const std::string hint = is_busy ? " (Linux before 3.16 reclaims no cgroup that has tasks)" : "";
    note_refusal(reclaim.id.path + "/" + reclaim.error + hint);
  }
  // A refusal is told once, as a fault.
  if (!is_refused || reclaim.outcome != core::ReclaimOutcome::failed)
    log_reclaim(reclaim, queue_.names().of(reclaim.id.path));
  queue_.push(reclaim);
  if (reclaim.step_count == 0) return;
  std::optional<core::Sighting> after;
  if (attempt.last.sample) after = core::sighting_of(reclaim.id.inode, *attempt.last.sample);
  if (after) after->counts_those_below = attempt.is_remainder;
  observer_.begin(reclaim, attempt.progress.asked_bytes, after, attempt.last.at_us, candidate.settings.cooldown_us);
}

void Reclaimer::ask_kernel(Attempt& attempt, const Interrupts& interrupts) {
  std::optional<core::StoppedBy>& stopped_by = attempt.reclaim.stopped_by;
  if (attempt.plan.is_reached()) stopped_by = core::StoppedBy::target;
  if (interrupts.stopping()) stopped_by = core::StoppedBy::stop;
  if (attempt.before.gone) stopped_by = core::StoppedBy::vanished;
  attempt.progress.gone = attempt.before.gone;
  interrupts.wake_after_us(attempt.plan.bounds.timeout_us);
  while (!stopped_by) {
    step(attempt);
    attempt.progress.stopping = interrupts.stopping();
    stopped_by = core::stopped_by(attempt.plan, attempt.progress);
  }
  interrupts.wake_after_us(0);
}

void Reclaimer::step(Attempt& attempt) {
  core::Progress& progress = attempt.progress;
  const core::ReclaimPlan& plan = attempt.plan;
  const std::uint64_t step_bytes =
      plan.all_at_once
          ? plan.cache_bytes
          : core::next_step_bytes(plan, progress.cache_bytes.value_or(plan.cache_bytes), progress.asked_bytes);
  board_.set_asking({clocks_.steady(), attempt.reclaim.id.path});
  progress.answer = controller_->reclaim(attempt.cgroup, plan.all_at_once ? kernel::kEverything : step_bytes);
  board_.set_asking({});
  tell_of_all(controller_->took_all_because());
  progress.window_us = clocks_.steady() - attempt.pressure.at_us;
  const bool with_pressure = progress.window_us >= core::kPressureWindow_us;
  const Measured& last = attempt.last = measure(attempt, with_pressure);
  ++attempt.reclaim.step_count;
  progress.asked_bytes += step_bytes;
  progress.gone = last.gone;
  progress.cache_bytes.reset();
  if (last.sample) {
    progress.cache_bytes = core::reclaimable_cache_bytes(last.sample->gauges);
    progress.freed_bytes = core::freed_bytes(attempt.reclaim.before, last.sample->gauges);
  }
  progress.elapsed_us = last.at_us - attempt.before.at_us;
  progress.stalled_us = with_pressure ? stalled_us_between(attempt.pressure.sample, last.sample) : std::nullopt;
  if (with_pressure) attempt.pressure = last;
}

/// What the reclaim has come to.
void Reclaimer::fill_in(Attempt& attempt) {
  core::Reclaim& reclaim = attempt.reclaim;
  const Measured& last = attempt.last;
  if (reclaim.step_count > 0) {
    reclaim.duration_us = attempt.progress.elapsed_us;
    if (attempt.pressure.at_us != last.at_us) attempt.pressure = measure(attempt, /*with_pressure=*/true);
    reclaim.psi_some_us = stalled_us_between(attempt.before.sample, attempt.pressure.sample);
    if (last.sample) {
      reclaim.after = last.sample->gauges;
      reclaim.freed_bytes = core::freed_bytes(reclaim.before, *reclaim.after);
    }
  }
  reclaim.outcome = core::outcome_of(*reclaim.stopped_by, attempt.plan, reclaim.freed_bytes, reclaim.step_count);
  reclaim.error = error_of(reclaim, attempt.progress, controller_->reclaim_file());
}

std::optional<kernel::Reading> Reclaimer::read(kernel::Cgroup& cgroup, bool is_remainder, bool with_pressure) {
  const kernel::ReadOptions options{.with_pressure = with_pressure};
  return is_remainder ? kernel::read_remainder(*controller_, cgroup, options) : controller_->read(cgroup, options);
}

Reclaimer::Measured Reclaimer::measure(const Attempt& attempt, bool with_pressure) {
  Measured measured;
  try {
    if (const auto reading = read(attempt.cgroup, attempt.is_remainder, with_pressure)) {
      measured.sample = reading->sample;
    } else {
      measured.gone = true;
    }
  } catch (const std::exception&) {  // the sampler will say what is wrong with the file
  }
  measured.at_us = clocks_.steady();
  return measured;
}

}  // namespace cgmm::daemon
