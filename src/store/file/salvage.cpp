// SPDX-License-Identifier: Apache-2.0
#include "store/file/salvage.hpp"

#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/units.hpp"
#include "store/file/open.hpp"
#include "store/refusal.hpp"
#include "store/statement.hpp"

namespace cgmm::store {
namespace {

using std::chrono::steady_clock;

/// The time for copying. Nothing is recorded meanwhile.
constexpr std::chrono::seconds kTime{8};
constexpr std::int64_t kRowsBetweenChecks = 500;
constexpr std::size_t kPutAsideKept = 3;

/// SQLiteCpp's Statement can't bind a value whose type is not known.
using Handle = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

Handle compile(SQLite::Database& database, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database.getHandle(), sql.c_str(), -1, &statement, nullptr);
  if (code != SQLITE_OK) throw SQLite::Exception(database.getHandle(), code);
  return {statement, &sqlite3_finalize};
}

struct Part {
  const char* table;
  const char* where = "";  // which rows
};
/// In this order. `rolled_up` follows the scans that it is about.
constexpr Part kParts[] = {{"node"},
                           {"cgroup"},
                           {"cooldown"},
                           {"kernel_log"},
                           {"oom_kill"},
                           {"reclaim"},
                           {"reclaim_effect"},
                           {"service_event"},
                           {"cgroup_limit"},
                           {"scan", " WHERE scan_id >= ?1"},
                           {"sample", " WHERE scan_id >= ?1"},
                           {"rolled_up"},
                           {"sample_hour"}};

/// Rows that mean nothing without another row. An id that is lost is given to another row later.
struct Orphans {
  const char* of;  // the incomplete table
  const char* sql;
};
constexpr Orphans kOrphans[] = {
    {"cgroup", "DELETE FROM cooldown WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)"},
    {"cgroup", "DELETE FROM cgroup_limit WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)"},
    {"cgroup",
     "DELETE FROM reclaim_effect WHERE reclaim_id IN (SELECT reclaim_id FROM reclaim "
     "WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup))"},
    {"cgroup", "DELETE FROM reclaim WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)"},
    {"cgroup", "UPDATE oom_kill SET cgroup_id = NULL WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)"},
    {"cgroup", "DELETE FROM sample WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)"},
    {"cgroup", "DELETE FROM sample_hour WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)"},
    {"reclaim", "DELETE FROM reclaim_effect WHERE reclaim_id NOT IN (SELECT reclaim_id FROM reclaim)"},
    {"scan", "DELETE FROM sample WHERE scan_id NOT IN (SELECT scan_id FROM scan)"},
    {"scan",
     "UPDATE OR REPLACE rolled_up SET scan_id = (SELECT coalesce(max(scan_id), 0) FROM scan) "
     "WHERE scan_id > (SELECT coalesce(max(scan_id), 0) FROM scan)"},
};

struct Columns {
  std::string all;  // columns that both files have, separated by commas
  std::string key;  // the columns of the key, each DESC
  int count = 0;
};

Columns columns_of(SQLite::Database& from, SQLite::Database& to, const std::string& table) {
  std::vector<std::string> there;
  SQLite::Statement had(from, "SELECT name FROM pragma_table_info(?)");
  for (Use row(had, table); row.step();) there.push_back(row.text(0));
  Columns columns;
  SQLite::Statement has(to, "SELECT name, pk FROM pragma_table_info(?) ORDER BY pk");
  for (Use row(has, table); row.step();) {
    const std::string name = row.text(0);
    if (std::ranges::find(there, name) == there.end()) continue;
    columns.all += (columns.count++ == 0 ? "" : ", ") + name;
    if (row.integer(1) > 0) columns.key += (columns.key.empty() ? "" : ", ") + name + " DESC";
  }
  return columns;
}

class CarryOver {
 public:
  CarryOver(SQLite::Database& from, SQLite::Database& to) : from_(from), to_(to) {}

  /// Whether all of it could be read. Throws StoreError where it can't be written.
  bool copy(const Part& part) {
    const std::string table = part.table;
    bool complete = false;
    to_.exec("BEGIN IMMEDIATE");
    try {
      const Columns columns = columns_of(from_, to_, table);
      if (columns.count > 0) {
        complete = copy_rows(table, columns, part.where);
        // From the other end, up to the damaged part.
        if (!complete && !is_late() && !columns.key.empty())
          copy_rows(table, columns, part.where + (" ORDER BY " + columns.key));
      }
    } catch (const SQLite::Exception&) {  // the damaged side's
    }
    to_.exec("COMMIT");
    return complete;
  }

  std::int64_t copied_rows(const std::string& table) {
    return to_.execAndGet("SELECT count(*) FROM " + table).getInt64();
  }
  bool is_late() const { return steady_clock::now() >= end_; }

  /// The oldest scan to copy: two hours before the last. The index of their times may be damaged although the scans are
  /// not.
  void set_bounds() {
    for (const char* const sql : {"SELECT coalesce(min(scan_id), 0) FROM scan WHERE started_at_us > "
                                  "(SELECT max(started_at_us) FROM scan) - 7200000000",
                                  "SELECT max(scan_id) - 720 FROM sample"}) {  // one scan every 10 s
      try {
        first_scan_id_ = from_.execAndGet(sql).getInt64();
        return;
      } catch (const SQLite::Exception&) {
      }
    }
  }

