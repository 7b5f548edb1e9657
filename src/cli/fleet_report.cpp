// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/fleet_parts.hpp"
#include "cli/output.hpp"
#include "cli/terminal.hpp"
#include "config.hpp"
#include "core/table.hpp"
#include "fleet/ask/asker.hpp"
#include "fleet/ask/question.hpp"
#include "fleet/ask/review.hpp"
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

/// A mistyped glob must not lead to the answer "no reclaim was made".
void expect_some(const core::Table& summary, const Options& options) {
  const report::Row row(summary);
  const std::string glob = options.cgroup + options.workload;
  if (!options.fleet.node.empty() && row.integer("nodes") == 0) {
    throw NotFoundError("no node that matches \"" + options.fleet.node +
                        "\" has a scan in this window; `fleet report nodes` lists the nodes that there are");
  }
  if (!glob.empty() && row.integer("cgroups") == 0)
    throw NotFoundError("no cgroup matches \"" + glob + "\" on these nodes in this window");
}

/// To stand below a table without rows. "": there are scans.
std::string why_none(cgmm::fleet::Asker& asker, const core::Parameters& parameters) {
  report::Report seen = cgmm::fleet::question("part_seen_history");
  seen.sql =
      "SELECT count() AS histories FROM (" + seen.sql + ") WHERE first_us < {until_us} AND last_us >= {since_us}";
  if (report::Row(asker.answer_to(seen, parameters)).integer("histories") > 0) return "";
  return "No node that was asked for has a scan in this window. `fleet report nodes` lists nodes: ask with an earlier "
         "--since.";
}

/// CSV and NDJSON can hold only one table: the numbers of the answer.
std::string review(cgmm::fleet::Asker& asker, const Window& window, const Options& options) {
  const core::Parameters parameters = parameters_of(window, options);
  cgmm::fleet::Review review{.summary = asker.answer_to("summary", parameters)};
  expect_some(review.summary, options);
  if (report::holds_one_table(options.format)) return report::render(review.summary, options.format, {});
  review.earlier = asker.answer_to("summary", parameters_of(window_before(window), options));
  review.earlier.report = "summary_before";
  review.findings = report::findings_of(asker.answer_to("evidence", parameters));
  for (const std::string_view name : cgmm::fleet::questions_of_review())
    review.tables.push_back(asker.answer_to(name, parameters));
  return cgmm::fleet::review_text(review, {window.since_us, window.until_us, window.up_to_now}, options.format,
                                  style_for(options));
}

}  // namespace

int fleet_report(const Options& options) {
  const config::Config config = config::load(options.config, options.overrides, to_stderr);
  if (options.list) {
    write_table(options, list_of_questions());
    return 0;
  }
  const Window window = parse_window(options);
  if (options.report.empty() && options.fleet.print) throw UsageError("--print: expected the name of a report");
  if (options.report.empty()) {
    cgmm::fleet::Asker asker(config.ship, time_of(options.bounds));
    write_output(options, review(asker, window, options));
    return 0;
  }
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
    asker.ask(question, parameters, rows);
    write_output(options, rows.finish());
  } else {
    core::Table table = asker.answer_to(question, parameters, kMostRowsForPeople);
    if (table.rows.empty()) table.below = why_none(asker, parameters);
    write_table(options, table);
  }
  return 0;
}

}  // namespace cgmm::cli
