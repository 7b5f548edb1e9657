// SPDX-License-Identifier: Apache-2.0
#include "daemon/reclaim/reclaimer.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "daemon/clock.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::chrono::milliseconds kCommitWait{1000};  // a broken disk must not stop reclaim

std::string_view words_for(core::StoppedBy stopped_by) {
  switch (stopped_by) {
    case core::StoppedBy::nothing_left:
      return "the kernel found no more";
    case core::StoppedBy::pressure:
      return "left early, its tasks waited for memory";
    case core::StoppedBy::timeout:
      return "left early, it took too long";
    default:
      return core::to_string(stopped_by);
  }
}

void log_reclaim(const core::Reclaim& reclaim) {
  const std::string path = base::escape_for_terminal(reclaim.id.path);
  const std::string cache = base::format_bytes(core::reclaimable_cache_bytes(reclaim.before));
  if (reclaim.outcome == core::ReclaimOutcome::dry_run) {
    spdlog::info("would reclaim {}: cache {}, threshold {} (dry run)", path, cache,
                 base::format_bytes(reclaim.threshold_bytes));
    return;
  }
  const std::string freed = reclaim.freed_bytes ? base::format_bytes(*reclaim.freed_bytes) : "an unknown amount";
  const bool says_why = reclaim.outcome == core::ReclaimOutcome::partial && reclaim.stopped_by;
  const std::string why = says_why ? fmt::format(" ({})", words_for(*reclaim.stopped_by)) : "";
  const std::string text = fmt::format("reclaim of {}: {}{}, freed {} in {} (cache was {}, threshold {}){}", path,
                                       core::to_string(reclaim.outcome), why, freed,
                                       base::format_duration_us(reclaim.duration_us.value_or(0)), cache,
                                       base::format_bytes(reclaim.threshold_bytes),
                                       reclaim.error.empty() ? "" : ": " + base::escape_for_terminal(reclaim.error));
  if (reclaim.outcome == core::ReclaimOutcome::failed) {
    spdlog::warn("{}", text);
  } else {
    spdlog::info("{}", text);
  }
}

std::optional<std::uint64_t> cache_bytes_of(const std::optional<core::MemorySample>& sample) {
  if (!sample) return std::nullopt;
  return core::reclaimable_cache_bytes(sample->gauges);
}

/// The time in which some task of the cgroup waited for memory; nullopt where the kernel does not tell.
std::optional<std::uint64_t> stalled_us_between(const std::optional<core::MemorySample>& before,
                                                const std::optional<core::MemorySample>& after) {
  if (!before || !after) return std::nullopt;
  return core::increase(before->counters, after->counters)[core::Counter::psi_some_us];
}

/// Whether the file may not be written at all, whatever is asked: systemd's ProtectControlGroups=yes, a read-only
/// mount, rights.
bool is_refusal(const std::error_code& answer) {
  return answer == std::errc::read_only_file_system || answer == std::errc::permission_denied ||
         answer == std::errc::operation_not_permitted;
}

/// What went wrong, in words; empty where nothing did: that less was freed than was asked is an outcome.
std::string error_of(const core::Reclaim& reclaim, const core::Progress& progress, const char* reclaim_file) {
  if (reclaim.step_count == 0 && reclaim.stopped_by == core::StoppedBy::stop) {
    return "the service stopped before the kernel was asked";
  }
  if (reclaim.stopped_by != core::StoppedBy::error) return "";
  if (progress.answer) return std::string(reclaim_file) + ": " + progress.answer.message();
  return "memory.stat could not be read after a step";
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
  clock_watch_.look(clocks_);
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
  if (candidates.cgroups.empty()) return 0;
  const std::int64_t now_us = clocks_.wall();
  core::Cooldowns& cooldowns = cooldowns_for(candidates.dry_run);
  settle_cooldowns(cooldowns, candidates, now_us);
  std::size_t tried_count = 0;
  for (const core::Candidate* candidate : core::choose_reclaims(candidates.cgroups, cooldowns, now_us)) {
    if (interrupts.newer_scan() || interrupts.stopping()) break;
    try {
      if (reclaim_one(*candidate, candidates, interrupts)) ++tried_count;
    } catch (const std::exception& error) {
      note_refusal(candidate->id.path + " can't be read before a reclaim: " + error.what());
    }
  }
  return tried_count;
}

/// Cooldowns are kept in the wall clock's time, because that survives a restart. When it is set they move with it: one
/// neither ends before its time nor lasts for longer. Those that still hold are recorded anew: what is on record would
/// be over too early after a restart. (One that lies in the future then is bounded by core::corrected().)
void Reclaimer::follow_clock() {
  const std::int64_t set_by_us = clock_watch_.look(clocks_).set_by_us;
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
    if (cooldown.until_us > now_us) queue_.push(core::MovedCooldown{id, cooldown});
  }
}

