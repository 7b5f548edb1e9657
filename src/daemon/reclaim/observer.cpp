// SPDX-License-Identifier: Apache-2.0
#include "daemon/reclaim/observer.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"

namespace cgmm::daemon {
namespace {

/// A crash loses no more than this of what was watched.
constexpr std::int64_t kTellEvery_us = 60'000'000;
/// A cgroup may be unreadable for once.
constexpr std::int64_t kGivenUpAfter_us = 60'000'000;

}  // namespace

void Observer::begin(const core::Reclaim& reclaim, std::uint64_t asked_bytes, std::optional<core::Sighting> after,
                     std::int64_t ended_at_us, std::int64_t cooldown_us) {
  Watch watch{.effect = {reclaim, asked_bytes, after, ended_at_us, page_bytes_},
              .id = reclaim.id,
              .cooldown = reclaim.cooldown.value_or(core::Cooldown{}),
              .cooldown_us = cooldown_us,
              .told = {}};
  if (watch.effect.is_judged_at_once()) {
    tell(watch, core::ObservationEnd::at_once);
  } else {
    watches_.insert_or_assign(reclaim.id.inode, std::move(watch));
  }
}

void Observer::see(std::span<const core::Sighting> sightings, std::int64_t at_us) {
  if (watches_.empty()) return;
  const auto over_by_us = [&](const Watch& watch) {
    return at_us - watch.effect.ended_at_us() - learning_.observe_for_us;
  };
  for (const core::Sighting& sighting : sightings) {
    const auto found = watches_.find(sighting.inode);
    if (found == watches_.end()) continue;
    Watch& watch = found->second;
    watch.effect.see(sighting, at_us);
    if (over_by_us(watch) >= 0) {
      tell(watch, core::ObservationEnd::observe_for);
      watches_.erase(found);
    } else {
      tell(watch, std::nullopt);
    }
  }
  for (auto entry = watches_.begin(); entry != watches_.end();) {  // those over by now were not in the scan
    if (over_by_us(entry->second) < kGivenUpAfter_us) {
      ++entry;
      continue;
    }
    tell(entry->second, core::ObservationEnd::vanished);
    entry = watches_.erase(entry);
  }
}

void Observer::end_for_next(const core::Sighting& now, std::int64_t at_us) {
  const auto found = watches_.find(now.inode);
  if (found == watches_.end()) return;
  found->second.effect.see(now, at_us);
  tell(found->second, core::ObservationEnd::next_reclaim);
  watches_.erase(found);
}

void Observer::end_all(core::ObservationEnd ended_by) {
  for (auto& [inode, watch] : watches_) tell(watch, ended_by);
  watches_.clear();
}

/// Has the cooldown learn, and records what is new. A lesson that can't be taken back is taken at once, another at the
/// end.
void Observer::tell(Watch& watch, std::optional<core::ObservationEnd> ended_by) {
  core::Effect effect = watch.effect.effect(learning_, ended_by);
  if (!watch.learned && (ended_by || effect.verdict == core::Verdict::churn)) {
    watch.learned = true;
    effect.cooldown = learn(watch, watch.effect.lesson(effect), effect);
  }
  const bool is_new = watch.told != effect.verdict || effect.observed_for_us - watch.told_at_us >= kTellEvery_us;
  if (!ended_by && !is_new) return;
  watch.told = effect.verdict;
  watch.told_at_us = effect.observed_for_us;
  queue_.push(std::move(effect));
}

/// The cooldown as it is from now on; nullopt where it stays as it was.
std::optional<core::Cooldown> Observer::learn(Watch& watch, core::Lesson lesson, const core::Effect& effect) {
  const auto found = cooldowns_.find(watch.id);
  const core::Cooldown before = found == cooldowns_.end() ? watch.cooldown : found->second;
  const core::Cooldown after = core::learn(before, lesson, watch.cooldown_us, learning_);
  if (after.strikes == before.strikes) return std::nullopt;
  cooldowns_[watch.id] = after;
  const std::string cooldown = base::format_duration_us(after.until_us - after.last_reclaim_at_us);
  const std::string path = base::escape_for_terminal(watch.id.path);
  if (after.strikes > before.strikes) {
    const std::string_view why =
        effect.judged_by == core::JudgedBy::regrowth ? "what was freed has regrown" : core::to_string(effect.verdict);
    spdlog::info("backing off {}: {} ({} in a row), its cooldown is {} now", path, why, after.strikes, cooldown);
  } else {
    spdlog::info("{} is reclaimed to some effect again: its cooldown is {} now", path, cooldown);
  }
  return after;
}

}  // namespace cgmm::daemon
