// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "report/format/chart.hpp"
#include "report/format/html.hpp"
#include "report/format/row.hpp"
#include "report/weekly/summary_page.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

constexpr std::size_t kMaxCharts = 8;
constexpr std::size_t kChartHeight = 8;
constexpr std::size_t kTableRows = 12;
constexpr std::int64_t kGapSteps = 3;  // this many intervals without a sample are a gap

std::optional<double> number(const core::Cell& cell) {
  const auto* const integer = std::get_if<std::int64_t>(&cell);
  return integer != nullptr ? std::optional(static_cast<double>(*integer)) : std::nullopt;
}

/// `samples` are those of one cgroup.
std::vector<report::ChartPoint> points_of(const core::Table& samples, std::string_view column) {
  const std::size_t at = report::column_of(samples, "at_us");
  const std::size_t interval = report::column_of(samples, "interval_us");
  const std::size_t value = report::column_of(samples, column);
  std::vector<report::ChartPoint> points;
  points.reserve(samples.rows.size());
  for (const auto& row : samples.rows) {
    const std::int64_t at_us = std::get<std::int64_t>(row[at]);
    const auto* const interval_us = std::get_if<std::int64_t>(&row[interval]);
    if (!points.empty() && interval_us != nullptr && *interval_us > 0 &&
        at_us - points.back().at_us > kGapSteps * *interval_us) {
      points.push_back({points.back().at_us + *interval_us, std::nullopt});  // a gap in the chart
    }
    points.push_back({at_us, number(row[value])});
  }
  return points;
}

/// How several samples become one row: the largest of gauges, the sum of counters, the time of the first.
enum class Fold { first, largest, sum };
struct ShownColumn {
  std::string_view name;
  Fold fold;
};
constexpr std::array<ShownColumn, 9> kShown = {{{"at_us", Fold::first},
                                                {"usage_bytes", Fold::largest},
                                                {"reclaimable_cache_bytes", Fold::largest},
                                                {"anon_bytes", Fold::largest},
                                                {"shmem_bytes", Fold::largest},
                                                {"kernel_bytes", Fold::largest},
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
    *so_far += *value;
  } else if (fold == Fold::largest) {
    *so_far = std::max(*so_far, *value);
  }
}

/// A few rows below the chart, each for several consecutive samples.
core::Table folded(const core::Table& samples) {
  const std::size_t count = samples.rows.size(), step = (count + kTableRows - 1) / kTableRows;
  core::Table result;
  result.title = step == 1 ? "Samples"
                           : std::to_string(count) + " samples, " + std::to_string(step) +
                                 " in a row: gauges at their largest, refaults and kills summed (--format csv has all)";
  result.rows.resize((count + step - 1) / step, std::vector<core::Cell>(kShown.size()));
  for (std::size_t column = 0; column < kShown.size(); ++column) {
    const std::size_t from = report::column_of(samples, kShown[column].name);
    result.columns.emplace_back(kShown[column].name);
    for (std::size_t i = 0; i < count; ++i) {
      fold_in(result.rows[i / step][column], samples.rows[i][from], kShown[column].fold);
    }
  }
  return result;
}

using Cgroups = std::map<std::string, core::Table>;

/// The samples of each cgroup, by its path.
Cgroups by_path(core::Table table) {
  const std::size_t path = report::column_of(table, "path");
  Cgroups cgroups;
  for (auto& row : table.rows) {
    core::Table& samples = cgroups[std::get<std::string>(row[path])];
    if (samples.columns.empty()) samples = {.title = "", .columns = table.columns, .rows = {}, .report = table.report};
    samples.rows.push_back(std::move(row));
  }
  return cgroups;
}

/// Its name, or its path if no name is known.
std::string heading_of(const core::Table& samples, const std::string& path) {
  const std::string name = report::Row(samples).text("cgroup");
  return name.empty() ? path : name;
}

/// The remark if not all of them are shown.
std::string and_more(std::size_t cgroups) {
  return "... and " + std::to_string(cgroups - kMaxCharts) + " more cgroups: narrow the glob, or take --format csv";
}

