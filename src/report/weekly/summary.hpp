// SPDX-License-Identifier: Apache-2.0
#pragma once

// The answer in words that leads the weekly report, from the one row of reports/summary.sql and from what
// reports/evidence.sql tells about each cgroup. Pure: any thread.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/table.hpp"
#include "report/format/render.hpp"
#include "report/weekly/advice.hpp"

namespace cgmm::report {

/// The time asked for.
struct TimeAsked {
  std::int64_t since_us = 0;
  std::int64_t until_us = 0;
  bool up_to_now = true;  // "the last 7 days"; otherwise it is named by its ends
};

/// "In the last 7 days 42 reclaims freed 12.3 GiB in 4 cgroups; 3.1 GiB of it (25 %) was read back within 5
/// minutes; net 9.2 GiB stayed out of memory (768.0 MiB·h while watched). This cgroup only churns: A. Advice:
/// raise the threshold of A to 64 MiB (rule below). 60 433 scans covered 99.9 % of the time and saw 214
/// cgroups. No OOM kill was seen."
///
/// A column that is missing, or NULL, counts as nothing. `format` is of the document around it, text or
/// Markdown: the cgroups' names are made safe for it. A page in a
/// browser takes the text.
std::string summary_sentence(const core::Table& summary_row, std::span<const Finding> findings, const TimeAsked& asked,
                             Format format = Format::text);

/// The same one by one, the answer first: those that have nothing to say are left out.
std::vector<std::string> summary_sentences(const core::Table& summary_row, std::span<const Finding> findings,
                                           const TimeAsked& asked, Format format = Format::text);

/// reports/effects.sql as the weekly report shows it to people: the columns that answer, and the first ten
/// rows.
core::Table effects_in_short(const core::Table& effects);

}  // namespace cgmm::report
