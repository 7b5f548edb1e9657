// SPDX-License-Identifier: Apache-2.0
#include "report/catalog.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/terminal.hpp"
#include "report/format/row.hpp"
#include "report/format/wrap.hpp"
#include "report/now_page.hpp"
#include "report/weekly/advice.hpp"
#include "report/weekly/sections.hpp"
#include "report/weekly/summary.hpp"
#include "report/weekly/summary_page.hpp"
#include "report/why_none.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

core::Table list_of(const std::vector<report::Report>& reports) {
  core::Table table{.title = "Reports", .columns = {"name", "title", "from"}, .rows = {}};
  for (const report::Report& one : reports) {
    table.rows.push_back({one.name, one.title, std::string(one.own ? "reports_dir" : "built in")});
  }
  return table;
}

/// A mistyped glob must not lead to the answer "no reclaim was made".
void expect_cgroups(const core::Table& numbers, const std::string& glob) {
  if (glob.empty() || report::Row(numbers).integer("cgroups") > 0) return;
  throw std::runtime_error("no cgroup matches \"" + glob +
                           "\" in this window; `report cgroups` lists the cgroups that there are");
}

/// The weekly report: the answer, then a section for each question. In JSON, the numbers of the answer and the advice
/// are tables too, and all tables are whole. CSV and NDJSON can hold only one table: these numbers.
std::string weekly_summary(store::Reader& reader, const Window& window, const Options& options,
                           const core::Policy* policy) {
  const std::vector<report::Report> reports = report::summary_reports();
  const core::Table numbers = answer_to(reports.front(), reader, window.parameters());
  expect_cgroups(numbers, options.cgroup + options.workload);
  if (report::holds_one_table(options.format)) return report::render(numbers, options.format, {});
  core::Table earlier = answer_to(reports.front(), reader, window_before(window).parameters());
  earlier.report = "summary_before";
  const std::vector<report::Finding> found =
      report::findings_of(answer_to("evidence", reader, window.parameters()), policy);
  const bool for_programs = options.format == report::Format::json;
  const bool has_scans = report::Row(numbers).integer("scans") > 0;  // if not, the answer says so
  std::vector<core::Table> tables;
  if (for_programs) tables = {numbers, earlier, report::advice_table(found)};
  for (const report::Report& one : std::span(reports).subspan(1)) {
    tables.push_back(answer_to(one, reader, window.parameters()));
    if (tables.back().rows.empty() && has_scans)
      tables.back().below = report::why_none(answer_to("part_window_record", reader, window.parameters()), one);
  }
  if (for_programs) tables.push_back(report::coverage_of(numbers));
  if (for_programs) return report::render(tables, options.format, {});
  const report::WeeklySections sections = report::weekly_sections(numbers, earlier, tables);
  const report::TimeAsked asked{window.since_us, window.until_us, window.up_to_now};
  if (options.format == report::Format::html) {
    const report::SummaryPage page{.status = answer_to("status", reader, window.parameters()),
                                   .summary = numbers,
                                   .reclaims_by_hour = answer_to("reclaims_by_hour", reader, window.parameters()),
                                   .oom_kills = answer_to("oom_kills", reader, window.parameters()),
                                   .gaps = answer_to("gaps", reader, window.parameters()),
                                   .findings = found,
                                   .sections = sections};
    return report::summary_page(page, asked);
  }
  const report::Style style = style_for(options);
  const bool markdown = options.format == report::Format::markdown;
  const std::string title = titled("Memory report", window);
  std::string text = (markdown ? "# " + title + "\n" : report::wrapped(title, style)) + "\n";
  const std::string answer = report::summary_sentence(numbers, found, asked, options.format);
  text += (markdown ? answer + "\n" : report::wrapped(answer, style)) + "\n";
  text += report::render(sections.before_advice, options.format, style) + "\n";
  text += report::render_advice(found, options.format, style) + "\n";
  return text + report::render(sections.after_advice, options.format, style);
}

bool is_page_of_now(const Options& options, const report::Report& one) {
  return one.name == "now" && !one.own && options.format == report::Format::html && options.display.links;
}

std::string page_of_now(const report::Report& one, store::Reader& reader, const Window& window,
                        const Options& options) {
  const core::Parameters parameters = window.parameters();
  report::NowPage page{.now = answer_to(one, reader, parameters),
                       .status = answer_to("status", reader, parameters),
                       .why_none = "",
                       .sort = options.display.sort,
                       .is_live = window.up_to_now && window.cgroup_glob == "*"};
  if (page.now.rows.empty()) page.why_none = report::why_none(answer_to("part_window_record", reader, parameters), one);
  if (!page.sort.empty() && std::ranges::count(page.now.columns, page.sort) == 0)
    throw UsageError("sort=\"" + page.sort + "\": there is no such column");
  return report::now_page(std::move(page));
}

report::Report report_named(const std::filesystem::path& reports_dir, const std::string& name) {
  if (auto found = report::find_report(reports_dir, name)) return *std::move(found);
  std::string list;
  std::vector<std::string> names;
  for (const report::Report& one : report::list_reports(reports_dir, to_stderr)) {
    list += (names.empty() ? "" : ", ") + one.name;
    names.push_back(one.name);
  }
  const std::string meant = base::closest(name, names);
  throw UsageError("there is no report \"" + name + "\"" + (meant.empty() ? "" : ", did you mean \"" + meant + "\"?") +
                   "; expected one of: " + list);
}

}  // namespace

int report(const Options& options) {
  const ReaderConfig loaded = load_for_reading(options);
  const config::Config& config = loaded.config;
  if (options.list) {
    write_table(options, list_of(report::list_reports(config.reports_dir, to_stderr)));
    return 0;
  }
  const Window window = parse_window(options);
  std::optional<report::Report> one;
  if (!options.report.empty()) one = report_named(config.reports_dir, options.report);
  store::Reader reader(config.database);
  if (one && is_page_of_now(options, *one)) {
    write_output(options, page_of_now(*one, reader, window, options));
  } else if (one) {
    if (report::has_window(*one)) one->title = titled(one->title, window);
    write_answer(options, *one, reader, window.parameters());
  } else {
    write_output(options, weekly_summary(reader, window, options, loaded.has_file ? &config.policy : nullptr));
  }
  return 0;
}

}  // namespace cgmm::cli
