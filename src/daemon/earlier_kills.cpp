// SPDX-License-Identifier: Apache-2.0
#include "daemon/earlier_kills.hpp"

#include <optional>
#include <utility>

namespace cgmm::daemon {

void EarlierKills::adopt(Totals totals) {
  earlier_ = std::move(totals);
  is_adopted_ = true;
}

/// nullopt: no earlier run has seen it, or the counter has begun anew.
std::optional<std::uint64_t> EarlierKills::between_runs(const Held& held) const {
  const auto found = earlier_.find(held.id);
  if (found == earlier_.end() || found->second > held.first) return std::nullopt;
  return held.first - found->second;
}

void EarlierKills::add_to(core::Scan& scan, std::vector<core::CountedOomKills>& kills) {
  const bool can_tell = is_adopted_ && !scan.is_partial;
  for (core::ScanRow& row : scan.rows) {
    if (!row.oom_kills_total) continue;
    const std::uint64_t total = *row.oom_kills_total;
    const bool is_first = !row.increases.has(core::Counter::oom_kills) && (is_adopted_ || total > 0);
    const auto found = is_first ? held_.try_emplace(row.cgroup->key, Held{row.cgroup->id, total, total}).first
                                : held_.find(row.cgroup->key);
    if (found == held_.end()) continue;
    found->second.last = total;
    std::erase_if(kills, [&](const core::CountedOomKills& one) { return one.id == row.cgroup->id; });
    if (!can_tell) {
      row.oom_kills_total.reset();
    } else if (const auto count = between_runs(found->second)) {
      row.increases.add(core::Counter::oom_kills, *count);
    }
  }
  if (!can_tell) return;
  for (const auto& [key, held] : held_) {
    const std::uint64_t count = between_runs(held).value_or(0) + held.last - held.first;
    if (count > 0)
      kills.push_back({.id = held.id, .since_at_us = std::nullopt, .at_us = scan.started_at_us, .count = count});
    earlier_.erase(held.id);
  }
  held_.clear();
}

}  // namespace cgmm::daemon
