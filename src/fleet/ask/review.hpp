// SPDX-License-Identifier: Apache-2.0
#pragma once

// The weekly review of all nodes: what the questions of fleet/ answered, in the order in which it is read. Pure: any
// thread.

#include <string>
#include <string_view>
#include <vector>

#include "core/table.hpp"
#include "report/format/render.hpp"
#include "report/weekly/advice.hpp"
#include "report/weekly/summary.hpp"

namespace cgmm::fleet {

/// What is asked for it beside `summary` and `evidence`.
std::vector<std::string_view> questions_of_review();

struct Review {
  core::Table summary;                    // of the window
  core::Table earlier;                    // of as long a time before it
  std::vector<report::Finding> findings;  // of evidence
  std::vector<core::Table> tables;        // the answers to questions_of_review(), in that order
};

/// In JSON, all tables with all of their rows. Not for CSV and NDJSON.
std::string review_text(const Review& review, const report::TimeAsked& asked, report::Format format,
                        const report::Style& style);

}  // namespace cgmm::fleet
