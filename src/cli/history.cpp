// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/settings.hpp"
#include "core/text.hpp"
#include "report/catalog.hpp"
#include "report/chart.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

constexpr std::size_t kMaxCharts = 8;
constexpr std::size_t kChartHeight = 8;
constexpr std::size_t kTableRows = 12;
constexpr std::int64_t kGapSteps = 3;  // this many usual steps without a sample are a gap

using Rows = std::vector<const std::vector<core::Cell>*>;

std::size_t column_index(const core::Table& table, std::string_view name) {
  return static_cast<std::size_t>(std::find(table.columns.begin(), table.columns.end(), name) - table.columns.begin());
}

std::optional<double> number(const core::Cell& cell) {
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*integer);
  return std::nullopt;
}

/// The median time from one sample to the next.
std::int64_t usual_step_us(const Rows& rows, std::size_t at) {
  std::vector<std::int64_t> steps;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    steps.push_back(std::get<std::int64_t>((*rows[i])[at]) - std::get<std::int64_t>((*rows[i - 1])[at]));
  }
  if (steps.empty()) return 1;
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  return std::max<std::int64_t>(*middle, 1);
}

std::string draw(const core::Table& table, const Rows& rows, std::string_view column, const std::string& title,
                 const report::Style& style) {
  const std::size_t at = column_index(table, "at_us");
  const std::size_t value = column_index(table, column);
  std::vector<report::ChartPoint> points;
  points.reserve(rows.size());
  const std::int64_t usual_us = usual_step_us(rows, at);
  for (const auto* row : rows) {
    const std::int64_t at_us = std::get<std::int64_t>((*row)[at]);
    if (!points.empty() && at_us - points.back().at_us > kGapSteps * usual_us) {
      points.push_back({points.back().at_us + usual_us, std::nullopt});  // nobody looked: the chart is blank there
    }
    points.push_back({at_us, number((*row)[value])});
  }
  return report::chart(title, points, kChartHeight, style);
}

/// What a column shows of several samples: gauges their largest, counters their sum, the time when they begin.
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

/// Few rows to read along the chart, each of several samples in a row.
core::Table folded(const core::Table& table, const Rows& rows) {
  const std::size_t step = (rows.size() + kTableRows - 1) / kTableRows;
  core::Table result;
  result.title = step == 1 ? "Samples"
                           : std::to_string(rows.size()) + " samples, " + std::to_string(step) +
                                 " in a row: gauges at their largest, refaults and kills summed (--format csv has all)";
  for (const ShownColumn& column : kShown) result.columns.emplace_back(column.name);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i % step == 0) result.rows.emplace_back(kShown.size());
    for (std::size_t column = 0; column < kShown.size(); ++column) {
      fold_in(result.rows.back()[column], (*rows[i])[column_index(table, kShown[column].name)], kShown[column].fold);
    }
  }
  return result;
}

std::string for_terminal(const core::Table& table, const report::Style& style) {
  const std::size_t path_column = column_index(table, "path");
  std::map<std::string, Rows> by_path;
  for (const auto& row : table.rows) by_path[std::get<std::string>(row[path_column])].push_back(&row);
  std::string text;
  std::size_t shown = 0;
  for (const auto& [path, rows] : by_path) {
    if (shown++ == kMaxCharts) {
      text += "... and " + std::to_string(by_path.size() - kMaxCharts) +
              " more cgroups: narrow the glob, or take --format csv\n";
      break;
    }
    text += core::escape_for_terminal(path) + "\n\n";
    text += draw(table, rows, "usage_bytes", "usage", style) + "\n";
    text += draw(table, rows, "reclaimable_cache_bytes", "reclaimable cache", style) + "\n";
    text += report::render(folded(table, rows), report::Format::text, style) + "\n";
  }
  return text;
}

}  // namespace

int history(const CommonOptions& common, const HistoryOptions& options) {
  const Window window = parse_window(options.since, options.until, options.cgroup);
  store::Reader reader(load_for_reading(common).config.database);
  core::Table table = reader.run(report::find_report({}, "history").value().sql, window.parameters());
  const OutputOptions& output = options.output;
  if (table.rows.empty()) {
    throw std::runtime_error("no samples of a cgroup that matches \"" + core::escape_for_terminal(options.cgroup) +
                             "\" in this window; `report cgroups --since " + options.since +
                             "` lists the cgroups that there are");
  }
  const report::Style style = style_for(output);
  table.title = "History";
  write_output(output, output.format == report::Format::text ? for_terminal(table, style)
                                                             : report::render(table, output.format, style));
  return 0;
}

}  // namespace cgmm::cli