 private:
  /// False: not all of it could be read.
  bool copy_rows(const std::string& table, const Columns& columns, const std::string& rest) {
    std::string places = "?";
    for (int i = 1; i < columns.count; ++i) places += ", ?";
    const Handle in = compile(from_, "SELECT " + columns.all + " FROM " + table + rest);
    const Handle out =
        compile(to_, "INSERT OR IGNORE INTO " + table + " (" + columns.all + ") VALUES (" + places + ")");
    if (sqlite3_bind_parameter_count(in.get()) >= 1) sqlite3_bind_int64(in.get(), 1, first_scan_id_);
    std::int64_t count = 0;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(in.get())) == SQLITE_ROW) {
      for (int i = 0; i < columns.count; ++i) sqlite3_bind_value(out.get(), i + 1, sqlite3_column_value(in.get(), i));
      const int stored = sqlite3_step(out.get());
      sqlite3_reset(out.get());
      if (stored != SQLITE_DONE && stored != SQLITE_CONSTRAINT)
        throw refusal(to_.getFilename(), SQLite::Exception(to_.getHandle(), stored));
      if (++count % kRowsBetweenChecks == 0 && is_late()) return false;
    }
    return code == SQLITE_DONE;
  }

  SQLite::Database& from_;
  SQLite::Database& to_;
  steady_clock::time_point end_ = steady_clock::now() + kTime;
  std::int64_t first_scan_id_ = 0;
};

std::string copy_all(SQLite::Database& from, const std::filesystem::path& to) {
  SQLite::Database database = open_for_writing(to);
  CarryOver carry(from, database);
  carry.set_bounds();
  std::vector<std::string_view> incomplete;
  for (const Part& part : kParts) {
    if (!carry.copy(part)) incomplete.emplace_back(part.table);
  }
  for (const Orphans& orphans : kOrphans) {
    if (std::ranges::find(incomplete, orphans.of) != incomplete.end()) database.exec(orphans.sql);
  }
  std::string words;
  for (const Part& part : kParts) {
    const std::int64_t count = carry.copied_rows(part.table);
    if (count > 0) words += (words.empty() ? "" : ", ") + std::to_string(count) + " of " + part.table;
  }
  words = "carried over: " + (words.empty() ? "nothing" : words) +
          (incomplete.empty() ? "; of samples those of the last two hours" : "; not complete: ");
  for (std::size_t i = 0; i < incomplete.size(); ++i) words += (i == 0 ? "" : ", ") + std::string(incomplete[i]);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  return words;
}

/// 20261124T190543Z: without characters that are special for a shell or a file system.
std::string compact(std::string utc) {
  std::erase_if(utc, [](char c) { return c == '-' || c == ':'; });
  return utc;
}

std::filesystem::path beside(const std::filesystem::path& file, const std::string& end) { return file.string() + end; }

std::int64_t size_of(const std::filesystem::path& file) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(file, error);
  return error ? 0 : static_cast<std::int64_t>(bytes);
}

/// The histories that were put aside, newest first: their names end in the time.
std::vector<std::filesystem::path> aside_of(const std::filesystem::path& file) {
  const std::string begin = file.filename().string() + ".corrupt-";
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(file.parent_path(), error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(begin) && !name.ends_with("-wal") && !name.ends_with("-shm")) found.push_back(entry.path());
  }
  std::ranges::sort(found, std::greater{});
  return found;
}

}  // namespace

std::string carry_over(SQLite::Database& from, const std::filesystem::path& to) {
  remove_database(to);
  try {
    return as_refusal(to, [&] { return copy_all(from, to); });
  } catch (const StoreError&) {
    remove_database(to);
    throw;
  }
}

std::filesystem::path put_aside(const std::filesystem::path& file, std::int64_t now_us, std::int64_t max_bytes) {
  std::filesystem::path aside = beside(file, ".corrupt-" + compact(base::format_utc(now_us)));
  std::error_code error;
  for (int i = 2; std::filesystem::exists(aside, error); ++i) {
    aside = beside(file, ".corrupt-" + compact(base::format_utc(now_us)) + "-" + std::to_string(i));
  }
  std::filesystem::rename(file, aside, error);
  if (error && error != std::errc::no_such_file_or_directory)
    throw unusable(file, "it is damaged, and can't be put aside", error.value());
  std::filesystem::rename(beside(file, "-wal"), beside(aside, "-wal"), error);  // there may be none
  std::filesystem::remove(beside(file, "-shm"), error);
  std::int64_t bytes = size_of(aside) + size_of(beside(aside, "-wal"));
  std::size_t kept = 1;
  for (const std::filesystem::path& one : aside_of(file)) {
    if (one == aside) continue;
    bytes += size_of(one) + size_of(beside(one, "-wal"));
    if (kept < kPutAsideKept && bytes <= max_bytes) {
      ++kept;
    } else {
      remove_database(one);
    }
  }
  return aside;
}

void remove_wal(const std::filesystem::path& file) {
  std::error_code ignored;
  for (const char* const end : {"-wal", "-shm", "-journal"}) std::filesystem::remove(beside(file, end), ignored);
}

/// The WAL first: alone it would be taken for that of the next file of that name.
void remove_database(const std::filesystem::path& file) {
  remove_wal(file);
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
}

}  // namespace cgmm::store
