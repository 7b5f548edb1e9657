// SPDX-License-Identifier: Apache-2.0
// An incident's tables for people: times relative to the kill, and the most important columns.
#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "base/time.hpp"
#include "base/units.hpp"
#include "report/format/escape.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"
#include "report/incident/words.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kMostBefore = 12;
constexpr std::size_t kMostAfter = 3;
constexpr std::size_t kMostEarlier = 10;

core::Cell cell(const std::optional<std::uint64_t>& bytes) {
  return bytes ? core::Cell(static_cast<std::int64_t>(*bytes)) : core::Cell();
}

/// "-2.4 s", "+17.0 s"; from ten minutes on in larger units.
std::string relative(std::int64_t at_us, std::int64_t killed_at_us) {
  const std::int64_t distance_us = std::abs(at_us - killed_at_us);
  const std::string sign = at_us < killed_at_us ? "-" : "+";
  if (distance_us >= 10 * base::kMinute_us) return sign + base::format_duration_us(distance_us);
  const std::int64_t tenths = (distance_us + 50'000) / 100'000;
  return sign + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

/// Leaves out those that hardly grew.
core::Table neighbours(const Incident& incident) {
  constexpr std::int64_t kNoise = 1024 * 1024;
  core::Table grown = incident.tables.neighbours;
  for (std::size_t i = 0; i < grown.rows.size(); ++i) {
    if (Row(grown, i).integer("grown_bytes") < kNoise) grown.rows.resize(i);
  }
  return only(grown, "Neighbours that grew most until the kill",
              {"cgroup", "grown_bytes", "usage_before_bytes", "usage_after_bytes", "new_since_us"});
}

/// The newest ones. The chart marks all that it has the time of.
core::Table earlier_kills(const Incident& incident) {
  core::Table table = only(incident.tables.earlier_kills, "Earlier kills of the same workload",
                           {"id", "killed_at_us", "before_us", "victim", "cause"});
  if (table.rows.size() <= kMostEarlier) return table;
  table.below =
      "and " + base::grouped(static_cast<std::int64_t>(table.rows.size() - kMostEarlier)) + " more before these";
  table.rows.resize(kMostEarlier);
  return table;
}

}  // namespace

core::Table samples_around(const Incident& incident) {
  core::Table table{.title = "Samples around the kill",
                    .columns = {"when", "usage_bytes", "anon_bytes", "shmem_bytes", "cache_bytes", "of_limit_pct"},
                    .rows = {}};
  const auto add = [&](std::string when, const MemoryPoint& point) {
    core::Cell of_limit;
    if (point.usage && point.limit.value_or(0) > 0)
      of_limit = 100.0 * static_cast<double>(*point.usage) / static_cast<double>(*point.limit);
    table.rows.push_back(
        {std::move(when), cell(point.usage), cell(point.anon), cell(point.shmem), cell(point.cache), of_limit});
  };
  const std::span<const MemoryPoint> samples = incident.samples;
  const auto after = std::ranges::upper_bound(samples, incident.last_before_us, {}, &MemoryPoint::at_us);
  const auto before_count = static_cast<std::size_t>(after - samples.begin());
  for (const MemoryPoint& one : samples.first(before_count).last(std::min(before_count, kMostBefore))) {
    add(relative(one.at_us, incident.killed_at_us), one);
  }
  if (incident.measured_by_kernel && has_own_numbers(incident) && incident.at_kill) add("kill", *incident.at_kill);
  const std::size_t after_count = samples.size() - before_count;
  for (const MemoryPoint& one : samples.last(after_count).first(std::min(after_count, kMostAfter))) {
    add(relative(one.at_us, incident.killed_at_us), one);
  }
  std::size_t width = 0;
  for (const auto& row : table.rows) width = std::max(width, std::get<std::string>(row[0]).size());
  for (auto& row : table.rows) row[0] = right_aligned(std::get<std::string>(row[0]), width);  // like numbers
  return table;
}

std::vector<core::Table> tables_for_people(const Incident& incident) {
  const IncidentTables& all = incident.tables;
  std::vector<core::Table> tables;
  const auto add = [&tables](core::Table table) {
    if (!table.rows.empty()) tables.push_back(std::move(table));
  };
  add(samples_around(incident));
  add(only(all.processes, "Largest processes at the kill",
           {"process", "pid", "rss_bytes", "swap_bytes", "oom_score_adj"}));
  add(only(all.candidates, "Cgroups that it may have been in", {"cgroup", "counted", "named"}));
  add(earlier_kills(incident));
  add(only(all.sharers, "Cgroups that shared it, fastest growth first",
           {"cgroup", "usage_before_bytes", "usage_bytes", "grown_in_us", "anon_bytes"}));
  add(only(all.ended, "Ended before the kill, by their last sample",
           {"cgroup", "sampled_at_us", "usage_bytes", "tmpfs_bytes", "cache_bytes"}));
  add(only(all.reclaims, "Reclaims of it",
           {"started_at_us", "outcome", "duration_us", "freed_bytes", "refaulted_bytes", "verdict"}));
  add(only(
      all.limit_changes, "Changes of its limit",
      {"changed_at_us", "limit_before_bytes", "limit_bytes", "effective_limit_before_bytes", "effective_limit_bytes"}));
  // Those outside have no part in a limit that others share: `sharers` has who does.
  if (!limit_is_above(incident)) tables.push_back(neighbours(incident));
  return tables;
}

}  // namespace cgmm::report
