// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `check` has found, and the part of it that looks at the cgroups. One thread.

#include <string>

#include "config.hpp"
#include "core/table.hpp"
#include "kernel/hierarchy.hpp"
#include "report/format/render.hpp"

namespace cgmm::cli {

/// The lines of the answer.
class Findings {
 public:
  void ok(const std::string& item, const std::string& detail) { add("ok", item, detail, core::Cell()); }
  void warning(const std::string& item, const std::string& detail, const std::string& advice) {
    add("warning", item, detail, advice);
  }
  void problem(const std::string& item, const std::string& detail, const std::string& advice) {
    add("problem", item, detail, advice);
    exit_code = 1;
  }

  core::Table table{.title = "Check", .columns = {"result", "item", "detail", "advice"}, .rows = {}};
  int exit_code = 0;

 private:
  void add(const std::string& result, const std::string& item, const std::string& detail, const core::Cell& advice) {
    table.rows.push_back({result, item, detail, advice});
  }
};

/// For a terminal: problems first, then warnings, each with what to do; then what is ok. Fits the terminal's width.
std::string list_of(const core::Table& findings, const report::Style& style);

/// What is tracked and what is reclaimed, with the rules that decide, and the control file of the first that is.
void check_cgroups(const kernel::Hierarchy& hierarchy, const config::Config& config, Findings& findings);

}  // namespace cgmm::cli
