// SPDX-License-Identifier: Apache-2.0
#include "cli/history_answer.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/terminal.hpp"
#include "core/glob.hpp"
#include "daemon/clock.hpp"
#include "report/format/chart.hpp"
#include "report/format/html.hpp"
#include "report/format/row.hpp"
#include "report/format/wrap.hpp"
#include "report/history/sections.hpp"
#include "report/history/timeline.hpp"
#include "report/weekly/summary_page.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

constexpr std::size_t kChartHeight = 8;
constexpr std::size_t kTableRows = 12;

/// How several samples become one row: the largest of gauges, the sum of counters, the time of the first.
enum class Fold { first, largest, sum };
struct ShownColumn {
  std::string_view name;
  Fold fold;
};
constexpr std::array<ShownColumn, 11> kShown = {{{"at_us", Fold::first},
                                                 {"usage_bytes", Fold::largest},
                                                 {"peak_bytes", Fold::largest},
                                                 {"reclaimable_cache_bytes", Fold::largest},
                                                 {"anon_bytes", Fold::largest},
                                                 {"shmem_bytes", Fold::largest},
                                                 {"kernel_bytes", Fold::largest},
                                                 {"slab_reclaimable_bytes", Fold::largest},
                                                 {"swap_bytes", Fold::largest},
                                                 {"refault_file_bytes", Fold::sum},
                                                 {"oom_kills", Fold::sum}}};

void fold_in(core::Cell& into, const core::Cell& cell, Fold fold) {
  const auto* const value = std::get_if<std::int64_t>(&cell);
  auto* const so_far = std::get_if<std::int64_t>(&into);
  if (value == nullptr) return;
  if (so_far == nullptr) {
    into = *value;
  } else if (fold == Fold::sum) {
    *so_far = report::computable(*so_far) + report::computable(*value);
  } else if (fold == Fold::largest) {
    *so_far = std::max(*so_far, *value);
  }
}

/// A few rows below the chart, each for several consecutive samples.
core::Table folded(const core::Table& samples) {
  const std::size_t count = samples.rows.size(), step = (count + kTableRows - 1) / kTableRows;
  core::Table result;
  const bool has_hours = std::ranges::any_of(report::rows_of(samples),
                                             [](const report::Row& row) { return row.text("measured") == "hour"; });
  const std::string what = has_hours ? "samples and averages of hours" : "samples";
  result.title = step == 1
                     ? (has_hours ? "Samples and averages of hours" : "Samples")
                     : std::to_string(count) + " " + what + ", " + std::to_string(step) +
                           " in a row: gauges at their largest, refaults and kills summed (`--format csv` has all)";
  result.most_important = samples.most_important;
  result.rows.resize((count + step - 1) / step, std::vector<core::Cell>(kShown.size()));
  for (std::size_t column = 0; column < kShown.size(); ++column) {
    const std::size_t from = report::column_of(samples, kShown[column].name);
    result.columns.emplace_back(kShown[column].name);
    for (std::size_t i = 0; i < count; ++i) {
      fold_in(result.rows[i / step][column], samples.rows[i][from], kShown[column].fold);
    }
  }
  // A peak is only on record where it was over the usage of its own sample.
  const std::size_t usage = report::column_of(result, "usage_bytes"), peak = report::column_of(result, "peak_bytes");
  for (auto& row : result.rows) {
    if (std::holds_alternative<std::int64_t>(row[peak])) fold_in(row[peak], row[usage], Fold::largest);
  }
  return result;
}

/// One section of the answer.
struct Shown {
  report::Section section;
  std::vector<report::TimelinePoint> timeline;
  core::Table events;
  core::Table samples{};  // of a cgroup that is alone; else without rows

  std::vector<report::ChartPoint> points(report::Measure measure, const Window& window) const {
    return report::reaching(report::chart_points(timeline, measure, window.until_us),
                            report::marks_of(events, section));
  }
};

std::vector<report::TimelinePoint> timeline_of(const report::Section& section, store::Reader& reader,
                                               const Window& window) {
  report::Timeline timeline(section.cgroup_count == 1);
  core::Parameters parameters = window.parameters();
  for (const char* const column : {"workload", "path"})
    parameters.emplace(column, column == section.column ? core::Cell(section.value) : core::Cell());
  reader.run(report::built_in("history_timeline").sql, parameters, timeline);
  return timeline.finish();
}

