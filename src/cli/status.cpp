// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/settings.hpp"
#include "daemon/clock.hpp"
#include "daemon/service/live_status.hpp"
#include "daemon/service/status_socket.hpp"
#include "report/catalog.hpp"
#include "store/error.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

constexpr std::int64_t kSlack_us = 5 * base::kSecond_us;
constexpr std::chrono::seconds kServiceTime{1};
constexpr std::chrono::seconds kHistoryTime{2};

/// The one row of the answer. New columns come last, because readers of CSV may count columns.
class Row {
 public:
  /// Adds the column if there is none.
  core::Cell& operator[](std::string_view column) {
    const std::size_t at = place_of(column);
    if (at == columns_.size()) {
      columns_.emplace_back(column);
      cells_.emplace_back();
    }
    return cells_[at];
  }
  template <class Type>
  std::optional<Type> get(std::string_view column) const {
    const std::size_t at = place_of(column);
    const auto* const value = at < cells_.size() ? std::get_if<Type>(&cells_[at]) : nullptr;
    return value != nullptr ? std::optional(*value) : std::nullopt;
  }
  core::Table table() const { return {.title = "Status", .columns = columns_, .rows = {cells_}}; }

 private:
  std::size_t place_of(std::string_view column) const {
    return static_cast<std::size_t>(std::ranges::find(columns_, column) - columns_.begin());
  }
  std::vector<std::string> columns_;
  std::vector<core::Cell> cells_;
};

core::Cell text_or_null(const std::string& text) { return text.empty() ? core::Cell() : core::Cell(text); }

std::int64_t file_bytes(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::int64_t>(status.st_size) : 0;
}

core::Table read_history(const std::filesystem::path& database, std::int64_t now_us) {
  store::Reader reader(database);
  return answer_to("status", reader, Window{.until_us = now_us}.parameters());
}

struct Stored {
  std::optional<core::Table> table;
  std::string refusal;      // why there is none
  bool is_hanging = false;  // the read has not returned
};

/// If the service has answered, the history only adds details: `status` must also answer if the history can't be read
/// or its disk hangs.
Stored read_history_in_time(const std::filesystem::path& database, std::int64_t now_us) {
  std::packaged_task<core::Table()> task([database, now_us] { return read_history(database, now_us); });
  std::future<core::Table> result = task.get_future();
  std::thread(std::move(task)).detach();
  if (result.wait_for(kHistoryTime) != std::future_status::ready) {
    return {.table = {}, .refusal = "it could not be read within two seconds", .is_hanging = true};
  }
  try {
    return {.table = result.get(), .refusal = ""};
  } catch (const store::StoreError& error) {
    const bool missing = error.kind() == store::StoreError::Kind::missing;
    return {.table = {}, .refusal = missing ? "the database is not there" : error.what()};
  } catch (const std::exception& error) {
    return {.table = {}, .refusal = error.what()};
  }
}

void put_live(Row& row, const daemon::LiveStatus& live) {
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
  row["faults"] = text_or_null(names);
}

/// From the history, and from the service if it has answered.
Row told_by(const std::optional<daemon::LiveStatus>& live, const std::optional<core::Table>& stored) {
  Row told;
  for (std::size_t i = 0; stored && !stored->rows.empty() && i < stored->columns.size(); ++i) {
    told[stored->columns[i]] = stored->rows.front()[i];
  }
  if (live) put_live(told, *live);
  return told;
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

/// is_fine: the node is protected, because the service runs and its last scan is recent. A fault alone, such as a full
/// disk, does not matter here: a restart would not help.
State state_of(const Row& row, bool is_running, bool is_live) {
  if (!is_running) return {"not running", false};
  const auto age_us = row.get<std::int64_t>("last_scan_age_us");
  const std::int64_t interval_us = row.get<std::int64_t>("interval_us").value_or(10 * base::kSecond_us);
  State state{"running", age_us && *age_us <= 3 * interval_us + kSlack_us};
  if (!age_us) {
    state.words += is_live ? ", no scan yet" : ", no scan recorded yet";
  } else if (!state.is_fine) {
    state.words += is_live ? ", but the last scan is old" : ", but the last scan on record is old";
  }
  if (const auto faults = row.get<std::string>("faults")) state.words += ", with faults: " + *faults;
  return state;
}

}  // namespace

int status(const CommonOptions& common, const OutputOptions& output) {
  const std::filesystem::path database = load_for_reading(common).config.database;
  const std::int64_t now_us = daemon::wall_now_us();
  const auto answer = daemon::ask_service(database, kServiceTime);
  const auto live = answer ? daemon::parse_live_status(*answer) : std::nullopt;
  const Stored stored =
      live ? read_history_in_time(database, now_us) : Stored{.table = read_history(database, now_us), .refusal = ""};
  const auto pid = live ? std::optional(live->pid) : store::running_service_pid(database);

  const Row told = told_by(live, stored.table);
  Row row;
  row["state"] = "";
  row["pid"] = pid ? core::Cell(*pid) : core::Cell();
  if (live && live->last_scan_age_us) {
    row["last_scan_age_us"] = *live->last_scan_age_us;
  } else if (const auto last_scan_at_us = told.get<std::int64_t>("last_scan_at_us"); last_scan_at_us && !live) {
    row["last_scan_age_us"] = std::max<std::int64_t>(now_us - *last_scan_at_us, 0);
  }
  const core::Table table = told.table();
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i] != "faults") row[table.columns[i]] = table.rows[0][i];
  }
  row["database"] = database.string();
  row["database_size_bytes"] = file_bytes(database.string());
  row["wal_size_bytes"] = file_bytes(database.string() + "-wal");
  row["faults"] = text_or_null(told.get<std::string>("faults").value_or(""));
  if (live) put_threads(row, *live);
  if (!stored.refusal.empty()) row["history"] = stored.refusal;
  const bool is_running = pid || daemon::is_service_there(database);  // other users may not open its lock
  const State state = state_of(row, is_running, live.has_value());
  row["state"] = state.words;
  write_output(output, report::render(row.table(), output.format, style_for(output)));
  const int exit_code = state.is_fine ? 0 : 1;
  if (stored.is_hanging) std::_Exit(exit_code);  // does not wait for the thread that hangs in the kernel
  return exit_code;
}

}  // namespace cgmm::cli
