// SPDX-License-Identifier: Apache-2.0
#pragma once

// The weekly report as a page for a browser: what a person wants to see at once comes first. Pure: any
// thread.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/table.hpp"
#include "report/format/svg_chart.hpp"
#include "report/weekly/advice.hpp"
#include "report/weekly/summary.hpp"

namespace cgmm::report {

/// What the page is made of: answers of the reports of the same names.
struct SummaryPage {
  core::Table status;
  core::Table summary;
  core::Table reclaims_by_hour;
  core::Table oom_kills;
  core::Table gaps;
  std::span<const Finding> findings;
  std::span<const core::Table> tables;  // what it rests on, in order
};

/// A whole document: the answer in words, its numbers, when it was that memory was freed, the advice, the
/// tables.
std::string summary_page(const SummaryPage& page, const TimeAsked& asked);

/// "Memory report of node-7", by what reports/status.sql knows; without the name where it does not.
std::string title_of_node(std::string_view title, const core::Table& status);

/// What a chart of one cgroup's memory shows, in the order of its colours; tmpfs only where there is any.
struct MemoryPoints {
  std::vector<ChartPoint> usage, cache, anon, shmem;
};
std::vector<Series> memory_series(MemoryPoints points);

/// reports/oom_kills.sql as marks of a chart; `path` "" means those of any cgroup.
std::vector<Mark> kill_marks(const core::Table& oom_kills, std::string_view path = "");

/// reports/all_reclaims.sql as marks of a chart of the cgroup `path`, dry runs left out.
std::vector<Mark> reclaim_marks(const core::Table& all_reclaims, std::string_view path);

/// reports/gaps.sql as bands of a chart.
std::vector<Band> gap_bands(const core::Table& gaps);

}  // namespace cgmm::report
