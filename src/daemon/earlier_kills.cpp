// SPDX-License-Identifier: Apache-2.0
#include "daemon/earlier_kills.hpp"

#include <optional>
#include <utility>

namespace cgmm::daemon {
namespace {

/// nullopt: nothing is known of it, or the counter has begun anew.
std::optional<std::uint64_t> kills_since(const EarlierKills::Totals& earlier, const core::CgroupId& id,
                                         std::uint64_t total) {
  const auto found = earlier.find(id);
  if (found == earlier.end() || found->second > total) return std::nullopt;
  return total - found->second;
}

core::CountedOomKills told(const core::CgroupId& id, std::int64_t at_us, std::uint64_t count) {
  return {.id = id, .since_at_us = std::nullopt, .at_us = at_us, .count = count};
}

}  // namespace

void EarlierKills::adopt(Totals totals) {
  earlier_ = std::move(totals);
  is_adopted_ = true;
}

void EarlierKills::hold(core::Scan& scan, std::vector<core::CountedOomKills>& kills) {
  for (core::ScanRow& row : scan.rows) {
    if (!row.oom_kills_total) continue;
    const bool is_first = !row.increases.has(core::Counter::oom_kills);
    const auto held = is_first && *row.oom_kills_total > 0
                          ? held_.try_emplace(row.cgroup->key, Held{row.cgroup->id, *row.oom_kills_total, 0}).first
                          : held_.find(row.cgroup->key);
    if (held == held_.end()) continue;
    held->second.last = *row.oom_kills_total;
    row.oom_kills_total.reset();
    std::erase_if(kills, [&](const core::CountedOomKills& one) { return one.id == row.cgroup->id; });
  }
}

/// The sample of this scan has what is missing in the first one.
void EarlierKills::tell_held(core::Scan& scan, std::vector<core::CountedOomKills>& kills) {
  for (core::ScanRow& row : scan.rows) {
    const auto held = held_.find(row.cgroup->key);
    if (held == held_.end() || !row.oom_kills_total) continue;
    held->second.last = *row.oom_kills_total;
    row.increases.add(core::Counter::oom_kills, kills_since(earlier_, held->second.id, held->second.first).value_or(0));
    std::erase_if(kills, [&](const core::CountedOomKills& one) { return one.id == row.cgroup->id; });
  }
  for (const auto& [key, held] : held_) {
    const std::uint64_t count = kills_since(earlier_, held.id, held.first).value_or(0) + held.last - held.first;
    if (count > 0) kills.push_back(told(held.id, scan.started_at_us, count));
    earlier_.erase(held.id);
  }
  held_.clear();
}

void EarlierKills::add_to(core::Scan& scan, std::vector<core::CountedOomKills>& kills) {
  if (!is_adopted_) {
    hold(scan, kills);
    return;
  }
  if (!held_.empty() && !scan.is_partial) tell_held(scan, kills);
  if (!held_.empty()) hold(scan, kills);  // a partial one
  if (earlier_.empty()) return;
  for (core::ScanRow& row : scan.rows) {
    const bool is_first = row.oom_kills_total && !row.increases.has(core::Counter::oom_kills);
    if (!is_first) continue;
    if (const auto count = kills_since(earlier_, row.cgroup->id, *row.oom_kills_total)) {
      row.increases.set(core::Counter::oom_kills, *count);
      if (*count > 0) kills.push_back(told(row.cgroup->id, scan.started_at_us, *count));
      earlier_.erase(row.cgroup->id);
    }
  }
}

}  // namespace cgmm::daemon
