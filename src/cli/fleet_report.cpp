// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/fleet_parts.hpp"
#include "cli/output.hpp"
#include "config.hpp"
#include "core/table.hpp"
#include "fleet/ask/asker.hpp"
#include "fleet/ask/question.hpp"
#include "report/format/row.hpp"
#include "report/format/row_writer.hpp"

namespace cgmm::cli {
namespace {

core::Table list_of_questions() {
  core::Table table{.title = "Reports of the fleet", .columns = {"name", "title"}, .rows = {}};
  for (const std::string& name : cgmm::fleet::names_of_questions())
    table.rows.push_back({name, cgmm::fleet::question(name).title});
  return table;
}

report::Report question_named(const std::string& name) {
  const std::vector<std::string> names = cgmm::fleet::names_of_questions();
  if (std::ranges::find(names, name) != names.end()) return cgmm::fleet::question(name);
  std::string list;
  for (const std::string& each : names) list += (list.empty() ? "" : ", ") + each;
  const std::string meant = base::closest(name, names);
  throw UsageError("there is no report \"" + name + "\" of the fleet" +
                   (meant.empty() ? "" : ", did you mean \"" + meant + "\"?") + "; expected one of: " + list);
}

core::Parameters parameters_of(const Window& window, const Options& options) {
  return {{"since_us", window.since_us},
          {"until_us", window.until_us},
          {"workload_glob", window.cgroup_glob},
          {"node_glob", options.fleet.node.empty() ? "*" : options.fleet.node}};
}

std::string titled(const std::string& title, const Window& window) {
  return title + ", " + base::format_time(window.since_us) + " to " + base::format_time(window.until_us);
}

}  // namespace

int fleet_report(const Options& options) {
  const config::Config config = config::load(options.config, options.overrides, to_stderr);
  if (options.list) {
    write_table(options, list_of_questions());
    return 0;
  }
  const Window window = parse_window(options);
  report::Report question = question_named(options.report);
  question.title = titled(question.title, window);
  const core::Parameters parameters = parameters_of(window, options);
  if (options.fleet.print) {
    write_output(options, cgmm::fleet::filled(question.sql, parameters) + "\n");
    return 0;
  }
  cgmm::fleet::Asker asker(config.ship, time_of(options.bounds));
  if (report::is_for_programs(options.format)) {
    report::RowWriter rows(options.format);
    asker.run(cgmm::fleet::filled(question.sql, parameters), rows);
    write_output(options, rows.finish());
  } else {
    write_table(options, asker.answer_to(question, parameters, kMostRowsForPeople));
  }
  return 0;
}

}  // namespace cgmm::cli
