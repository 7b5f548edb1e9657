// SPDX-License-Identifier: Apache-2.0
#pragma once

// The answer in words at the begin of the weekly report, from reports/summary.sql and reports/evidence.sql. Pure: any
// thread.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/table.hpp"
#include "report/format/render.hpp"
#include "report/weekly/advice.hpp"

namespace cgmm::report {

/// The window of the report.
struct TimeAsked {
  std::int64_t since_us = 0;
  std::int64_t until_us = 0;
  bool up_to_now = true;  // shown as "the last 7 days"; else with begin and end
};

/// "In the last 7 days 42 reclaims freed 12.3 GiB in 4 cgroups. 3.1 GiB of it (25 %) was read back within 5 minutes. No
/// OOM kill was seen. 60 433 scans covered 99.9 % of the time and saw 214 cgroups." Cgroup names are escaped for
/// `format`, text or Markdown.
std::string summary_sentence(const core::Table& summary_row, std::span<const Finding> findings, const TimeAsked& asked,
                             Format format = Format::text);

/// The same as single sentences, the answer first.
std::vector<std::string> summary_sentences(const core::Table& summary_row, std::span<const Finding> findings,
                                           const TimeAsked& asked, Format format = Format::text);

}  // namespace cgmm::report
