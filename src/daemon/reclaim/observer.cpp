// SPDX-License-Identifier: Apache-2.0
#include "daemon/reclaim/observer.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "base/text.hpp"
#include "base/time.hpp"
#include "base/units.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kTellEvery_us = base::kMinute_us;     // a crash loses no more than this
constexpr std::int64_t kGivenUpAfter_us = base::kMinute_us;  // a cgroup may be unreadable for once

}  // namespace

void Observer::begin(const core::Reclaim& reclaim, std::uint64_t asked_bytes, std::optional<core::Sighting> after,
                     std::int64_t ended_at_us, std::int64_t cooldown_us) {
  Ongoing ongoing{.effect = {reclaim, asked_bytes, after, ended_at_us, page_bytes_},
                  .id = reclaim.id,
                  .cooldown = cooldowns_[reclaim.id],
                  .cooldown_us = cooldown_us,
                  .told = {}};
  if (ongoing.effect.is_judged_at_once()) {
    tell(ongoing, core::ObservationEnd::at_once);
  } else {
    observations_.insert_or_assign(reclaim.id.inode, std::move(ongoing));
  }
}

void Observer::see(std::span<const core::Sighting> sightings, std::int64_t at_us) {
  if (observations_.empty()) return;
  const auto over_by_us = [&](const Ongoing& ongoing) {
    return at_us - ongoing.effect.ended_at_us() - learning_.observe_for_us;
  };
  for (const core::Sighting& sighting : sightings) {
    const auto found = observations_.find(sighting.inode);
    if (found == observations_.end()) continue;
    Ongoing& ongoing = found->second;
    ongoing.effect.see(sighting, at_us);
    if (over_by_us(ongoing) >= 0) {
      tell(ongoing, core::ObservationEnd::observe_for);
      observations_.erase(found);
    } else {
      tell(ongoing, std::nullopt);
    }
  }
  for (auto entry = observations_.begin(); entry != observations_.end();) {  // those over by now were not in the scan
    if (over_by_us(entry->second) < kGivenUpAfter_us) {
      ++entry;
      continue;
    }
    tell(entry->second, core::ObservationEnd::vanished);
    entry = observations_.erase(entry);
  }
}

void Observer::end_for_next(const core::Sighting& now, std::int64_t at_us) {
  const auto found = observations_.find(now.inode);
  if (found == observations_.end()) return;
  found->second.effect.see(now, at_us);
  tell(found->second, core::ObservationEnd::next_reclaim);
  observations_.erase(found);
}

void Observer::end_all(core::ObservationEnd ended_by) {
  for (auto& [inode, ongoing] : observations_) tell(ongoing, ended_by);
  observations_.clear();
}

/// Has the cooldown learn, and records what is new. Churn is a lesson at once, because it is never taken back; the
/// others are at the end.
void Observer::tell(Ongoing& ongoing, std::optional<core::ObservationEnd> ended_by) {
  core::Effect effect = ongoing.effect.effect(learning_, ended_by);
  std::optional<core::CgroupCooldown> learned;
  if (!ongoing.learned && (ended_by || effect.verdict == core::Verdict::churn)) {
    ongoing.learned = true;
    learned = learn(ongoing, ongoing.effect.lesson(effect), effect);
  }
  const bool is_new = ongoing.told != effect.verdict || effect.observed_for_us - ongoing.told_at_us >= kTellEvery_us;
  if (!ended_by && !is_new) return;
  ongoing.told = effect.verdict;
  ongoing.told_at_us = effect.observed_for_us;
  queue_.push_effect(std::move(effect), std::move(learned));
}

/// nullopt: nothing new.
std::optional<core::CgroupCooldown> Observer::learn(const Ongoing& ongoing, core::Lesson lesson,
                                                    const core::Effect& effect) {
  const auto found = cooldowns_.find(ongoing.id);
  const core::Cooldown before = found == cooldowns_.end() ? ongoing.cooldown : found->second;
  const core::Cooldown after = core::learn(before, lesson, ongoing.cooldown_us, learning_);
  if (after == before) return std::nullopt;
  cooldowns_[ongoing.id] = after;
  if (after.strikes == before.strikes) return core::CgroupCooldown{ongoing.id, after};
  if (effect.verdict == core::Verdict::failed) return core::CgroupCooldown{ongoing.id, after};  // that has been told
  const std::string cooldown = base::format_duration_us(after.until_us - after.last_reclaim_at_us);
  const std::string name = queue_.names().of(ongoing.id.path);
  if (after.strikes > before.strikes) {
    const std::string_view why =
        effect.judged_by == core::JudgedBy::regrowth ? "what was freed has regrown" : core::to_string(effect.verdict);
    spdlog::info("backing off {}: {} ({} in a row), its cooldown is {} now, its next dose {} %", name, why,
                 after.strikes, cooldown, after.dose_pct);
  } else {
    spdlog::info("{} is reclaimed to some effect again: its cooldown is {} now", name, cooldown);
  }
  return core::CgroupCooldown{ongoing.id, after};
}

}  // namespace cgmm::daemon
