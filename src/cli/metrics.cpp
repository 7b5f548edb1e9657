// SPDX-License-Identifier: Apache-2.0
#include "report/metrics.hpp"

#include <string>
#include <utility>

#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/reach.hpp"
#include "daemon/clock.hpp"
#include "report/catalog.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

/// What is not in the history: the file itself.
constexpr std::string_view kFile =
    "-- metric bytes gauge cgmm_history_bytes: Size of the history with its write-ahead log.\n"
    "-- metric most gauge cgmm_history_max_bytes: The most that it may have (max_size).\n";

core::Table file_of(const config::Config& config) {
  return {.title = "",
          .columns = {"bytes", "most"},
          .rows = {{history_bytes(config.database), config.retention.max_size_bytes}}};
}

}  // namespace

int metrics(const Options& options) {
  const auto form = options.metrics.openmetrics ? report::MetricsForm::openmetrics : report::MetricsForm::prometheus;
  const config::Config config = load_for_reading(options).config;
  const std::int64_t now_us = daemon::wall_now_us();
  const Window day{.since_us = now_us - base::kDay_us, .until_us = now_us};
  const Window hour{.since_us = now_us - base::kHour_us, .until_us = now_us};
  store::Reader reader(config.database);
  std::string text;
  for (const report::Report& one : report::metric_queries()) {
    if (one.name == "metric_containers" && !options.metrics.containers) continue;
    const Window& window = one.name == "metric_near_misses" ? hour : day;
    text += report::render_metrics(report::metrics_of(one.sql), answer_to(one, reader, window.parameters()), form);
  }
  text += report::render_metrics(report::metrics_of(kFile), file_of(config), form);
  write_output(options, text + report::end_of_metrics(form));
  return 0;
}

}  // namespace cgmm::cli
