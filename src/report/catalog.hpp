// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finds reports: the embedded ones (reports/*.sql in the source tree) and the operator's own .sql files. Knows their
// text, does not run them. Any thread.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cgmm::report {

struct Report {
  std::string name;                           // of the file, without .sql
  std::string title;                          // its first comment line
  std::string sql;                            // one statement; may use :since_us, :until_us, :cgroup_glob
  bool own = false;                           // the operator's
  std::vector<std::string> most_important{};  // columns, as the comment "-- Most important first: a, b" names them
};

/// Of a text of SQL: the first comment line with text before the statement; without one, `name`.
std::string title_of(std::string_view name, std::string_view sql);
/// Which columns of a table stay where there is little room. None: the text does not say.
std::vector<std::string> most_important_of(std::string_view sql);

/// One of reports/ by its name, whatever the operator's own are called. The queries of `incident`, `history` and
/// `live`, whose names begin with "incident_", "history_" and "live_", are found only here: they are no reports. Throws
/// std::logic_error where there is none.
Report built_in(std::string_view name);

/// The same numbers in every query: `sql` with part_NAME.sql in the place of each "FROM (NAME)", "JOIN (NAME)".
std::string with_parts(std::string sql);

/// Told in a sentence of a file that can't be used.
using LeftOut = std::function<void(const std::string& sentence)>;

/// All reports, by name. The operator's own replaces an embedded one of the same name; a bad file is left out. The
/// directory need not exist; throws std::system_error if it can't be read.
std::vector<Report> list_reports(const std::filesystem::path& reports_dir, const LeftOut& left_out);

/// nullopt: there is none with that name.
std::optional<Report> find_report(const std::filesystem::path& reports_dir, std::string_view name);

/// The queries of `metrics`, by name: metric_*.sql. They are no reports.
std::vector<Report> metric_queries();

/// The embedded reports of the weekly summary, in order.
std::vector<Report> summary_reports();

}  // namespace cgmm::report
