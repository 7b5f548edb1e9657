// SPDX-License-Identifier: Apache-2.0
// An incident's tables for people: times relative to the kill, and the most important columns.
#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
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

std::vector<core::Cell> row_of(std::string when, const MemoryPoint& point) {
  core::Cell of_limit;
  if (point.usage && point.limit && *point.limit > 0) {
    of_limit = 100.0 * static_cast<double>(*point.usage) / static_cast<double>(*point.limit);
  }
  return {std::move(when), cell(point.usage), cell(point.anon), cell(point.shmem), cell(point.cache), of_limit};
}

/// Pads texts so that they are aligned to the right, like numbers.
void align_right(core::Table& table) {
  std::size_t width = 0;
  for (const auto& row : table.rows) width = std::max(width, display_width(std::get<std::string>(row.front())));
  for (auto& row : table.rows) {
    auto& text = std::get<std::string>(row.front());
    text.insert(0, width - display_width(text), ' ');
  }
}

/// `table` with these columns only.
core::Table only(const core::Table& table, std::string title, std::span<const std::string_view> columns) {
  core::Table result{.title = std::move(title), .columns = {columns.begin(), columns.end()}, .rows = {}};
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    auto& row = result.rows.emplace_back();
    for (const std::string_view column : columns) row.push_back(Row(table, i).cell(column));
  }
  return result;
}

/// Leaves out those that hardly grew.
core::Table neighbours(const Incident& incident) {
  constexpr std::int64_t kNoise = 1024 * 1024;
  constexpr auto kShown =
      std::to_array<std::string_view>({"cgroup", "grown_bytes", "usage_before_bytes", "usage_after_bytes"});
  core::Table grown = incident.tables.neighbours;
  for (std::size_t i = 0; i < grown.rows.size(); ++i) {
    if (Row(grown, i).integer("grown_bytes") < kNoise) grown.rows.resize(i);
  }
  return only(grown, "Neighbours that grew most until the kill", kShown);
}

}  // namespace

core::Table samples_around(const Incident& incident) {
  core::Table table{.title = "Samples around the kill",
                    .columns = {"when", "usage_bytes", "anon_bytes", "shmem_bytes", "cache_bytes", "of_limit_pct"},
                    .rows = {}};
  const auto& samples = incident.samples;
  const auto after = std::ranges::upper_bound(samples, incident.last_before_us, {}, &MemoryPoint::at_us);
  const auto before_count = std::min(kMostBefore, static_cast<std::size_t>(after - samples.begin()));
  for (auto one = after - static_cast<std::ptrdiff_t>(before_count); one != after; ++one) {
    table.rows.push_back(row_of(relative(one->at_us, incident.killed_at_us), *one));
  }
  if (incident.measured_by_kernel && has_own_numbers(incident) && incident.at_kill) {
    table.rows.push_back(row_of("kill", *incident.at_kill));
  }
  const auto after_count = std::min(kMostAfter, static_cast<std::size_t>(samples.end() - after));
  for (auto one = after; one != after + static_cast<std::ptrdiff_t>(after_count); ++one) {
    table.rows.push_back(row_of(relative(one->at_us, incident.killed_at_us), *one));
  }
  align_right(table);
  return table;
}

std::vector<core::Table> tables_for_people(const Incident& incident) {
  constexpr auto kReclaims = std::to_array<std::string_view>(
      {"started_at_us", "outcome", "duration_us", "freed_bytes", "refaulted_bytes", "verdict"});
  constexpr auto kLimits = std::to_array<std::string_view>(
      {"changed_at_us", "limit_before_bytes", "limit_bytes", "effective_limit_before_bytes", "effective_limit_bytes"});
  constexpr auto kSharers =
      std::to_array<std::string_view>({"cgroup", "usage_before_bytes", "usage_bytes", "grown_in_us", "anon_bytes"});
  constexpr auto kEarlier = std::to_array<std::string_view>({"id", "killed_at_us", "before_us", "victim", "cause"});
  const IncidentTables& all = incident.tables;
  std::vector<core::Table> tables;
  const auto add = [&tables](core::Table table) {
    if (!table.rows.empty()) tables.push_back(std::move(table));
  };
  add(only(all.earlier_kills, "Earlier kills of the same workload", kEarlier));
  add(only(all.sharers, "Cgroups that shared it, fastest growth first", kSharers));
  add(only(all.reclaims, "Reclaims of it", kReclaims));
  add(only(all.limit_changes, "Changes of its limit", kLimits));
  tables.push_back(neighbours(incident));
  return tables;
}

}  // namespace cgmm::report
