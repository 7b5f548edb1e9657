// SPDX-License-Identifier: Apache-2.0
#include "report/weekly/sections.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/units.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kMostRows = 10;

const core::Table& named(std::span<const core::Table> tables, std::string_view name) {
  const auto found = std::ranges::find(tables, name, &core::Table::report);
  if (found == tables.end()) throw std::logic_error("the weekly report lacks " + std::string(name));
  return *found;
}

/// The advice on the limit of a workload that was killed, else on the limit that the containers of its pod share; "":
/// none.
std::string advice_on_limit(const core::Table& limits, const Row& kills) {
  const std::string workload = kills.text("workload");
  std::string of_pod;
  for (const Row row : rows_of(limits)) {
    const bool is_its_pod = row.text("limit_of") == "pod" && workload.starts_with(row.text("workload") + "/");
    if (row.text("advice").empty() || (row.text("workload") != workload && !is_its_pod)) continue;
    const bool leaks = !std::holds_alternative<std::monostate>(row.cell("leak_bytes_per_second"));
    const bool is_tmpfs = kills.text("causes").find("shmem") != std::string::npos;  // it may stay full after a restart
    const std::string advice = row.text("advice") + (leaks && !is_tmpfs ? "; a higher limit only lasts longer" : "");
    if (!is_its_pod) return advice;
    of_pod = advice;
  }
  return of_pod;
}

/// Kills of what is watched by workload; all others are one line.
core::Table kills_section(const core::Table& kills, const core::Table& limits) {
  core::Table table = section(kills, {"workload", "kills", "causes", "last_at_us", "victims"},
                              "What the kernel killed for want of memory, most often first. `incident show latest` "
                              "tells why, and what led to it.");
  table.columns.emplace_back("advice");
  table.most_important = {"workload", "kills", "causes", "advice", "last_at_us", "victims"};
  std::int64_t outside = 0;
  std::vector<std::vector<core::Cell>> watched;
  for (std::size_t i = 0; i < kills.rows.size(); ++i) {
    const Row row(kills, i);
    if (row.integer("watched") == 0) {
      outside += row.integer("kills");
      continue;
    }
    watched.push_back(std::move(table.rows[i]));
    watched.back().emplace_back(advice_on_limit(limits, row));
  }
  table.rows = std::move(watched);
  cut(table, "report kills_by_workload");
  if (outside > 0) {
    table.below += (table.below.empty() ? "" : "; ") + base::counted(outside, "kill was", "kills were") +
                   " outside of what is watched, or nobody knows where";
  }
  return table;
}

core::Table effects_section(const core::Table& effects) {
  core::Table table = section(effects,
                              {"workload", "reclaims", "effective", "churn", "futile", "unknown", "freed_bytes",
                               "refaulted_bytes", "stayed_free_bytes", "held_byte_seconds"},
                              "Effective reclaims were worth what was read back, churn was not, and futile ones freed "
                              "almost nothing. Those that did not help come first.");
  table.most_important = effects.most_important;
  cut(table, "report effects");
  return table;
}

/// Only workloads about which there is something to do.
core::Table limits_section(const core::Table& limits) {
  core::Table table =
      section(limits, {"workload", "limit_bytes", "peak_pct", "typical_bytes", "typical_cache_bytes", "advice"},
              "Right-sizing: limits that are too small, too large, or reached by a leak. Peak and "
              "typical use are of memory that can't be dropped.");
  table.most_important = {"workload", "limit_bytes", "advice", "peak_pct", "typical_bytes", "typical_cache_bytes"};
  std::erase_if(table.rows, [](const auto& row) { return row.back() == core::Cell("") || row.back() == core::Cell(); });
  table.below = limits.below;  // why there are none
  cut(table, "report limits");
  return table;
}

core::Table restarts_section(const core::Table& restarts) {
  core::Table table = restarts;
  table.about =
      "A restart that no OOM kill explains has another reason: look at the workload's own log. The kill before the "
      "first restart may lie before the window.";
  cut(table, "report restarts");
  return table;
}

}  // namespace

