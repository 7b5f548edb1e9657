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

/// The first readings were made before the earlier ones were known: the samples of this scan have what is missing
/// there.
void EarlierKills::tell_late(core::Scan& scan, std::vector<core::CountedOomKills>& kills) {
  for (core::ScanRow& row : scan.rows) {
    const auto first = first_.find(row.cgroup->key);
    if (first == first_.end()) continue;
    const core::CgroupId& id = row.cgroup->id;
    const auto count = kills_since(earlier_, id, first->second);
    earlier_.erase(id);
    if (count.value_or(0) == 0) continue;
    row.increases.add(core::Counter::oom_kills, *count);
    kills.push_back(told(id, scan.started_at_us, *count));
  }
  first_.clear();
}

void EarlierKills::add_to(core::Scan& scan, std::vector<core::CountedOomKills>& kills) {
  if (is_adopted_ && !first_.empty()) tell_late(scan, kills);
  if (is_adopted_ && earlier_.empty()) return;
  for (core::ScanRow& row : scan.rows) {
    const bool is_first = row.oom_kills_total && !row.increases.has(core::Counter::oom_kills);
    if (!is_first) continue;
    const core::CgroupId& id = row.cgroup->id;
    if (!is_adopted_) {
      if (*row.oom_kills_total > 0) first_.insert_or_assign(row.cgroup->key, *row.oom_kills_total);
    } else if (const auto count = kills_since(earlier_, id, *row.oom_kills_total)) {
      row.increases.set(core::Counter::oom_kills, *count);
      if (*count > 0) kills.push_back(told(id, scan.started_at_us, *count));
      earlier_.erase(id);
    }
  }
}

}  // namespace cgmm::daemon
