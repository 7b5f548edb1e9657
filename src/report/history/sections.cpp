// SPDX-License-Identifier: Apache-2.0
#include "report/history/sections.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <ranges>
#include <utility>

#include "base/units.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kMostRestarts = 10;
constexpr std::size_t kMostEvents = 12;

bool is_true(const Row& row, std::string_view column) { return row.integer(column) != 0; }

/// `row` is one of its cgroups.
void add_to(Section& section, const Row& row, bool is_first) {
  const std::string path = row.text("path");
  const std::int64_t first_seen_at_us = row.integer("first_seen_at_us");
  if (is_true(row, "is_restart")) section.restarts_at_us.push_back(first_seen_at_us);
  if (is_first || first_seen_at_us < section.first_seen_at_us) {
    section.first_seen_at_us = first_seen_at_us;
    section.is_begin_known = row.known("began_at_us").has_value();
  }
  if (!is_true(row, "is_measured")) return;
  const bool is_first_measured = section.cgroup_count++ == 0;
  const auto limit = row.known_bytes("limit_bytes");
  if (is_first_measured) section.limit = limit;
  if (section.limit != limit) section.limit.reset();
  if (is_first_measured) section.path = path;
  if (section.path != path) section.path.clear();
  section.replicas.insert(row.cell("replica"));
  if (!row.known("is_running")) return;
  if (!section.running) section.running.emplace();
  if (is_true(row, "is_running")) section.running->insert(row.cell("replica"));
}

/// "2026-11-23T03:12:07Z, 03:14:02, ...": the newest first, the day only where it is another one.
std::string times_of(const std::vector<std::int64_t>& at_us) {
  constexpr std::size_t kDay = 10;  // "2026-11-23"
  std::string text, day;
  for (const std::int64_t one_us : at_us | std::views::reverse | std::views::take(kMostRestarts)) {
    const std::string time = base::format_time(one_us);
    if (!text.empty()) text += ", ";
    text += time.substr(0, kDay) == day ? time.substr(kDay + 1) : time;
    day = time.substr(0, kDay);
  }
  if (at_us.size() > kMostRestarts) text += " and " + std::to_string(at_us.size() - kMostRestarts) + " more";
  return text;
}

std::string replicas_of(const Section& section, const std::vector<TimelinePoint>& timeline) {
  double most = 0;
  bool has_samples = false;
  for (const TimelinePoint& one : timeline) {
    if (!one.is_hour) most = std::max(most, one.replica_count);
    has_samples = has_samples || !one.is_hour;
  }
  const std::string at_once = has_samples ? "at most " + base::counted(std::llround(most), "replica") + " at once" : "";
  if (!section.running) return at_once;
  const auto running = static_cast<std::int64_t>(section.running->size());
  return base::counted(running, "replica") + " in the last scan" +
         (has_samples && std::llround(most) != running ? ", at most " + std::to_string(std::llround(most)) + " at once"
                                                       : "");
}

}  // namespace

std::vector<Section> sections_of(const core::Table& cgroups, bool each) {
  std::map<std::pair<std::string, std::string>, Section> by_value;
  for (const Row row : rows_of(cgroups)) {
    const std::string workload = row.text("workload"), path = row.text("path"), name = row.text("cgroup");
    const bool is_alone = each || workload.empty();
    const std::string heading = !is_alone ? workload : !name.empty() ? name : path;
    const auto [at, is_first] = by_value.try_emplace({heading, is_alone ? path : workload});
    Section& section = at->second;
    if (is_first) {
      section.column = is_alone ? "path" : "workload";
      section.value = is_alone ? path : workload;
      section.heading = heading;
    }
    add_to(section, row, is_first);
  }
  std::vector<Section> sections;
  for (auto& [key, section] : by_value) {
    if (section.cgroup_count == 0) continue;
    std::ranges::sort(section.restarts_at_us);
    sections.push_back(std::move(section));
  }
  return sections;
}

core::Table events_of(const core::Table& all, const Section& section) {
  core::Table events = all;
  const std::size_t at = column_of(all, section.column);
  std::erase_if(events.rows, [&](const auto& row) { return row[at] != core::Cell(section.value); });
  return events;
}

std::int64_t most_at_once(const std::vector<TimelinePoint>& timeline) {
  double most = 0;
  for (const TimelinePoint& one : timeline) most = std::max(most, one.replica_count);
  return std::llround(most);
}

