// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/terminal.hpp"
#include "core/glob.hpp"
#include "report/format/chart.hpp"
#include "report/format/html.hpp"
#include "report/format/row.hpp"
#include "report/format/wrap.hpp"
#include "report/weekly/summary_page.hpp"
#include "store/file/backup.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

constexpr std::size_t kMaxCharts = 8;
constexpr std::size_t kChartHeight = 8;
constexpr std::size_t kTableRows = 12;
constexpr std::int64_t kGapSteps = 3;  // this many intervals without a sample are a gap

/// 0 where it is no integer.
std::int64_t integer(const core::Cell& cell) {
  const auto* const value = std::get_if<std::int64_t>(&cell);
  return value != nullptr ? report::computable(*value) : 0;
}

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
    const std::int64_t at_us = integer(row[at]), interval_us = integer(row[interval]);
    if (!points.empty() && interval_us > 0 && at_us - points.back().at_us > kGapSteps * interval_us) {
      points.push_back({points.back().at_us + interval_us, std::nullopt});  // a gap in the chart
    }
    points.push_back({at_us, number(row[value])});
  }
  return points;
}

/// With the peaks between the samples, at the time of the second one.
std::vector<report::ChartPoint> usage_points_of(const core::Table& samples) {
  std::vector<report::ChartPoint> usage = points_of(samples, "usage_bytes");
  const std::vector<report::ChartPoint> peaks = points_of(samples, "peak_bytes");
  for (std::size_t i = 0; i < usage.size(); ++i) {
    if (usage[i].value && peaks[i].value) usage[i].value = std::max(*usage[i].value, *peaks[i].value);
  }
  return usage;
}

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
  result.title = step == 1 ? "Samples"
                           : std::to_string(count) + " samples, " + std::to_string(step) +
                                 " in a row: gauges at their largest, refaults and kills summed (--format csv has all)";
  result.most_important = samples.most_important;
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

/// One cgroup's charts and table. The samples themselves are not kept: those of all cgroups may be many.
struct Shown {
  std::string path;
  std::string heading;  // its name, or its path if no name is known
  report::MemoryPoints points;
  core::Table below;
};

/// The paths of the cgroups with samples in the window.
std::vector<std::string> paths_in(store::Reader& reader, const Window& window) {
  const core::Table table = answer_to("history_cgroups", reader, window.parameters());
  std::vector<std::string> paths;
  for (const report::Row row : report::rows_of(table)) paths.push_back(row.text("path"));
  return paths;
}

core::Table samples_of(const std::string& path, store::Reader& reader, const Window& window) {
  core::Table samples = answer_to("history", reader, window.parameters());
  const std::size_t at = report::column_of(samples, "path");
  std::erase_if(samples.rows, [&](const auto& row) { return std::get<std::string>(row[at]) != path; });
  return samples;
}

Shown shown_of(const std::string& path, store::Reader& reader, const Window& window) {
  Window own = window;
  own.cgroup_glob = core::glob_of(path);
  core::Table samples = samples_of(path, reader, own);
  if (samples.rows.empty()) samples = samples_of(path, reader, window);  // no glob matches it: invalid UTF-8
  const std::string name = samples.rows.empty() ? "" : report::Row(samples).text("cgroup");
  return {.path = path,
          .heading = name.empty() ? path : name,
          .points = {.usage = usage_points_of(samples),
                     .cache = points_of(samples, "reclaimable_cache_bytes"),
                     .anon = points_of(samples, "anon_bytes"),
                     .shmem = points_of(samples, "shmem_bytes")},
          .below = folded(samples)};
}

/// The remark if not all of them are shown.
std::string and_more(std::size_t cgroups) {
  return "... and " + std::to_string(cgroups - kMaxCharts) + " more cgroups: narrow the glob, or take --format csv";
}

