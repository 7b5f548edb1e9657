// SPDX-License-Identifier: Apache-2.0
#include "report/catalog.hpp"

#include <algorithm>
#include <filesystem>
#include <future>
#include <optional>
#include <span>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/checked_advice.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/terminal.hpp"
#include "report/format/row.hpp"
#include "report/format/wrap.hpp"
#include "report/sorted_pages.hpp"
#include "report/weekly/advice.hpp"
#include "report/weekly/sections.hpp"
#include "report/weekly/summary.hpp"
#include "report/weekly/summary_page.hpp"
#include "report/why_none.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

/// `is_page`: each is a link.
core::Table list_of(const std::vector<report::Report>& reports, bool is_page) {
  core::Table table{.title = "Reports", .columns = {"name", "title", "from"}, .rows = {}};
  for (const report::Report& one : reports) {
    const bool is_of_one_cgroup = one.name == "history" && !one.own;
    if (is_page && is_of_one_cgroup) continue;  // its page is that of the cgroup
    table.rows.push_back({one.name, one.title, std::string(one.own ? "reports_dir" : "built in")});
  }
  return table;
}

/// A mistyped glob must not lead to the answer "no reclaim was made".
void expect_cgroups(const core::Table& numbers, const std::string& glob) {
  if (glob.empty() || report::Row(numbers).integer("cgroups") > 0) return;
  throw NotFoundError("no cgroup matches \"" + glob +
                      "\" in this window; `report cgroups` lists the cgroups that there are");
}

/// What takes nearly as long as the others together is asked at the same time as they are, where a thread is to be had.
constexpr std::string_view kSlowest = "limits";

std::future<core::Table> in_another_thread(const std::filesystem::path& database, std::string_view report,
                                           const Window& window) {
  return std::async(std::launch::async | std::launch::deferred, [&database, report, parameters = window.parameters()] {
    store::Reader reader(database);
    return answer_to(report, reader, parameters);
  });
}

/// The weekly report: the answer, then a section for each question. In JSON, the numbers of the answer and the advice
/// are tables too, and all tables are whole. CSV and NDJSON can hold only one table: these numbers.
std::string weekly_summary(const std::filesystem::path& database, const Window& window, const Options& options,
                           const core::Policy* policy) {
  store::Reader reader(database);
  const std::vector<report::Report> reports = report::summary_reports();
  const core::Table numbers = answer_to(reports.front(), reader, window.parameters());
  expect_cgroups(numbers, options.cgroup + options.workload);
  if (report::holds_one_table(options.format)) return report::render(numbers, options.format, {});
  auto answer_to_slowest = in_another_thread(database, kSlowest, window);
  core::Table earlier = answer_to(reports.front(), reader, window_before(window).parameters());
  earlier.report = "summary_before";
  std::vector<report::Finding> found = report::findings_of(answer_to("evidence", reader, window.parameters()), policy);
  if (policy != nullptr) check_advice(found, reader, window, *policy);
  const bool for_programs = options.format == report::Format::json;
  const bool has_scans = report::Row(numbers).integer("scans") > 0;  // if not, the answer says so
  std::vector<core::Table> tables;
  if (for_programs) tables = {numbers, earlier, report::advice_table(found)};
  for (const report::Report& one : std::span(reports).subspan(1)) {
    tables.push_back(one.name == kSlowest ? answer_to_slowest.get() : answer_to(one, reader, window.parameters()));
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

/// A page of `serve` whose table can be sorted; nullopt: it is none.
std::optional<std::string> sorted_page(const report::Report& one, store::Reader& reader, const Window& window,
                                       const Options& options) {
  const bool is_now = one.name == "now";
  if (one.own || options.format != report::Format::html || options.display.links.empty() ||
      (!is_now && one.name != "memory_by_workload"))
    return std::nullopt;
  const core::Parameters parameters = window.parameters();
  const std::string& sort = options.display.sort;
  core::Table table = answer_to(one, reader, parameters);
  core::Table status = answer_to("status", reader, parameters);
  if (!sort.empty() && std::ranges::count(table.columns, sort) == 0)
    throw UsageError("sort=\"" + sort + "\": there is no such column");
  std::string why;
  if (table.rows.empty()) why = report::why_none(answer_to("part_window_record", reader, parameters), one);
  report::AskedOf asked{.since = options.since, .until = "", .cgroup = options.cgroup, .workload = options.workload};
  if (options.until != "now") asked.until = options.until;
  if (is_now)
    return report::now_page({std::move(table), std::move(status), why, sort,
                             // The events that it follows are of the time that is asked for by default.
                             /*is_live=*/window.up_to_now && window.cgroup_glob == "*" && options.since == "7d",
                             window.until_us, std::move(asked)});
  return report::workloads_page({std::move(table), answer_to("history_trend", reader, parameters), std::move(status),
                                 titled(one.title, window), why, sort, std::move(asked)});
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
    write_table(options, list_of(report::list_reports(config.reports_dir, to_stderr), !options.display.links.empty()));
    return 0;
  }
  const Window window = parse_window(options);
  std::optional<report::Report> one;
  if (!options.report.empty()) one = report_named(config.reports_dir, options.report);
  if (!one) {
    write_output(options, weekly_summary(config.database, window, options, loaded.has_file ? &config.policy : nullptr));
    return 0;
  }
  store::Reader reader(config.database);
  if (const auto page = sorted_page(*one, reader, window, options)) {
    write_output(options, *page);
  } else {
    const bool is_page = options.format == report::Format::html;  // its heading is short
    if (report::has_window(*one) && !is_page) one->title = titled(one->title, window);
    write_answer(options, *one, reader, window.parameters(),
                 report::has_window(*one) && is_page ? span_text(window) : "");
  }
  return 0;
}

}  // namespace cgmm::cli
