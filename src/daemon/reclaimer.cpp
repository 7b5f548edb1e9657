// SPDX-License-Identifier: Apache-2.0
#include "daemon/reclaimer.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <exception>
#include <utility>

#include "core/outcome.hpp"
#include "core/text.hpp"
#include "core/units.hpp"
#include "daemon/clock.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::chrono::milliseconds kCommitWait{1000};  // a broken disk must not stop reclaim

void log_reclaim(const core::Reclaim& reclaim) {
  const std::string path = core::escape_for_terminal(reclaim.id.path);
  const std::string cache = core::format_bytes(core::reclaimable_cache_bytes(reclaim.before));
  if (reclaim.outcome == core::ReclaimOutcome::dry_run) {
    spdlog::info("would reclaim {}: cache {}, threshold {} (dry run)", path, cache,
                 core::format_bytes(reclaim.threshold_bytes));
    return;
  }
  const std::string freed = reclaim.freed_bytes ? core::format_bytes(*reclaim.freed_bytes) : "an unknown amount";
  const std::string text =
      fmt::format("reclaim of {}: {}, freed {} in {} (cache was {}, threshold {}){}", path,
                  core::to_string(reclaim.outcome), freed, core::format_duration_us(reclaim.duration_us.value_or(0)),
                  cache, core::format_bytes(reclaim.threshold_bytes),
                  reclaim.error.empty() ? "" : ": " + core::escape_for_terminal(reclaim.error));
  if (reclaim.outcome == core::ReclaimOutcome::failed) {
    spdlog::warn("{}", text);
  } else {
    spdlog::info("{}", text);
  }
}

}  // namespace

std::size_t Reclaimer::reclaim_due(const Candidates& candidates, const Interrupts& interrupts) {
  if (candidates.cgroups.empty()) return 0;
  if (hierarchy_ != candidates.hierarchy) {
    controller_ = kernel::make_controller(candidates.hierarchy);
    hierarchy_ = candidates.hierarchy;
    said_unsupported_ = false;
  }
  const std::int64_t now_us = clock_();
  core::Cooldowns& cooldowns = cooldowns_for(candidates.dry_run);
  settle_cooldowns(cooldowns, candidates, now_us);
  std::size_t tried = 0;
  for (const core::Candidate* candidate : core::choose_reclaims(candidates.cgroups, cooldowns, now_us)) {
    if (interrupts.newer_scan() || interrupts.stopping()) break;
    try {
      if (reclaim_one(*candidate, candidates.dry_run, interrupts)) ++tried;
    } catch (const std::exception& error) {
      spdlog::warn("{} could not be looked at before a reclaim: {}", core::escape_for_terminal(candidate->id.path),
                   core::escape_for_terminal(error.what()));
    }
  }
  return tried;
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
    found->second = core::settle(found->second, candidate.settings.cooldown_us, now_us);
  }
  std::erase_if(cooldowns, [&](const auto& entry) {
    return entry.second.until_us <= now_us && entry.second.strikes == 0;
  });
}

/// Whether it was tried; not when the cgroup is gone or no longer over its threshold.
bool Reclaimer::reclaim_one(const core::Candidate& candidate, bool dry_run, const Interrupts& interrupts) {
  auto cgroup = controller_->open(candidate.id);
  if (!cgroup) return false;
  const auto reading = controller_->read(*cgroup);
  if (!reading) return false;
  const core::Limits limits = controller_->read_limits(*cgroup, *reading);
  const core::Gauges& before = reading->sample.gauges;
  if (!core::over_threshold(before, limits.effective_limit_bytes, candidate.settings)) return false;
  if (!kernel_can(*cgroup)) return false;
  core::Reclaim reclaim = begin(candidate, before, limits, cooldowns_for(dry_run), dry_run);
  if (!dry_run) {
    record_start(reclaim);
    if (interrupts.stopping()) {
      reclaim.outcome = core::ReclaimOutcome::interrupted;
      reclaim.error = "the service stopped before the kernel was asked";
    } else {
      perform(reclaim, *cgroup);
    }
  }
  log_reclaim(reclaim);
  queue_.push(std::move(reclaim));
  return true;
}

bool Reclaimer::kernel_can(const kernel::Cgroup& cgroup) {
  if (controller_->can_reclaim(cgroup)) return true;
  if (!cgroup.still_there() || std::exchange(said_unsupported_, true)) return false;
  const std::string detail =
      fmt::format("{} is not there: this kernel can't be asked to reclaim (cgroup v2 can since Linux 5.19), memory is "
                  "only recorded",
                  core::escape_for_terminal(cgroup.path_of(controller_->reclaim_file())));
  spdlog::warn("{}", detail);
  queue_.push(core::ServiceEvent{clock_(), "fault_begin", detail});
  return false;
}

core::Reclaim Reclaimer::begin(const core::Candidate& candidate, const core::Gauges& before,
                               const core::Limits& limits, core::Cooldowns& cooldowns, bool dry_run) {
  core::Reclaim reclaim;
  reclaim.reclaim_id = next_reclaim_id_++;
  reclaim.id = candidate.id;
  reclaim.started_at_us = clock_();
  reclaim.method = controller_->method();
  reclaim.threshold_bytes = candidate.settings.threshold.bytes(limits.effective_limit_bytes).value_or(0);
  if (reclaim.method == core::ReclaimMethod::memory_reclaim) {
    reclaim.requested_bytes = core::requested_bytes(before, limits.effective_limit_bytes, candidate.settings);
  }
  reclaim.before = before;
  core::Cooldown& cooldown = cooldowns[candidate.id];
  cooldown.last_reclaim_at_us = reclaim.started_at_us;
  cooldown.until_us = reclaim.started_at_us + candidate.settings.cooldown_us;
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
               core::escape_for_terminal(reclaim.id.path));
}

void Reclaimer::perform(core::Reclaim& reclaim, kernel::Cgroup& cgroup) {
  const std::int64_t began_us = steady_now_us();
  const std::error_code answer = controller_->reclaim(cgroup, reclaim.requested_bytes.value_or(0));
  reclaim.duration_us = steady_now_us() - began_us;
  reclaim.after = read_gauges(cgroup);
  if (reclaim.after) reclaim.freed_bytes = core::freed_bytes(reclaim.before, *reclaim.after);
  reclaim.outcome = core::judge(reclaim.before, reclaim.after, reclaim.requested_bytes, answer);
  const bool worth_saying = reclaim.outcome != core::ReclaimOutcome::done &&
                            reclaim.outcome != core::ReclaimOutcome::vanished;
  if (answer && worth_saying) {
    reclaim.error = std::string(controller_->reclaim_file()) + ": " + answer.message();
  }
}

/// nullopt when the cgroup is gone; empty where it is there and can't be read.
std::optional<core::Gauges> Reclaimer::read_gauges(kernel::Cgroup& cgroup) {
  try {
    const auto reading = controller_->read(cgroup);
    if (!reading) return std::nullopt;
    return reading->sample.gauges;
  } catch (const std::exception&) {
    return core::Gauges{};  // the reclaim itself has been done; the sampler will say what is wrong with the file
  }
}

}  // namespace cgmm::daemon
