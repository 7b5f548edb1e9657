// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `history` shows, section by section: all restarts and replicas of a workload together, or the cgroups of one
// path. Its facts in words, and its kills and reclaims. Pure: any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/table.hpp"
#include "report/format/chart.hpp"
#include "report/history/timeline.hpp"

namespace cgmm::report {

struct Section {
  std::string column;                           // "workload" or "path": by what its rows are found
  std::string value;                            // of that column
  std::string heading;                          // the workload; or the name, or the path if no name is known
  std::string path;                             // "": it has several
  std::size_t cgroup_count = 0;                 // with samples or hours in the window
  std::set<core::Cell> replicas;                // that these are (reports/part_replica.sql)
  std::optional<std::set<core::Cell>> running;  // of these in the last whole scan; nullopt: not known
  std::vector<std::int64_t> restarts_at_us;     // in order of time
  std::optional<std::uint64_t> limit;           // nullopt: none, or not the same for all
  std::int64_t first_seen_at_us = 0;
  bool is_begin_known = false;  // first_seen_at_us is when the first of it began

  bool is_workload() const { return column == "workload"; }
};

/// Of reports/history_cgroups.sql. `each`: no workload is put together. By heading.
std::vector<Section> sections_of(const core::Table& cgroups, bool each);

/// Those of reports/history_events.sql that are of this section.
core::Table events_of(const core::Table& all, const Section& section);

/// "2 replicas in the last scan, at most 3 at once; limit 256.0 MiB each; ..."
std::string facts_of(const Section& section, const std::vector<TimelinePoint>& timeline, const core::Table& events);

/// How many of its replicas ran at the same time; of hours the average, rounded.
std::int64_t most_at_once(const std::vector<TimelinePoint>& timeline);

/// Up to when the timeline is of hours. "": not at all. `keep_samples_us`: the setting; nullopt: it is not told.
std::string remark_on_hours(const std::vector<TimelinePoint>& timeline, std::optional<std::int64_t> keep_samples_us);

/// The kills and reclaims for people: the last ones. No rows: there was none. `where`: of the reports that have all.
core::Table events_table(const core::Table& events, const Section& section, const std::string& where = "");

/// Kills, reclaims and restarts.
std::vector<Mark> marks_of(const core::Table& events, const Section& section);

}  // namespace cgmm::report