core::Table samples_of(const report::Section& section, store::Reader& reader, const Window& window) {
  core::Table samples = answer_to("history", reader, window.parameters());
  const std::size_t at = report::column_of(samples, section.column);
  std::erase_if(samples.rows, [&](const auto& row) { return row[at] != core::Cell(section.value); });
  return samples;
}

Shown shown_of(const report::Section& section, store::Reader& reader, const Window& window) {
  Window own = window;
  own.cgroup_glob = core::glob_of(section.value);
  Shown shown{.section = section, .timeline = timeline_of(section, reader, own), .events = {}};
  const bool is_found = !shown.timeline.empty();  // no glob matches invalid UTF-8
  if (!is_found) shown.timeline = timeline_of(section, reader, window);
  const Window& used = is_found ? own : window;
  shown.events = report::events_of(answer_to("history_events", reader, used.parameters()), section);
  if (section.cgroup_count == 1 || !section.is_workload()) shown.samples = folded(samples_of(section, reader, used));
  return shown;
}

/// The remark if not all of them are shown.
std::string and_more(std::size_t sections) {
  return "... and " + std::to_string(sections - kMaxCharts) + " more: narrow the glob, or take `--format csv`";
}

/// Where the reports have it all. A copy from ClickHouse has no such setting.
std::string where_of(const std::optional<std::int64_t>& keep_samples_us) {
  return keep_samples_us ? "" : " on the node";
}

/// Below the heading: the path if it is another, the facts, and what is not as usual.
std::vector<std::string> lines_below(const Shown& shown, std::optional<std::int64_t> keep_samples_us) {
  const report::Section& section = shown.section;
  std::vector<std::string> lines;
  if (!section.path.empty() && section.path != section.heading) lines.push_back(section.path);
  lines.push_back(report::facts_of(section, shown.timeline, shown.events));
  if (std::string hours = report::remark_on_hours(shown.timeline, keep_samples_us); !hours.empty())
    lines.push_back(std::move(hours));
  return lines;
}

/// Of what the charts show; not where it is the sum of several cgroups.
std::optional<double> limit_of(const Shown& shown) {
  const bool is_of_one =
      report::most_at_once(shown.timeline) <= 1 && shown.section.replicas.size() == shown.section.cgroup_count;
  return is_of_one && shown.section.limit ? std::optional(static_cast<double>(*shown.section.limit)) : std::nullopt;
}

/// All show the same time. What is known of none is left out.
std::string charts(const Shown& shown, const Window& window, const report::Style& style) {
  const report::ChartMarks marks{.limit = limit_of(shown), .marks = report::marks_of(shown.events, shown.section)};
  std::string text;
  for (const auto& [measure, title] : {std::pair{report::Measure::usage, "usage"},
                                       {report::Measure::cache, "reclaimable cache"},
                                       {report::Measure::anon, "anonymous"},
                                       {report::Measure::swap, "swap"}}) {
    const std::vector<report::ChartPoint> points = shown.points(measure, window);
    const bool is_usage = measure == report::Measure::usage;
    if (!is_usage && !report::largest(points)) continue;
    text += report::chart(title, points, kChartHeight, style, is_usage ? marks : report::ChartMarks{}) + "\n";
  }
  return text + report::chart_signs(marks, style);
}

}  // namespace

std::string history_text(const std::vector<report::Section>& sections, store::Reader& reader, const Window& window,
                         std::optional<std::int64_t> keep_samples_us, const report::Style& style) {
  std::string text;
  for (const report::Section& section : sections | std::views::take(kMaxCharts)) {
    const Shown shown = shown_of(section, reader, window);
    text += report::wrapped(base::escape_for_terminal(section.heading), style);
    for (const std::string& line : lines_below(shown, keep_samples_us)) {
      text += report::wrapped(base::escape_for_terminal(line), style);
    }
    text += "\n" + charts(shown, window, style) + "\n";
    for (const core::Table& table :
         {report::events_table(shown.events, section, where_of(keep_samples_us)), shown.samples}) {
      if (!table.rows.empty()) text += report::render(table, report::Format::text, style) + "\n";
    }
  }
  return text + (sections.size() > kMaxCharts ? report::wrapped(and_more(sections.size()), style) : "");
}

