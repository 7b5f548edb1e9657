// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "base/time.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/reach.hpp"
#include "cli/status_ship.hpp"
#include "cli/terminal.hpp"
#include "daemon/clock.hpp"
#include "daemon/service/live_status.hpp"
#include "daemon/service/status_socket.hpp"
#include "report/format/row.hpp"
#include "report/format/wrap.hpp"
#include "store/error.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

constexpr std::int64_t kSlack_us = 5 * base::kSecond_us;
constexpr std::chrono::seconds kServiceTime{1};
constexpr std::chrono::seconds kHistoryTime{2};

/// The one row of the answer. New columns come last, because readers of CSV may count columns.
struct Row {
  core::Table table{.title = "Status", .columns = {}, .rows = {{}}};

  /// Adds the column if there is none.
  core::Cell& operator[](std::string_view column) {
    const auto at = static_cast<std::size_t>(std::ranges::find(table.columns, column) - table.columns.begin());
    if (at == table.columns.size()) {
      table.columns.emplace_back(column);
      table.rows[0].emplace_back();
    }
    return table.rows[0][at];
  }
};

core::Cell text_or_null(const std::string& text) { return text.empty() ? core::Cell() : core::Cell(text); }

/// Columns of the report `status` that are shown last, or in other words.
constexpr std::array<std::string_view, 6> kOfReach = {"faults",        "samples_from_at_us", "hours_from_at_us",
                                                      "samples_a_day", "hours_a_day",        "config_read_at_us"};

struct Stored {
  std::optional<core::Table> table;
  std::optional<ShipStatus> ship{};  // nullopt: not looked at
  std::string refusal;               // why there is no table
  bool is_hanging = false;           // the read has not returned
};

Stored read_history(const config::Config& config, std::int64_t now_us) {
  store::Reader reader(config.database);
  return {.table = answer_to("status", reader, Window{.until_us = now_us}.parameters()),
          .ship = ship_status(config.ship, config.database, now_us),
          .refusal = ""};
}

/// For when the service has answered: then `status` must answer even if the disk hangs.
Stored read_history_in_time(const config::Config& config, std::int64_t now_us) {
  std::packaged_task<Stored()> task([config, now_us] { return read_history(config, now_us); });
  std::future<Stored> result = task.get_future();
  std::thread(std::move(task)).detach();
  if (result.wait_for(kHistoryTime) != std::future_status::ready) {
    return {.table = {}, .refusal = "it could not be read within two seconds", .is_hanging = true};
  }
  try {
    return result.get();
  } catch (const store::StoreError& error) {
    const bool missing = error.kind() == store::StoreError::Kind::missing;
    return {.table = {}, .refusal = missing ? "the database is not there" : error.what()};
  } catch (const std::exception& error) {
    return {.table = {}, .refusal = error.what()};
  }
}

/// Returns the names of the faults.
core::Cell put_live(Row& row, const daemon::LiveStatus& live) {
  row["version"] = live.version;
  row["started_at_us"] = live.started_at_us;
  if (const auto& scan = live.progress.last_scan) {
    row["interval_us"] = scan->interval_us;
    row["last_scan_at_us"] = scan->started_at_us;
    row["last_scan_duration_us"] = scan->duration_us;
    row["last_scan_late_us"] = scan->late_us;
    row["cgroup_count"] = scan->cgroup_count;
    row["error_count"] = scan->error_count;
  }
  row["in_cooldown_count"] = live.in_cooldown_count;
  std::string names, details;
  for (const daemon::RecordQueue::Fault& fault : live.faults) {
    names += (names.empty() ? "" : ", ") + fault.name;
    details += (details.empty() ? "" : "; ") + fault.detail;
  }
  row["fault"] = text_or_null(details);
  return text_or_null(names);
}

void put_threads(Row& row, const daemon::LiveStatus& live) {
  row["scans_made_count"] = live.progress.scans_made_count;
  row["scans_recorded_count"] = live.progress.scans_recorded_count;
  row["records_waiting_count"] = live.progress.waiting_count;
  row["sampler"] = live.sampler;
  row["reclaimer"] = live.reclaimer;
  row["recorder"] = live.recorder;
}

struct State {
  std::string words;
  bool is_fine = false;
};

/// Of a service that runs. is_fine: the node is protected, because its last scan is recent. A fault alone, such as a
/// full disk, does not matter here: a restart would not help.
State state_of(std::optional<std::int64_t> age_us, std::optional<std::int64_t> interval_us, const core::Cell& faults,
               bool is_live) {
  State state{"running", age_us && *age_us <= 3 * interval_us.value_or(10 * base::kSecond_us) + kSlack_us};
  if (!age_us) {
    state.words += is_live ? ", no scan yet" : ", no scan recorded yet";
  } else if (!state.is_fine) {
    state.words += is_live ? ", but the last scan is old" : ", but the last scan on record is old";
  }
  if (const auto* const names = std::get_if<std::string>(&faults)) state.words += ", with faults: " + *names;
  return state;
}

void put_reach(Row& row, const core::Table& table, const Reach& reach) {
  const auto cell = [](const std::optional<std::int64_t>& value) { return value ? core::Cell(*value) : core::Cell(); };
  if (table.columns.empty()) return;
  row["samples_from_at_us"] = cell(reach.samples_from_at_us);
  row["hours_from_at_us"] = cell(reach.hours_from_at_us);
  row["growth_a_day_bytes"] = cell(reach.growth_a_day_bytes);
  row["max_size_lasts"] = reach.max_size_lasts;
}

