// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/standing_records.hpp"

#include <algorithm>
#include <utility>

namespace cgmm::daemon {

void StandingRecords::note(const core::Handover& handover) {
  for (const auto& [id, cooldown] : handover.cooldowns) cooldowns_.try_emplace(id, Holding{cooldown, 0});
  if (handover.log_position && log_position_.boot_id.empty()) log_position_ = *handover.log_position;
}

void StandingRecords::note(std::span<const Record> records, std::int64_t now_us) {
  for (const Record& record : records) note(record);
  if (cooldowns_.size() >= forget_at_count_) forget_old(now_us);
}

void StandingRecords::note(const Record& record) {
  if (const auto* facts = std::get_if<core::NodeFacts>(&record)) {
    node_facts_ = *facts;
  } else if (const auto* position = std::get_if<core::LogPosition>(&record)) {
    log_position_ = *position;
  } else if (const auto* kill = std::get_if<core::OomKill>(&record)) {
    log_position_ = kill->position;
  } else if (const auto* reclaim = std::get_if<core::Reclaim>(&record)) {
    if (reclaim->cooldown) hold(reclaim->id, *reclaim->cooldown, reclaim->reclaim_id);
  } else if (const auto* effect = std::get_if<core::Effect>(&record); effect != nullptr && effect->cooldown) {
    const auto found = by_reclaim_.find(effect->reclaim_id);
    if (found != by_reclaim_.end()) found->second->second.cooldown = *effect->cooldown;
  } else if (const auto* moved = std::get_if<core::MovedCooldown>(&record)) {
    const auto found = cooldowns_.find(moved->id);
    hold(moved->id, moved->cooldown, found == cooldowns_.end() ? 0 : found->second.reclaim_id);
  }
}

void StandingRecords::hold(const core::CgroupId& id, const core::Cooldown& cooldown, std::int64_t reclaim_id) {
  const auto entry = cooldowns_.try_emplace(id).first;
  if (entry->second.reclaim_id != reclaim_id) by_reclaim_.erase(entry->second.reclaim_id);
  entry->second = {cooldown, reclaim_id};
  if (reclaim_id != 0) by_reclaim_[reclaim_id] = &*entry;
}

void StandingRecords::forget_old(std::int64_t now_us) {
  std::erase_if(cooldowns_, [&](const auto& entry) {
    const bool is_over = entry.second.cooldown.until_us <= now_us;
    if (is_over) by_reclaim_.erase(entry.second.reclaim_id);
    return is_over;
  });
  forget_at_count_ = std::max<std::size_t>(1000, 2 * cooldowns_.size());
}

void StandingRecords::record_in(store::History& history, std::int64_t now_us) const {
  if (!node_facts_.facts.empty()) history.record(node_facts_);
  if (!log_position_.boot_id.empty()) history.record(log_position_);
  for (const auto& [id, holding] : cooldowns_) {
    if (holding.cooldown.until_us > now_us) history.record(core::MovedCooldown{id, holding.cooldown});
  }
}

}  // namespace cgmm::daemon
