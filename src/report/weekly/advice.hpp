// SPDX-License-Identifier: Apache-2.0
#pragma once

// What reports/evidence.sql tells about each cgroup, what core/advice makes of it, and how that is shown.
// Pure: any thread.

#include <span>
#include <string>
#include <vector>

#include "core/advice.hpp"
#include "core/table.hpp"
#include "report/format/render.hpp"

namespace cgmm::report {

/// One cgroup's evidence and what it leads to.
struct Finding {
  std::string cgroup;  // its short name; bytes as the kernel has them
  core::ReclaimEvidence evidence;
  std::optional<core::Advice> advice;
  bool is_spared = false;  // by the configuration in force, whatever happened before
};

/// In the order of the rows of reports/evidence.sql. A column that is missing, or NULL, counts as nothing.
std::vector<Finding> findings_of(const core::Table& evidence);

/// What programs get: `path`, `advice` in words, `reason`, `rule` to paste. A row for each finding that has
/// advice.
core::Table advice_table(std::span<const Finding> findings);

/// What people get, in text, Markdown or as a section of an HTML page: under a heading, each advice with its
/// reason in a line and its rule below, ready to be pasted. The first ten.
std::string render_advice(std::span<const Finding> findings, Format format, const Style& style);

}  // namespace cgmm::report
