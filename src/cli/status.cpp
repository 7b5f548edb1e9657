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
#include "cli/answer.hpp"
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

/// The one row of the table, by column. New columns come last, because readers of CSV may count columns.
class Row {
 public:
  /// Sets the column; a new one comes last.
  void put(std::string_view column, core::Cell cell) {
    const auto found = std::ranges::find(columns_, column);
    if (found != columns_.end()) {
      cells_[static_cast<std::size_t>(found - columns_.begin())] = std::move(cell);
    } else {
      columns_.emplace_back(column);
      cells_.push_back(std::move(cell));
    }
  }
  core::Cell get(std::string_view column) const {
    const auto found = std::ranges::find(columns_, column);
    return found == columns_.end() ? core::Cell() : cells_[static_cast<std::size_t>(found - columns_.begin())];
  }
  /// Returns the cell and removes the column.
  core::Cell take(std::string_view column) {
    const core::Cell cell = get(column);
    const auto found = std::ranges::find(columns_, column);
    if (found == columns_.end()) return cell;
    cells_.erase(cells_.begin() + (found - columns_.begin()));
    columns_.erase(found);
    return cell;
  }
  std::optional<std::int64_t> integer(std::string_view column) const {
    const core::Cell cell = get(column);
    const auto* const integer = std::get_if<std::int64_t>(&cell);
    return integer != nullptr ? std::optional(*integer) : std::nullopt;
  }
  core::Table table() && { return {.title = "Status", .columns = std::move(columns_), .rows = {std::move(cells_)}}; }

 private:
  std::vector<std::string> columns_;
  std::vector<core::Cell> cells_;
};

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
  row.put("version", live.version);
  if (const auto& scan = live.progress.last_scan) row.put("interval_us", scan->interval_us);
  row.put("started_at_us", live.started_at_us);
  if (const auto& scan = live.progress.last_scan) {
    row.put("last_scan_at_us", scan->started_at_us);
    row.put("last_scan_duration_us", scan->duration_us);
    row.put("last_scan_late_us", scan->late_us);
    row.put("cgroup_count", scan->cgroup_count);
    row.put("error_count", scan->error_count);
  }
  row.put("in_cooldown_count", live.in_cooldown_count);
  std::string names;
  std::string details;
  for (const daemon::RecordQueue::Fault& fault : live.faults) {
    names += (names.empty() ? "" : ", ") + fault.name;
    details += (details.empty() ? "" : "; ") + fault.detail;
  }
  row.put("fault", details.empty() ? core::Cell() : core::Cell(details));
  row.put("faults", names.empty() ? core::Cell() : core::Cell(names));
}

/// From the history, and from the service if it has answered.
void put_service(Row& row, const std::optional<daemon::LiveStatus>& live, const std::optional<core::Table>& stored,
                 std::int64_t now_us) {
  Row told;
  for (std::size_t i = 0; stored && !stored->rows.empty() && i < stored->columns.size(); ++i) {
    told.put(stored->columns[i], stored->rows.front()[i]);
  }
  if (live) put_live(told, *live);
  if (live && live->last_scan_age_us) {
    row.put("last_scan_age_us", *live->last_scan_age_us);
  } else if (const auto last_scan_at_us = told.integer("last_scan_at_us"); last_scan_at_us && !live) {
    row.put("last_scan_age_us", std::max<std::int64_t>(now_us - *last_scan_at_us, 0));
  }
  const core::Table table = std::move(told).table();
  for (std::size_t i = 0; i < table.columns.size(); ++i) row.put(table.columns[i], table.rows.front()[i]);
}

void put_files(Row& row, const std::filesystem::path& database) {
  row.put("database", database.string());
  row.put("database_size_bytes", file_bytes(database.string()));
  row.put("wal_size_bytes", file_bytes(database.string() + "-wal"));
}

void put_threads(Row& row, const daemon::LiveStatus& live) {
  row.put("scans_made_count", live.progress.scans_made_count);
  row.put("scans_recorded_count", live.progress.scans_recorded_count);
  row.put("records_waiting_count", live.progress.waiting_count);
  row.put("sampler", live.sampler);
  row.put("reclaimer", live.reclaimer);
  row.put("recorder", live.recorder);
}

struct State {
  std::string words;
  bool is_fine = false;
};

/// is_fine: the node is protected, because the service runs and its last scan is recent. A fault alone, such as a full
/// disk, does not matter here: a restart would not help.
State state_of(const Row& row, bool is_running, bool is_live) {
  if (!is_running) return {"not running", false};
  const auto age_us = row.integer("last_scan_age_us");
  State state{"running",
              age_us && *age_us <= 3 * row.integer("interval_us").value_or(10 * base::kSecond_us) + kSlack_us};
  if (!age_us) {
    state.words += is_live ? ", no scan yet" : ", no scan recorded yet";
  } else if (!state.is_fine) {
    state.words += is_live ? ", but the last scan is old" : ", but the last scan on record is old";
  }
  const core::Cell faults = row.get("faults");
  if (const auto* const names = std::get_if<std::string>(&faults)) state.words += ", with faults: " + *names;
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

  Row row;
  row.put("state", "");
  row.put("pid", pid ? core::Cell(*pid) : core::Cell());
  put_service(row, live, stored.table, now_us);
  const core::Cell faults = row.take("faults");
  put_files(row, database);
  row.put("faults", faults);
  if (live) put_threads(row, *live);
  if (!stored.refusal.empty()) row.put("history", stored.refusal);
  const bool is_running = pid || daemon::is_service_there(database);  // other users may not open its lock
  const State state = state_of(row, is_running, live.has_value());
  row.put("state", state.words);
  write_output(output, report::render(std::move(row).table(), output.format, style_for(output)));
  const int exit_code = state.is_fine ? 0 : 1;
  if (stored.is_hanging) std::_Exit(exit_code);  // does not wait for the thread that hangs in the kernel
  return exit_code;
}

}  // namespace cgmm::cli