std::string for_terminal(const std::vector<std::string>& paths, store::Reader& reader, const Window& window,
                         const report::Style& style) {
  std::string text;
  for (const std::string& path : paths | std::views::take(kMaxCharts)) {
    const Shown shown = shown_of(path, reader, window);
    const auto draw = [&](const std::vector<report::ChartPoint>& points, std::string_view title) {
      return report::chart(title, points, kChartHeight, style) + "\n";
    };
    text += report::wrapped(base::escape_for_terminal(shown.heading), style);
    if (shown.heading != path) text += report::wrapped(base::escape_for_terminal(path), style);
    text += "\n";
    text += draw(shown.points.usage, "usage") + draw(shown.points.cache, "reclaimable cache");
    text += report::render(shown.below, report::Format::text, style) + "\n";
  }
  return text + (paths.size() > kMaxCharts ? report::wrapped(and_more(paths.size()), style) : "");
}

/// All charts show the same time.
std::string page_of(const std::vector<std::string>& paths, store::Reader& reader, const Window& window) {
  const core::Parameters parameters = window.parameters();
  const core::Table oom_kills = answer_to("oom_kills", reader, parameters);
  const core::Table reclaims = answer_to("all_reclaims", reader, parameters);
  const core::Table gaps = answer_to("gaps", reader, parameters);
  std::vector<Shown> all;
  std::int64_t from_us = std::numeric_limits<std::int64_t>::max(), to_us = std::numeric_limits<std::int64_t>::min();
  for (const std::string& path : paths | std::views::take(kMaxCharts)) {
    const auto& usage = all.emplace_back(shown_of(path, reader, window)).points.usage;
    if (usage.empty()) continue;
    from_us = std::min(from_us, usage.front().at_us);
    to_us = std::max(to_us, usage.back().at_us);
  }
  std::string body = report::html_time_span(from_us, to_us);
  for (Shown& shown : all) {
    report::SvgChart chart{.from_at_us = from_us,
                           .to_at_us = to_us,
                           .series = report::memory_series(std::move(shown.points)),
                           .marks = report::kill_marks(oom_kills, shown.path),
                           .bands = report::gap_bands(gaps)};
    for (report::Mark& mark : report::reclaim_marks(reclaims, shown.path)) chart.marks.push_back(std::move(mark));
    const std::string path_below =
        shown.heading == shown.path ? "" : report::html_paragraph(shown.path, report::Weight::remark);
    body += report::html_section(shown.heading, path_below + report::svg_chart(chart) +
                                                    report::html_paragraph(shown.below.title, report::Weight::remark) +
                                                    report::html_table(shown.below));
  }
  if (paths.size() > kMaxCharts) body += report::html_section("", report::html_paragraph(and_more(paths.size())));
  return report::html_page(report::title_of_node("Memory history", answer_to("status", reader, parameters)), body);
}

/// `history backup FILE`. With one word, "backup" is a glob.
int back_up(const Options& options) {
  if (options.cgroup != "backup") {
    throw UsageError("\"" + base::escape_for_terminal(options.backup) +
                     "\": one glob was expected; a FILE follows `history backup` only");
  }
  const std::filesystem::path database = load_for_reading(options).config.database;
  store::back_up(database, options.backup);
  write_output(options, base::escape_for_terminal(options.backup) + " is a sound copy of " +
                            base::escape_for_terminal(database.string()) + "\n");
  return 0;
}

}  // namespace

int history(const Options& options) {
  if (!options.backup.empty()) return back_up(options);
  const Window window = parse_window(options);
  store::Reader reader(load_for_reading(options).config.database);
  const std::vector<std::string> paths = paths_in(reader, window);
  if (paths.empty()) {
    throw std::runtime_error("no samples of a cgroup that matches \"" + base::escape_for_terminal(options.cgroup) +
                             "\" in this window; `report cgroups --since " + options.since +
                             "` lists the cgroups that there are");
  }
  if (options.format == report::Format::text) {
    write_output(options, for_terminal(paths, reader, window, style_for(options)));
  } else if (options.format == report::Format::html) {
    write_output(options, page_of(paths, reader, window));
  } else {
    report::Report all = report::built_in("history");
    all.title = "History";
    write_answer(options, all, reader, window.parameters());
  }
  return 0;
}

}  // namespace cgmm::cli