/// Another hierarchy has other keys: what is watched in the old one is not seen again.
void Reclaimer::follow(const Candidates& candidates) {
  if (hierarchy_ != candidates.hierarchy) {
    controller_ = make_controller_(candidates.hierarchy);
    hierarchy_ = candidates.hierarchy;
    observer_.end_all(core::ObservationEnd::vanished);
    reclaim_fault_.end(clocks_.wall(), "another hierarchy is watched: whether it takes reclaims is to be seen");
  } else if (!candidates.cgroups.empty() && !controller_->root_is_current()) {
    controller_ = make_controller_(candidates.hierarchy);  // it was mounted anew
  }
  observer_.set_learning(candidates.learning);
  learning_ = candidates.learning;
  observer_.see(candidates.sightings, candidates.seen_at_us);
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
void Reclaimer::settle_cooldowns(core::Cooldowns& cooldowns, const Candidates& candidates, std::int64_t now_us) {
  for (const core::Candidate& candidate : candidates.cgroups) {
    const auto found = cooldowns.find(candidate.id);
    if (found == cooldowns.end()) continue;
    found->second = core::corrected(found->second, candidate.settings.cooldown_us, candidates.learning, now_us);
  }
  std::erase_if(cooldowns, [&](const auto& entry) { return core::is_forgotten(entry.second, now_us); });
}

/// Whether it was tried; not when the cgroup is gone or no longer over its threshold, or when what is known by now of
/// its last reclaim makes its cooldown longer.
bool Reclaimer::reclaim_one(const core::Candidate& candidate, const Candidates& scan, const Interrupts& interrupts) {
  auto cgroup = controller_->open(candidate.id);
  if (!cgroup) return false;
  const auto reading = controller_->read(*cgroup);
  if (!reading) return false;
  std::string problem;  // the sampler will say it
  const core::Limits limits = controller_->read_limits(*cgroup, *reading, problem);
  const core::Gauges& before = reading->sample.gauges;
  if (!core::over_threshold(before, limits.effective_limit_bytes, candidate.settings)) return false;
  const core::ReclaimPlan plan = plan_for(before, limits, candidate, scan.bounds);
  if (plan.is_reached() || !kernel_can(*cgroup)) return false;
  if (!scan.dry_run) {
    observer_.end_for_next(core::sighting_of(candidate.id.inode, reading->sample), clocks_.steady());
    const auto cooldown = cooldowns_.find(candidate.id);
    if (cooldown != cooldowns_.end() && clocks_.wall() < cooldown->second.until_us) return false;
  }
  core::Reclaim reclaim = begin(candidate, before, limits, plan, scan.dry_run);
  if (scan.dry_run) {
    log_reclaim(reclaim);
    queue_.push(std::move(reclaim));
  } else {
    record_start(reclaim);
    perform(reclaim, plan, *cgroup, candidate, interrupts);
  }
  return true;
}

bool Reclaimer::kernel_can(const kernel::Cgroup& cgroup) {
  if (controller_->can_reclaim(cgroup)) return true;
  if (cgroup.is_gone()) return false;
  note_refusal(
      cgroup.path_of(controller_->reclaim_file()) +
      " is not there: this kernel can't be asked to reclaim (cgroup v2 can since Linux 5.19), memory is only recorded");
  return false;
}

void Reclaimer::note_refusal(const std::string& refusal) {
  if (refused_count_++ == 0) first_refusal_ = refusal;
}

core::ReclaimPlan Reclaimer::plan_for(const core::Gauges& before, const core::Limits& limits,
                                      const core::Candidate& candidate, const core::ReclaimBounds& bounds) const {
  const bool all_at_once = controller_->method() == core::ReclaimMethod::force_empty;
  return {.all_at_once = all_at_once,
          .cache_bytes = core::reclaimable_cache_bytes(before),
          .target_bytes = all_at_once ? 0 : core::target_bytes(limits.effective_limit_bytes, candidate.settings),
          .bounds = bounds};
}

core::Reclaim Reclaimer::begin(const core::Candidate& candidate, const core::Gauges& before, const core::Limits& limits,
                               const core::ReclaimPlan& plan, bool dry_run) {
  core::Reclaim reclaim;
  reclaim.reclaim_id = next_reclaim_id_++;
  reclaim.id = candidate.id;
  reclaim.started_at_us = clocks_.wall();
  reclaim.method = controller_->method();
  reclaim.threshold_bytes = candidate.settings.threshold.bytes(limits.effective_limit_bytes).value_or(0);
  if (!plan.all_at_once) reclaim.requested_bytes = plan.requested_bytes();
  reclaim.before = before;
  core::Cooldown& cooldown = cooldowns_for(dry_run)[candidate.id];
  if (!learning_.adaptive) cooldown.strikes = 0;
  cooldown.last_reclaim_at_us = reclaim.started_at_us;
  cooldown.until_us =
      reclaim.started_at_us + core::learned_cooldown_us(candidate.settings.cooldown_us, cooldown.strikes, learning_);
  if (dry_run) {
    reclaim.outcome = core::ReclaimOutcome::dry_run;
  } else {
    reclaim.cooldown = cooldown;
  }
  return reclaim;
}

void Reclaimer::record_start(const core::Reclaim& reclaim) {
  if (queue_.wait_committed(queue_.push(reclaim), kCommitWait)) return;
  spdlog::warn("the start of the reclaim of {} is not on record yet: going on without",
               base::escape_for_terminal(reclaim.id.path));
}

/// Asks the kernel until core/outcome says why to stop, and records it. A commit has been waited for since the cgroup
/// was read, so it is read once more, and the plan is made for what there is now.
void Reclaimer::perform(core::Reclaim& reclaim, core::ReclaimPlan plan, kernel::Cgroup& cgroup,
                        const core::Candidate& candidate, const Interrupts& interrupts) {
  Attempt attempt{.path = candidate.id.path, .before = measure(cgroup, /*with_pressure=*/true)};
  if (attempt.before.sample) {
    reclaim.before = attempt.before.sample->gauges;
    plan.cache_bytes = core::reclaimable_cache_bytes(reclaim.before);
    if (!plan.all_at_once) reclaim.requested_bytes = plan.requested_bytes();
  }
  attempt.last = attempt.pressure = attempt.before;
  ask_kernel(attempt, plan, cgroup, interrupts);
  fill_in(reclaim, attempt, plan, cgroup);
  if (attempt.stopped_by == core::StoppedBy::error && is_refusal(attempt.progress.answer))
    note_refusal(candidate.id.path + "/" + reclaim.error);
  log_reclaim(reclaim);
  queue_.push(reclaim);
  if (reclaim.step_count == 0) return;
  std::optional<core::Sighting> after;
  if (attempt.last.sample) after = core::sighting_of(candidate.id.inode, *attempt.last.sample);
  observer_.begin(reclaim, attempt.progress.asked_bytes, after, attempt.last.at_us, candidate.settings.cooldown_us);
}

void Reclaimer::ask_kernel(Attempt& attempt, const core::ReclaimPlan& plan, kernel::Cgroup& cgroup,
                           const Interrupts& interrupts) {
  if (plan.is_reached()) attempt.stopped_by = core::StoppedBy::target;
  if (interrupts.stopping()) attempt.stopped_by = core::StoppedBy::stop;
  if (attempt.before.gone) attempt.stopped_by = core::StoppedBy::vanished;
  attempt.progress.gone = attempt.before.gone;
  interrupts.wake_after_us(plan.bounds.timeout_us);
  while (!attempt.stopped_by) {
    step(attempt, plan, cgroup);
    attempt.progress.stopping = interrupts.stopping();
    attempt.stopped_by = core::stopped_by(plan, attempt.progress);
  }
  interrupts.wake_after_us(0);
}

void Reclaimer::step(Attempt& attempt, const core::ReclaimPlan& plan, kernel::Cgroup& cgroup) {
  core::Progress& progress = attempt.progress;
  const std::uint64_t cache_bytes = progress.cache_bytes.value_or(plan.cache_bytes);
  const std::uint64_t step_bytes =
      plan.all_at_once ? plan.cache_bytes : core::next_step_bytes(plan, cache_bytes, progress.asked_bytes);
  board_.set_asking({clocks_.steady(), attempt.path});
  progress.answer = controller_->reclaim(cgroup, step_bytes);
  board_.set_asking({});
  progress.window_us = clocks_.steady() - attempt.pressure.at_us;
  const bool with_pressure = progress.window_us >= core::kPressureWindow_us;
  attempt.last = measure(cgroup, with_pressure);
  ++attempt.step_count;
  progress.asked_bytes += step_bytes;
  progress.gone = attempt.last.gone;
  progress.cache_bytes = cache_bytes_of(attempt.last.sample);
  progress.elapsed_us = attempt.last.at_us - attempt.before.at_us;
  progress.stalled_us = with_pressure ? stalled_us_between(attempt.pressure.sample, attempt.last.sample) : std::nullopt;
  if (with_pressure) attempt.pressure = attempt.last;
}

/// What the reclaim has come to.
void Reclaimer::fill_in(core::Reclaim& reclaim, Attempt& attempt, const core::ReclaimPlan& plan,
                        kernel::Cgroup& cgroup) {
  const Measured& last = attempt.last;
  reclaim.stopped_by = attempt.stopped_by;
  reclaim.step_count = attempt.step_count;
  if (reclaim.step_count > 0) {
    reclaim.duration_us = attempt.progress.elapsed_us;
    if (attempt.pressure.at_us != last.at_us) attempt.pressure = measure(cgroup, /*with_pressure=*/true);
    reclaim.psi_some_us = stalled_us_between(attempt.before.sample, attempt.pressure.sample);
    if (last.sample) reclaim.freed_bytes = core::freed_bytes(reclaim.before, last.sample->gauges);
  }
  if (last.sample && reclaim.step_count > 0) reclaim.after = last.sample->gauges;
  reclaim.outcome = core::outcome_of(*attempt.stopped_by, plan, reclaim.freed_bytes, reclaim.step_count);
  reclaim.error = error_of(reclaim, attempt.progress, controller_->reclaim_file());
}

Reclaimer::Measured Reclaimer::measure(kernel::Cgroup& cgroup, bool with_pressure) {
  Measured measured;
  try {
    if (const auto reading = controller_->read(cgroup, with_pressure)) {
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
