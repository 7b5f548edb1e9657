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
  std::string no_advice;   // why there is none although reclaims do not help
};

/// A workload's name in a sentence, escaped for text or Markdown.
std::string name_for(Format format, std::string_view workload);

/// In the order of the rows of reports/evidence.sql. `policy`: the current configuration; nullptr: not known, the
/// advice depends on the history alone.
std::vector<Finding> findings_of(const core::Table& evidence, const core::Policy* policy = nullptr);

/// For programs: `workload`, `path`, `advice` in words, `reason`, `rule` to paste. One row for each finding with
/// advice, or with a reason why there is none: then `advice` and `rule` are NULL.
core::Table advice_table(std::span<const Finding> findings);

/// For people, as text, Markdown or a section of an HTML page: each advice with its reason and the rule to paste, and
/// the reasons why there is none. The first ten.
std::string render_advice(std::span<const Finding> findings, Format format, const Style& style);

}  // namespace cgmm::report
