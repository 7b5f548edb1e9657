// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/settings.hpp"
#include "daemon/clock.hpp"
#include "report/catalog.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

constexpr std::int64_t kSlack_us = 5'000'000;

std::int64_t file_bytes(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::int64_t>(status.st_size) : 0;
}

core::Cell cell_of(const core::Table& table, std::string_view column) {
  const auto found = std::find(table.columns.begin(), table.columns.end(), column);
  if (found == table.columns.end() || table.rows.empty()) return {};
  return table.rows.front()[static_cast<std::size_t>(found - table.columns.begin())];
}

std::int64_t integer_or(const core::Cell& cell, std::int64_t fallback) {
  const auto* const integer = std::get_if<std::int64_t>(&cell);
  return integer != nullptr ? *integer : fallback;
}

/// What to make of it: running, and with a scan that is recent enough.
std::string state_of(bool running, std::int64_t last_scan_at_us, std::int64_t interval_us, std::int64_t now_us) {
  if (!running) return "not running";
  if (last_scan_at_us == 0) return "running, no scan recorded yet";
  const std::int64_t age_us = now_us - last_scan_at_us;
  return age_us > 3 * interval_us + kSlack_us ? "running, but the last scan on record is old" : "running";
}

}  // namespace

int status(const CommonOptions& common, const OutputOptions& output) {
  const config::Config config = load_for_reading(common).config;
  store::Reader reader(config.database);
  const std::int64_t now_us = daemon::wall_now_us();
  const core::Table stored = reader.run(report::find_report({}, "status").value().sql,
                                        {{"since_us", std::int64_t{0}}, {"until_us", now_us}, {"cgroup_glob", std::string("*")}});
  const auto pid = store::running_service_pid(config.database);
  const std::int64_t last_scan_at_us = integer_or(cell_of(stored, "last_scan_at_us"), 0);
  const std::string state =
      state_of(pid.has_value(), last_scan_at_us, integer_or(cell_of(stored, "interval_us"), 10'000'000), now_us);

  core::Table table{.title = "Status", .columns = {"state", "pid"}, .rows = {{}}};
  std::vector<core::Cell>& row = table.rows.front();
  row.push_back(state);
  row.push_back(pid ? core::Cell(*pid) : core::Cell());
  const auto add = [&](std::string column, core::Cell cell) {
    table.columns.push_back(std::move(column));
    row.push_back(std::move(cell));
  };
  if (last_scan_at_us != 0) add("last_scan_age_us", std::max<std::int64_t>(now_us - last_scan_at_us, 0));
  for (std::size_t i = 0; i < stored.columns.size() && !stored.rows.empty(); ++i) {
    add(stored.columns[i], stored.rows.front()[i]);
  }
  add("database", config.database.string());
  add("database_size_bytes", file_bytes(config.database.string()));
  add("wal_size_bytes", file_bytes(config.database.string() + "-wal"));
  write_output(output, report::render(table, output.format, style_for(output)));
  return state == "running" ? 0 : 1;
}

}  // namespace cgmm::cli
