// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which reports there are: the embedded ones (reports/*.sql of the source tree) and the .sql files in the
// operator's own directory. Knows their text, does not run them. Any thread.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cgmm::report {

struct Report {
  std::string name;   // of the file, without .sql
  std::string title;  // its first comment line
  std::string sql;    // one statement; may use :since_us, :until_us, :cgroup_glob
  bool own = false;   // the operator's
};

/// One of the queries of `incident`: those in reports/ whose names begin with "incident_". They want
/// :oom_kill_id, so they are no reports: neither listed nor found by name. Throws std::logic_error where
/// there is none.
Report incident_query(std::string_view name);

/// All reports by name. One of the operator's takes the place of an embedded one of the same name. A
/// directory that does not exist has none; one that can't be read throws std::system_error.
std::vector<Report> list_reports(const std::filesystem::path& reports_dir);

/// nullopt when there is none of that name.
std::optional<Report> find_report(const std::filesystem::path& reports_dir, std::string_view name);

/// The embedded reports that make up the weekly summary, in order.
std::vector<Report> summary_reports();

}  // namespace cgmm::report
