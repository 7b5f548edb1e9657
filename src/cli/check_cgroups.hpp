// SPDX-License-Identifier: Apache-2.0
#pragma once

// The part of `check` that looks at the cgroups themselves.

#include <string>

#include "config.hpp"
#include "core/table.hpp"
#include "kernel/hierarchy.hpp"

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

/// What is tracked, with the rules that decide for it and the control file of the first whose memory is accounted.
void check_cgroups(const kernel::Hierarchy& hierarchy, const config::Config& config, Findings& findings);

}  // namespace cgmm::cli