void put_ship(Row& row, const ShipStatus& ship) {
  row["ship"] = ship.words;
  for (const auto& [column, cell] : ship.columns) row[column] = cell;
}

/// Why the configuration on disk is not that of the service that runs; "": no sign of it. A reload of the same file is
/// on record, too, so what is younger has not been read.
std::string other_configuration(const Options& options, const ReaderConfig& loaded, const report::Row& history) {
  if (!loaded.mistake.empty()) return "it is wrong: the service goes on with the earlier one";
  struct stat file{};
  const std::filesystem::path name = options.config.value_or(config::kDefaultFile);
  const auto read_at_us = history.known("config_read_at_us");
  if (!read_at_us || ::stat(name.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return "";
  const std::int64_t changed_at_us = file.st_mtim.tv_sec * base::kSecond_us + file.st_mtim.tv_nsec / 1000;
  if (changed_at_us <= *read_at_us) return "";
  return "it was changed at " + base::format_utc(changed_at_us) +
         ", and not reloaded since: the service goes on with the earlier one";
}

/// All in one sentence; a second and a third where the configuration differs, and where `ship` sends nothing.
std::string in_words(const Row& row, const State& state, std::optional<std::int64_t> age_us, bool is_running,
                     const std::optional<ShipStatus>& ship) {
  const report::Row now(row.table);
  const bool has_history = std::ranges::find(row.table.columns, "started_at_us") != row.table.columns.end();
  const auto started_at_us = has_history ? now.known("started_at_us") : std::nullopt;
  std::string text = is_running ? "Running" : "Not running";
  if (is_running && started_at_us) text += " since " + base::format_utc(*started_at_us);
  if (age_us) {
    text += ", last scan " + base::format_duration_us(*age_us) + " ago" +
            (is_running && !state.is_fine ? " (too long)" : "") + ", " +
            base::counted(now.integer("cgroup_count"), "cgroup");
  } else {
    text += ", no scan yet";
  }
  const std::string faults = now.text("faults");
  if (is_running) text += faults.empty() ? ", no fault" : ", faults: " + faults;
  const bool differs = std::ranges::find(row.table.columns, "configuration") != row.table.columns.end();
  text += std::string(".") + (differs ? " The configuration file: " + now.text("configuration") + "." : "");
  return text + (ship && ship->is_ill ? " ship: " + ship->words + "." : "");
}

void write(const Options& options, const core::Table& table, const std::string& sentence) {
  const report::Style style = style_for(options);
  const std::string one = base::escape_for_terminal(sentence);
  const std::string line = style.fits ? report::wrapped(one, style) : one + "\n";  // in a pipe it is one line
  if (options.is_short) return write_output(options, line);
  const bool for_people = options.format == report::Format::text || options.format == report::Format::markdown;
  write_output(options, (for_people ? line + "\n" : "") + report::render(table, options.format, style));
}

}  // namespace

int status(const Options& options) {
  const ReaderConfig loaded = load_for_reading(options);
  const std::filesystem::path database = loaded.config.database;
  const std::int64_t now_us = daemon::wall_now_us();
  const auto answer = daemon::ask_service(database, kServiceTime);
  const auto live = answer ? daemon::parse_live_status(*answer) : std::nullopt;
  const Stored stored = live ? read_history_in_time(loaded.config, now_us) : read_history(loaded.config, now_us);
  const auto pid = live ? std::optional(live->pid) : store::running_service_pid(database);

  const core::Table table = stored.table.value_or(core::Table{});
  const report::Row history(table);
  Row row;
  row["state"] = "";
  row["pid"] = pid ? core::Cell(*pid) : core::Cell();
  auto age_us = live ? live->last_scan_age_us : history.known("last_scan_at_us");
  if (age_us && !live) age_us = std::max<std::int64_t>(now_us - *age_us, 0);
  if (age_us) row["last_scan_age_us"] = *age_us;
  for (const std::string& column : table.columns) {
    if (std::ranges::find(kOfReach, column) == kOfReach.end()) row[column] = history.cell(column);
  }
  const core::Cell faults = live ? put_live(row, *live) : history.cell("faults");
  row["database"] = database.string();
  row["database_size_bytes"] = file_bytes(database);
  row["wal_size_bytes"] = file_bytes(database.string() + "-wal");
  row["faults"] = faults;
  if (live) put_threads(row, *live);
  if (!stored.refusal.empty()) row["history"] = stored.refusal;
  const bool is_running = pid || daemon::is_service_there(database);  // other users may not open its lock
  const bool has_scanned = live && live->progress.last_scan;
  const auto interval_us = has_scanned ? live->progress.last_scan->interval_us : history.known("interval_us");
  const State state = is_running ? state_of(age_us, interval_us, faults, live.has_value()) : State{"not running"};
  row["state"] = state.words;
  put_reach(row, table, reach_of(table, loaded.config.retention, history_bytes(database)));
  const std::string other = is_running ? other_configuration(options, loaded, history) : "";
  if (!other.empty()) row["configuration"] = other;
  const auto ship = loaded.mistake.empty() ? stored.ship : std::nullopt;  // else nobody knows whether it is set up
  if (ship) put_ship(row, *ship);
  write(options, row.table, in_words(row, state, age_us, is_running, ship));
  const int exit_code = state.is_fine ? 0 : 1;
  if (stored.is_hanging) std::_Exit(exit_code);  // does not wait for the thread that hangs in the kernel
  return exit_code;
}

}  // namespace cgmm::cli