std::string facts_of(const Section& section, const std::vector<TimelinePoint>& timeline, const core::Table& events) {
  std::vector<std::string> facts;
  if (section.is_workload() && section.value != section.path) {
    facts.push_back(replicas_of(section, timeline));
  } else if (section.cgroup_count > 1) {
    facts.push_back(base::counted(section.cgroup_count, "cgroup") + " of this path");
  }
  if (section.cgroup_count == 1 || !section.is_workload())
    facts.push_back((section.is_begin_known ? "began " : "first seen ") + base::format_time(section.first_seen_at_us));
  if (section.limit) {
    const std::int64_t most = most_at_once(timeline);
    facts.push_back("limit " + base::format_bytes(*section.limit) + (section.replicas.size() > 1 ? " each" : "") +
                    (most > 1 ? ", and the charts are the sum of up to " + std::to_string(most) : ""));
  }
  if (!section.restarts_at_us.empty()) {
    facts.push_back(base::counted(section.restarts_at_us.size(), "restart") +
                    (section.restarts_at_us.size() > 1 ? ", newest first: " : ": ") + times_of(section.restarts_at_us));
  }
  std::int64_t kills = 0, reclaims = 0;
  for (const Row row : rows_of(events)) {
    const bool is_kill = row.text("what") == "OOM kill";
    kills += is_kill ? std::max<std::int64_t>(row.integer("kills"), 1) : 0;
    reclaims += is_kill ? 0 : 1;
  }
  if (kills > 0) facts.push_back(base::counted(kills, "OOM kill"));
  if (reclaims > 0) facts.push_back(base::counted(reclaims, "reclaim"));
  std::string text;
  for (const std::string& fact : facts) {
    if (!fact.empty()) text += (text.empty() ? "" : "; ") + fact;
  }
  return text;
}

std::string remark_on_hours(const std::vector<TimelinePoint>& timeline, std::optional<std::int64_t> keep_samples_us) {
  const auto is_hour = [](const TimelinePoint& one) { return one.is_hour; };
  const auto last = std::ranges::find_if(timeline | std::views::reverse, is_hour);
  if (last == timeline.rend()) return "";
  const bool are_all = std::ranges::all_of(timeline, is_hour);
  const bool is_begin = are_all || std::ranges::is_partitioned(timeline, is_hour);
  return (are_all    ? "From hourly averages"
          : is_begin ? "Up to " + base::format_time(last->at_us + last->interval_us) + " from hourly averages"
                     : "In part from hourly averages") +
         (keep_samples_us ? "; samples are kept for " + base::format_duration_us(*keep_samples_us) : std::string()) +
         ".";
}

core::Table events_table(const core::Table& events, const Section& section, const std::string& where) {
  std::vector<std::string_view> columns{"at_us", "what", "id", "kills", "freed_bytes", "detail"};
  if (section.cgroup_count > 1) columns.push_back("cgroup");
  const std::size_t count = events.rows.size();
  core::Table last = events;
  std::string title = "Kills and reclaims";
  if (count > kMostEvents) {
    last.rows.erase(last.rows.begin(), last.rows.end() - static_cast<std::ptrdiff_t>(kMostEvents));
    title += ", the last " + std::to_string(kMostEvents) + " of " + std::to_string(count) +
             " (`report oom_kills` and `report all_reclaims`" + where + " have all)";
  }
  return only(last, title, columns);
}

std::vector<Mark> marks_of(const core::Table& events, const Section& section) {
  std::vector<Mark> marks;
  for (const Row row : rows_of(events)) {
    const std::string detail = row.text("detail");
    if (row.text("what") == "OOM kill") {
      const std::int64_t kills = row.integer("kills");
      marks.push_back({row.integer("at_us"), kill_label(kills, detail), Mark::Kind::kill, kills});
    } else {
      const std::string freed = "freed " + base::format_bytes(row.bytes("freed_bytes"));
      marks.push_back(
          {row.integer("at_us"), detail.starts_with("failed") ? "reclaim failed" : freed, Mark::Kind::reclaim});
    }
  }
  for (const std::int64_t at_us : section.restarts_at_us) marks.push_back({at_us, "restart", Mark::Kind::restart});
  return marks;
}

}  // namespace cgmm::report
