// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads reports/evidence.sql, asks core/advice for each cgroup, and renders the advice. Pure: any thread.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/advice.hpp"
#include "core/table.hpp"
#include "report/format/render.hpp"

namespace cgmm::report {

/// One workload's evidence and the advice.
struct Finding {
  std::string workload;  // the cgroup's short name where it has none; bytes as the kernel has them
  core::ReclaimEvidence evidence;
  std::optional<core::Advice> advice;
  bool is_spared = false;  // by the current configuration
};

/// A workload's name in a sentence, escaped for text or Markdown.
std::string name_for(Format format, std::string_view workload);

/// In the order of the rows of reports/evidence.sql.
std::vector<Finding> findings_of(const core::Table& evidence);

/// For programs: `workload`, `path`, `advice` in words, `reason`, `rule` to paste. One row for each finding with
/// advice.
core::Table advice_table(std::span<const Finding> findings);

/// For people, as text, Markdown or a section of an HTML page: each advice with its reason and the rule to paste. The
/// first ten.
std::string render_advice(std::span<const Finding> findings, Format format, const Style& style);

}  // namespace cgmm::report
