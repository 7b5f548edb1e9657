// SPDX-License-Identifier: Apache-2.0
#pragma once

// The weekly report as an HTML page, most important first. Pure: any thread.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/table.hpp"
#include "report/format/chart.hpp"
#include "report/weekly/advice.hpp"
#include "report/weekly/sections.hpp"
#include "report/weekly/summary.hpp"

namespace cgmm::report {

/// The answers of the reports of the same names.
struct SummaryPage {
  core::Table status;
  core::Table summary;
  core::Table reclaims_by_hour;
  core::Table oom_kills;
  core::Table gaps;
  std::span<const Finding> findings;
  WeeklySections sections;
};

/// A whole document: the answer in words, the important numbers, a chart of what was freed, the advice, the tables.
std::string summary_page(const SummaryPage& page, const TimeAsked& asked);

/// "Memory report of node-7"; without the name if reports/status.sql does not know it.
std::string title_of_node(std::string_view title, const core::Table& status);

/// The series of a chart of memory, in the order of their colours; tmpfs and the highest usage only if there is any.
struct MemoryPoints {
  std::vector<ChartPoint> usage, cache, anon, shmem;
};
std::vector<Series> memory_series(MemoryPoints points);

/// reports/oom_kills.sql as marks of a chart.
std::vector<Mark> kill_marks(const core::Table& oom_kills);

/// reports/all_reclaims.sql as marks of a chart of the cgroup `path`, without dry runs.
std::vector<Mark> reclaim_marks(const core::Table& all_reclaims, std::string_view path);

/// reports/gaps.sql as bands of a chart.
std::vector<Band> gap_bands(const core::Table& gaps);

}  // namespace cgmm::report
