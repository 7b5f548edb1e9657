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

/// One of reports/ by its name, whatever the operator's own are called. The queries of `incident`, whose names begin
/// with "incident_", are found only here: they want :oom_kill_id, so they are no reports. Throws std::logic_error where
/// there is none.
Report built_in(std::string_view name);

/// All reports by name. One of the operator's takes the place of an embedded one of the same name. A
/// directory that does not exist has none; one that can't be read throws std::system_error.
std::vector<Report> list_reports(const std::filesystem::path& reports_dir);

/// nullopt when there is none of that name.
std::optional<Report> find_report(const std::filesystem::path& reports_dir, std::string_view name);

/// The embedded reports that make up the weekly summary, in order.
std::vector<Report> summary_reports();

}  // namespace cgmm::report