std::string history_html(const std::vector<report::Section>& sections, store::Reader& reader, const Window& window,
                         std::optional<std::int64_t> keep_samples_us) {
  const core::Parameters parameters = window.parameters();
  const core::Table gaps = answer_to("gaps", reader, parameters);
  std::vector<Shown> all;
  std::int64_t from_us = std::numeric_limits<std::int64_t>::max(), to_us = std::numeric_limits<std::int64_t>::min();
  for (const report::Section& section : sections | std::views::take(kMaxCharts)) {
    const auto usage = all.emplace_back(shown_of(section, reader, window)).points(report::Measure::usage, window);
    if (usage.empty()) continue;
    from_us = std::min(from_us, usage.front().at_us);
    to_us = std::max(to_us, usage.back().at_us);
  }
  if (from_us > to_us) std::tie(from_us, to_us) = std::pair(window.since_us, window.until_us);
  std::string body =
      report::html_time_span(from_us, to_us) +
      report::html_window_links({window.since_us, window.until_us}, {from_us, to_us}, daemon::wall_now_us());
  for (const Shown& shown : all) {
    report::SvgChart chart{.from_at_us = from_us,
                           .to_at_us = to_us,
                           .series = report::memory_series({.usage = shown.points(report::Measure::usage, window),
                                                            .cache = shown.points(report::Measure::cache, window),
                                                            .anon = shown.points(report::Measure::anon, window),
                                                            .shmem = shown.points(report::Measure::shmem, window)}),
                           .marks = report::marks_of(shown.events, shown.section),
                           .bands = report::gap_bands(gaps)};
    if (const auto limit = limit_of(shown))
      chart.series.push_back({.label = "limit", .points = {{from_us, limit}}, .kind = report::Series::Kind::limit});
    std::string html;
    for (const std::string& line : lines_below(shown, keep_samples_us))
      html += report::html_paragraph(line, report::Weight::remark);
    html += report::svg_chart(chart);
    for (const core::Table& table :
         {report::events_table(shown.events, shown.section, where_of(keep_samples_us)), shown.samples}) {
      if (!table.rows.empty())
        html += report::html_paragraph(table.title, report::Weight::remark) + report::html_table(table);
    }
    body += report::html_section(shown.section.heading, html);
  }
  if (sections.size() > kMaxCharts) body += report::html_section("", report::html_paragraph(and_more(sections.size())));
  return body;
}

bool is_path(const core::Table& cgroups, const std::string& cgroup) {
  return std::ranges::any_of(report::rows_of(cgroups),
                             [&](const report::Row& row) { return row.text("path") == cgroup; });
}

bool write_no_history(const Options& options, store::Reader& reader, const Window& window, const std::string& why) {
  if (options.format != report::Format::html || !report::are_pages_linked()) return false;
  const Window always{.since_us = 0, .until_us = daemon::wall_now_us(), .cgroup_glob = window.cgroup_glob};
  const core::Table cgroups = answer_to("history_cgroups", reader, always.parameters());
  if (cgroups.rows.empty()) return false;
  std::int64_t first_us = always.until_us;
  for (const report::Row row : report::rows_of(cgroups)) first_us = std::min(first_us, row.integer("first_seen_at_us"));
  const std::string where = " All of it: `--since " + base::format_utc(first_us) + "`.";
  write_output(options,
               report::html_page("Memory history", report::html_time_span(window.since_us, window.until_us) +
                                                       report::html_window_links({window.since_us, window.until_us}, {},
                                                                                 always.until_us) +
                                                       report::html_section("", report::html_paragraph(why + where))));
  return true;
}

void write_history(const Options& options, const std::vector<report::Section>& sections, store::Reader& reader,
                   const Window& window, std::optional<std::int64_t> keep_samples_us) {
  if (options.format == report::Format::text) {
    write_output(options, history_text(sections, reader, window, keep_samples_us, style_for(options)));
  } else if (options.format == report::Format::html) {
    const std::string body = history_html(sections, reader, window, keep_samples_us);
    const core::Table status = answer_to("status", reader, window.parameters());
    write_output(options, report::html_page(report::title_of_node("Memory history", status), body));
  } else {
    report::Report all = report::built_in("history");
    all.title = "History";
    write_answer(options, all, reader, window.parameters());
  }
}

}  // namespace cgmm::cli
