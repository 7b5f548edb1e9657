// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "core/text.hpp"
#include "report/catalog.hpp"
#include "report/chart.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

constexpr std::size_t kMaxCharts = 8;
constexpr std::size_t kChartHeight = 8;
constexpr std::size_t kTableRows = 12;

using Rows = std::vector<const std::vector<core::Cell>*>;

std::size_t column_index(const core::Table& table, std::string_view name) {
  return static_cast<std::size_t>(std::find(table.columns.begin(), table.columns.end(), name) - table.columns.begin());
}

std::optional<double> number(const core::Cell& cell) {
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*integer);
  return std::nullopt;
}

std::string draw(const core::Table& table, const Rows& rows, std::string_view column, const std::string& title,
                 const report::Style& style) {
  const std::size_t at = column_index(table, "at_us");
  const std::size_t value = column_index(table, column);
  std::vector<report::ChartPoint> points;
  points.reserve(rows.size());
  for (const auto* row : rows) points.push_back({std::get<std::int64_t>((*row)[at]), number((*row)[value])});
  return report::chart(title, points, kChartHeight, style);
}

/// Evenly spread rows, the last one among them: enough to read along the chart.
core::Table thinned(const core::Table& table, const Rows& rows) {
  core::Table result;
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string& name = table.columns[i];
    for (const char* wanted : {"at_us", "usage_bytes", "reclaimable_cache_bytes", "anon_bytes", "shmem_bytes",
                               "kernel_bytes", "swap_bytes", "refault_file_bytes", "oom_kills"}) {
      if (name != wanted) continue;
      kept.push_back(i);
      result.columns.push_back(name);
    }
  }
  const std::size_t step = (rows.size() + kTableRows - 1) / kTableRows;
  for (std::size_t i = (rows.size() - 1) % step; i < rows.size(); i += step) {
    std::vector<core::Cell>& row = result.rows.emplace_back();
    for (const std::size_t column : kept) row.push_back((*rows[i])[column]);
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
    text += report::render(thinned(table, rows), report::Format::text, style) + "\n";
  }
  return text;
}

}  // namespace

int history(const CommonOptions& common, const HistoryOptions& options) {
  const Window window = parse_window(options.since, options.until, options.cgroup);
  store::Reader reader(config::load(common.config, common.overrides).database);
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