std::string for_terminal(const Cgroups& cgroups, const report::Style& style) {
  std::string text;
  for (const auto& [path, samples] : cgroups | std::views::take(kMaxCharts)) {
    const std::string heading = heading_of(samples, path);
    const auto draw = [&](std::string_view column, std::string_view title) {
      return report::chart(title, points_of(samples, column), kChartHeight, style) + "\n";
    };
    text +=
        base::escape_for_terminal(heading) + (heading == path ? "" : "\n" + base::escape_for_terminal(path)) + "\n\n";
    text += draw("usage_bytes", "usage") + draw("reclaimable_cache_bytes", "reclaimable cache");
    text += report::render(folded(samples), report::Format::text, style) + "\n";
  }
  return text + (cgroups.size() > kMaxCharts ? and_more(cgroups.size()) + "\n" : "");
}

/// The times of the first and the last sample of all cgroups, so that all charts show the same time.
std::pair<std::int64_t, std::int64_t> time_of(const core::Table& table) {
  const std::size_t at = report::column_of(table, "at_us");
  const auto at_us = [&](const std::vector<core::Cell>& row) { return std::get<std::int64_t>(row[at]); };
  const auto [first, last] = std::ranges::minmax(table.rows, {}, at_us);
  return {at_us(first), at_us(last)};
}

std::string page_of(const Cgroups& cgroups, const std::pair<std::int64_t, std::int64_t>& time, store::Reader& reader,
                    const core::Parameters& parameters) {
  const core::Table oom_kills = answer_to("oom_kills", reader, parameters);
  const core::Table reclaims = answer_to("all_reclaims", reader, parameters);
  const core::Table gaps = answer_to("gaps", reader, parameters);
  std::string body = report::html_time_span(time.first, time.second);
  for (const auto& [path, samples] : cgroups | std::views::take(kMaxCharts)) {
    const auto points = [&](std::string_view column) { return points_of(samples, column); };
    report::SvgChart chart{.from_at_us = time.first,
                           .to_at_us = time.second,
                           .series = report::memory_series({.usage = points("usage_bytes"),
                                                            .cache = points("reclaimable_cache_bytes"),
                                                            .anon = points("anon_bytes"),
                                                            .shmem = points("shmem_bytes")}),
                           .marks = report::kill_marks(oom_kills, path),
                           .bands = report::gap_bands(gaps)};
    for (report::Mark& mark : report::reclaim_marks(reclaims, path)) chart.marks.push_back(std::move(mark));
    const core::Table below = folded(samples);
    const std::string heading = heading_of(samples, path);
    body += report::html_section(
        heading, (heading == path ? "" : report::html_paragraph(path, report::Weight::remark)) +
                     report::svg_chart(chart) + report::html_paragraph(below.title, report::Weight::remark) +
                     report::html_table(below));
  }
  if (cgroups.size() > kMaxCharts) {
    body += report::html_section("", report::html_paragraph(and_more(cgroups.size())));
  }
  return report::html_page(report::title_of_node("Memory history", answer_to("status", reader, parameters)), body);
}

}  // namespace

int history(const Options& options) {
  const Window window = parse_window(options);
  store::Reader reader(load_for_reading(options).config.database);
  core::Table table = answer_to("history", reader, window.parameters());
  if (table.rows.empty()) {
    throw std::runtime_error("no samples of a cgroup that matches \"" + base::escape_for_terminal(options.cgroup) +
                             "\" in this window; `report cgroups --since " + options.since +
                             "` lists the cgroups that there are");
  }
  table.title = "History";
  if (options.format == report::Format::text) {
    write_output(options, for_terminal(by_path(std::move(table)), style_for(options)));
  } else if (options.format == report::Format::html) {
    const auto time = time_of(table);
    write_output(options, page_of(by_path(std::move(table)), time, reader, window.parameters()));
  } else {
    write_table(options, table);
  }
  return 0;
}

}  // namespace cgmm::cli