void cut(core::Table& table, std::string_view whole) {
  if (table.rows.size() <= kMostRows) return;
  table.below = "and " + base::grouped(static_cast<std::int64_t>(table.rows.size() - kMostRows)) + " more: `" +
                std::string(whole) + "` has all";
  table.rows.resize(kMostRows);
}

core::Table section(const core::Table& all, const std::vector<std::string_view>& columns, std::string about) {
  core::Table table = only(all, all.title, columns);
  for (const std::string_view column : columns) table.most_important.emplace_back(column);
  table.about = std::move(about);
  return table;
}

core::Table brought_and_cost(const core::Table& summary, const core::Table& earlier) {
  core::Table table{.title = "What reclaim brought, and what it cost",
                    .columns = {"window", "reclaims", "freed_bytes", "stayed_free_bytes", "held_byte_seconds",
                                "read_back_bytes", "reclaiming_us", "failed", "oom_kills"},
                    .rows = {}};
  table.about =
      "It brought what stayed free, and for how long (held). It cost what was read back, and the time of reclaiming.";
  for (const auto& [name, numbers] : {std::pair{"this", &summary}, {"the one before", &earlier}}) {
    const Row row(*numbers);
    const bool is_known = row.integer("scans") > 0 || row.integer("reclaims") > 0;
    if (!is_known && numbers == &earlier) continue;  // not on record
    const auto if_observed = [&](const char* count, const char* column) {
      return row.integer(count) > 0 ? row.cell(column) : core::Cell();
    };
    table.rows.push_back({std::string(name), row.cell("reclaims"), row.cell("freed_bytes"),
                          if_observed("observed_reclaims", "stayed_free_bytes"),
                          if_observed("observed_reclaims", "held_byte_seconds"),
                          if_observed("watched_reclaims", "refaulted_bytes"), row.cell("reclaiming_us"),
                          row.cell("failed_reclaims"), row.cell("oom_kills")});
  }
  return table;
}

core::Table coverage_of(const core::Table& summary) {
  core::Table table = only(summary, "Coverage",
                           {"scans", "interval_us", "first_scan_at_us", "last_scan_at_us", "covered_pct", "missed_us",
                            "gaps", "longest_gap_us", "late_scans", "latest_by_us", "average_scan_us",
                            "slowest_scan_us", "read_errors", "starts", "crashes", "faults"});
  table.report = "coverage";
  return table;
}

WeeklySections weekly_sections(const core::Table& summary, const core::Table& earlier,
                               std::span<const core::Table> tables) {
  const core::Table& limits = named(tables, "limits");
  WeeklySections sections;
  const auto add_unless_empty = [](std::vector<core::Table>& to, core::Table table) {
    if (!table.rows.empty() || !table.below.empty()) to.push_back(std::move(table));
  };
  sections.before_advice.push_back(kills_section(named(tables, "kills_by_workload"), limits));
  core::Table stuck = named(tables, "stuck_by_workload");
  stuck.about = "Nothing was killed here, but tasks stood still for want of memory. `incident` lists each time.";
  add_unless_empty(sections.before_advice, std::move(stuck));
  sections.before_advice.push_back(brought_and_cost(summary, earlier));
  add_unless_empty(sections.before_advice, effects_section(named(tables, "effects")));
  core::Table failures = named(tables, "failures");
  failures.about = "Reclaims that the kernel refused.";
  add_unless_empty(sections.before_advice, std::move(failures));
  add_unless_empty(sections.after_advice, limits_section(limits));
  add_unless_empty(sections.after_advice, restarts_section(named(tables, "restarts")));
  sections.after_advice.push_back(
      section(coverage_of(summary),
              {"covered_pct", "missed_us", "gaps", "longest_gap_us", "late_scans", "read_errors", "crashes", "faults"},
              "How much of the time is on record. What happened in a gap is not known (`report gaps`)."));
  return sections;
}

}  // namespace cgmm::report
