// SPDX-License-Identifier: Apache-2.0
#include "store/file/salvage.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "archive/chunk.hpp"
#include "base/units.hpp"
#include "store/file/open.hpp"
#include "store/refusal.hpp"
#include "store/statement.hpp"
#include "store/write/changes.hpp"

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
  const char* backwards;   // its order from the other end
  const char* where = "";  // which rows
  const char* order = "";  // "": the table's own
  int percent = 100;       // of the time that is left
  bool is_rest = false;    // what an earlier part of the table had no time for
};
constexpr const char* kNewestHoursFirst = " ORDER BY hour_at_us DESC, cgroup_id DESC";
/// In this order. `rolled_up` follows the scans that it is about. Of a long history there is time for a part: the
/// newest hours, then the newest scans and blocks of the archive.
constexpr Part kParts[] = {{"node", "key DESC"},
                           {"cgroup", "cgroup_id DESC"},
                           {"cooldown", "cgroup_id DESC"},
                           {"kernel_log", "boot_id"},
                           {"oom_kill", "oom_kill_id DESC"},
                           {"oom_process", "oom_kill_id DESC, place DESC"},
                           {"oom_node", "oom_kill_id DESC"},
                           {"oom_count", "at_us DESC, cgroup_id DESC"},
                           {"stuck", "stuck_id DESC"},
                           {"reclaim", "reclaim_id DESC"},
                           {"reclaim_effect", "reclaim_id DESC"},
                           {"service_event", "service_event_id DESC"},
                           {"cgroup_limit", "cgroup_id DESC, changed_at_us DESC"},
                           {"scan", "scan_id DESC", " WHERE scan_id >= ?1"},
                           {"sample", "scan_id DESC, cgroup_id DESC", " WHERE scan_id >= ?1"},
                           {"rolled_up", "scan_id DESC"},
                           {"sample_hour", "hour_at_us, cgroup_id", "", kNewestHoursFirst, 30},
                           {"archived", "scan_id"},
                           {"scan", "scan_id", " WHERE scan_id < ?1", " ORDER BY scan_id DESC", 40},
                           {"sample", "scan_id DESC, cgroup_id DESC", " WHERE scan_id < ?1 AND scan_id > ?2",
                            " ORDER BY scan_id DESC, cgroup_id DESC"},
                           {"archive_chunk", "chunk_id", "", " ORDER BY chunk_id DESC"},
                           {"sample_hour", "hour_at_us, cgroup_id", "", kNewestHoursFirst, 100, true}};

/// Rows that mean nothing without another row. An id that is lost is given to another row later.
constexpr const char* kDropOrphans =
    "DELETE FROM cooldown WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup);"
    "DELETE FROM cgroup_limit WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup);"
    "DELETE FROM reclaim WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup);"
    "DELETE FROM reclaim_effect WHERE reclaim_id NOT IN (SELECT reclaim_id FROM reclaim);"
    "UPDATE oom_kill SET cgroup_id = NULL WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup);"
    "DELETE FROM oom_process WHERE oom_kill_id NOT IN (SELECT oom_kill_id FROM oom_kill);"
    "DELETE FROM oom_node WHERE oom_kill_id NOT IN (SELECT oom_kill_id FROM oom_kill);"
    "DELETE FROM oom_count WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup);"
    "DELETE FROM stuck WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup);"
    "DELETE FROM sample WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)"
    "  OR scan_id NOT IN (SELECT scan_id FROM scan);"
    "DELETE FROM sample_hour WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup);"
    "UPDATE OR REPLACE rolled_up SET scan_id = (SELECT coalesce(max(scan_id), 0) FROM scan)"
    "  WHERE scan_id > (SELECT coalesce(max(scan_id), 0) FROM scan);"
    "DELETE FROM archive_chunk WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup);"
    // How far the archive is complete can't be read: as far as there are no other samples.
    "INSERT INTO archived (scan_id) SELECT max(block) * 1440 + 1439 FROM archive_chunk WHERE NOT EXISTS "
    "  (SELECT 1 FROM archived) AND block * 1440 + 1439 < coalesce((SELECT min(scan_id) FROM sample), 9e18)"
    "  HAVING max(block) IS NOT NULL;";

/// Chunks of a block that is not complete, whose samples were copied from `sample`; and those without times.
constexpr const char* kDropUnfinished =
    "DELETE FROM archive_chunk WHERE block * 1440 + 1439 > (SELECT coalesce(max(scan_id), -1) FROM archived);"
    "DELETE FROM archive_chunk WHERE block IN (SELECT block FROM (SELECT DISTINCT block FROM archive_chunk) "
    "  WHERE NOT EXISTS (SELECT 1 FROM scan WHERE scan_id BETWEEN block * 1440 AND block * 1440 + 1439));";
static_assert(archive::kBlockScans == 1440);

class CarryOver {
 public:
  CarryOver(SQLite::Database& from, SQLite::Database& to) : from_(from), to_(to) {}

  /// Whether all of it could be read. Throws StoreError where it can't be written.
  bool copy(const Part& part) {
    const std::string table = part.table;
    bool complete = false;
    part_end_ = steady_clock::now() + (end_ - steady_clock::now()) * part.percent / 100;
    to_.exec("BEGIN IMMEDIATE");
    try {
      complete = copy_rows(table, std::string(part.where) + part.order);
      // From the other end, up to the damaged part.
      if (!complete && !is_late()) copy_rows(table, std::string(part.where) + " ORDER BY " + part.backwards);
    } catch (const SQLite::Exception&) {  // the damaged side's
    }
    to_.exec("COMMIT");
    return complete;
  }

  std::int64_t damaged_chunks() const { return damaged_chunks_; }

  /// The oldest scan to copy with the first: two hours before the last. The index of their times may be damaged
  /// although the scans are not. Where there is an archive, all later samples are copied, too.
  void set_bounds() {
    try {
      const SQLite::Column archived = from_.execAndGet("SELECT max(scan_id) FROM archived");
      if (!archived.isNull()) archived_to_ = archived.getInt64();
    } catch (const SQLite::Exception&) {  // or an earlier version, which has none
    }
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
  bool is_late() const { return steady_clock::now() >= part_end_; }

  /// False: not all of it could be read.
  bool copy_rows(const std::string& table, const std::string& rest) {
    const std::vector<std::string> there = column_names(from_, table);
    std::string columns, places;  // that both files have
    int column_count = 0;
    for (const std::string& name : column_names(to_, table)) {
      if (std::ranges::find(there, name) == there.end()) continue;
      columns += (column_count > 0 ? ", " : "") + name;
      places += column_count++ > 0 ? ", ?" : "?";
    }
    if (column_count == 0) return false;
    const Handle in = compile(from_, "SELECT " + columns + " FROM " + table + rest);
    // The new history's own history_id gives way.
    const std::string verb = table == "node" ? "INSERT OR REPLACE INTO " : "INSERT OR IGNORE INTO ";
    const Handle out = compile(to_, verb + table + " (" + columns + ") VALUES (" + places + ")");
    if (sqlite3_bind_parameter_count(in.get()) >= 1) sqlite3_bind_int64(in.get(), 1, first_scan_id_);
    if (sqlite3_bind_parameter_count(in.get()) >= 2) sqlite3_bind_int64(in.get(), 2, archived_to_);
    const bool is_archive = table == "archive_chunk";
    std::int64_t count = 0;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(in.get())) == SQLITE_ROW) {
      if (is_archive && !is_sound(in.get())) continue;
      for (int i = 0; i < column_count; ++i) sqlite3_bind_value(out.get(), i + 1, sqlite3_column_value(in.get(), i));
      const int stored = sqlite3_step(out.get());
      sqlite3_reset(out.get());
      if (stored != SQLITE_DONE && stored != SQLITE_CONSTRAINT)
        throw refusal(to_.getFilename(), SQLite::Exception(to_.getHandle(), stored));
      if (++count % kRowsBetweenChecks != 0) continue;
      if (is_late()) return false;
      if (!is_archive) continue;
      try {
        to_.exec("COMMIT; BEGIN IMMEDIATE");  // else the WAL would have all of it
      } catch (const SQLite::Exception& error) {
        throw refusal(to_.getFilename(), error);
      }
    }
    return code == SQLITE_DONE;
  }

  /// Whether the chunk of this row can be read. Its columns are those of the table, in their order.
  bool is_sound(sqlite3_stmt* row) {
    const auto* const data = static_cast<const char*>(sqlite3_column_blob(row, kDataColumn));
    const auto bytes = static_cast<std::size_t>(sqlite3_column_bytes(row, kDataColumn));
    try {
      if (!decoder_) decoder_.emplace();
      archive::Chunk(*decoder_, {data == nullptr ? "" : data, bytes}, sqlite3_column_int64(row, kCgroupColumn),
                     sqlite3_column_int64(row, kBlockColumn), archive::Columns());
      return true;
    } catch (const archive::BadChunk&) {
      ++damaged_chunks_;
      return false;
    }
  }
  static constexpr int kBlockColumn = 1, kCgroupColumn = 2, kDataColumn = 8;  // of archive_chunk

  SQLite::Database& from_;
  SQLite::Database& to_;
  std::optional<archive::Decoder> decoder_;
  std::int64_t damaged_chunks_ = 0;
  std::int64_t archived_to_ = INT64_MAX;  // all samples up to the first scan that is copied
  const steady_clock::time_point end_ = steady_clock::now() + kTime;
  steady_clock::time_point part_end_;
  std::int64_t first_scan_id_ = 0;
};

std::string copy_all(SQLite::Database& from, const std::filesystem::path& to) {
  SQLite::Database database = open_for_writing(to);
  CarryOver carry(from, database);
  carry.set_bounds();
  std::vector<std::string_view> incomplete;
  for (const Part& part : kParts) {
    const bool is_missed = std::ranges::find(incomplete, part.table) != incomplete.end();
    if (part.is_rest && !is_missed) continue;
    const bool is_complete = carry.copy(part);
    if (part.is_rest && is_complete) std::erase(incomplete, part.table);
    if (!is_complete && !is_missed) incomplete.emplace_back(part.table);
  }
  if (!incomplete.empty()) database.exec(kDropOrphans);
  database.exec(kDropUnfinished);
  renew_changes(from, database);
  std::string words;
  std::vector<std::string_view> told;
  for (const Part& part : kParts) {
    if (std::ranges::find(told, part.table) != told.end()) continue;
    told.emplace_back(part.table);
    const std::int64_t count = database.execAndGet(std::string("SELECT count(*) FROM ") + part.table).getInt64();
    if (count > 0) words += (words.empty() ? "" : ", ") + std::to_string(count) + " of " + part.table;
  }
  words = "carried over: " + (words.empty() ? "nothing" : words);
  if (carry.damaged_chunks() > 0)
    words += "; " + base::counted(carry.damaged_chunks(), "chunk") + " of the archive " +
             (carry.damaged_chunks() == 1 ? "is" : "are") + " damaged";
  const bool has_archive = database.execAndGet("SELECT EXISTS (SELECT 1 FROM archived)").getInt() != 0;
  if (incomplete.empty()) words += has_archive ? "; of samples all" : "; of samples those of the last two hours";
  for (std::size_t i = 0; i < incomplete.size(); ++i)
    words += (i == 0 ? "; not complete: " : ", ") + std::string(incomplete[i]);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  return words;
}

/// SQLite reads nothing of a file that is shorter than its header says, except where its schema is writable: then it
/// reads the pages that are there. Of a connection that can write, this would change more.
void read_also_if_cut_short(SQLite::Database& database) {
  if (sqlite3_db_readonly(database.getHandle(), "main") == 1)
    sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, nullptr);
}

std::filesystem::path beside(const std::filesystem::path& file, const std::string& end) { return file.string() + end; }

const char* word_for(Aside why) {
  switch (why) {
    case Aside::corrupt:
      return ".corrupt-";
    case Aside::foreign:
      return ".foreign-";
    case Aside::newer:
      return ".newer-";
    case Aside::interim:
      break;
  }
  return ".interim-";
}

/// Not of one that is open: closing it would release SQLite's locks.
bool was_history(const std::filesystem::path& file) {
  std::string beginning(kBeginningBytes, '\0');
  std::ifstream(file, std::ios::binary).read(beginning.data(), kBeginningBytes);
  return looks_like_history(beginning);
}

/// `kept` is there in any case.
void remove_what_is_too_much(const std::vector<std::filesystem::path>& all, const std::filesystem::path& kept,
                             std::int64_t max_bytes) {
  const auto bytes_of = [](const auto& database) { return size_of(database) + size_of(beside(database, "-wal")); };
  std::int64_t bytes = bytes_of(kept);
  std::size_t count = 1;
  for (const std::filesystem::path& one : all) {
    if (one == kept || !was_history(one)) continue;
    bytes += bytes_of(one);
    if (++count > kPutAsideKept || bytes > max_bytes) remove_database(one);
  }
}

}  // namespace

std::string carry_over(SQLite::Database& from, const std::filesystem::path& to) {
  remove_database(to);
  read_also_if_cut_short(from);
  try {
    return as_refusal(to, [&] { return copy_all(from, to); });
  } catch (const StoreError&) {
    remove_database(to);
    throw;
  }
}

void begin_under_another_id(const std::filesystem::path& file) {
  as_refusal(file, [&] {
    SQLite::Database(file.string(), SQLite::OPEN_READWRITE)
        .exec("UPDATE node SET value = lower(hex(randomblob(16))) WHERE key = 'history_id'");
  });
}

std::filesystem::path put_aside(const std::filesystem::path& file, Aside why, std::int64_t now_us,
                                std::int64_t max_bytes) {
  // 20261124T190543Z: without characters that are special for a shell or a file system.
  std::string now = base::format_utc(now_us);
  std::erase_if(now, [](char c) { return c == '-' || c == ':'; });
  const std::filesystem::path first = beside(file, word_for(why) + now);
  std::filesystem::path aside = first;
  std::error_code error;
  for (int i = 2; std::filesystem::exists(aside, error); ++i) aside = beside(first, "-" + std::to_string(i));
  std::filesystem::rename(file, aside, error);
  if (error && error != std::errc::no_such_file_or_directory)
    throw unusable(file, "it is no history to go on with, and can't be put aside", error.value());
  if (why == Aside::corrupt) std::filesystem::remove(beside(file, "-shm"), error);
  for (const char* const end : {"-wal", "-journal", "-shm"})  // those that there are
    std::filesystem::rename(beside(file, end), beside(aside, end), error);
  if (why == Aside::corrupt || why == Aside::interim)
    remove_what_is_too_much(those_put_aside(file, why), aside, max_bytes);
  return aside;
}

bool was_put_aside(const std::filesystem::path& file, Aside why) {
  const std::string name = file.filename().string();
  const std::size_t at = name.rfind(word_for(why));
  if (at == std::string::npos) return false;
  std::string time = name.substr(at + std::strlen(word_for(why)));
  time = time.substr(0, time.find('-'));  // the number behind it, if there is one
  std::ranges::replace_if(time, [](unsigned char c) { return std::isdigit(c) != 0; }, '0');
  return time == "00000000T000000Z";
}

/// Their names end in the time.
std::vector<std::filesystem::path> those_put_aside(const std::filesystem::path& file, Aside why) {
  const std::string begin = file.filename().string() + word_for(why);
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(file.parent_path(), error)) {
    const std::string name = entry.path().filename().string();
    const bool is_beside = name.ends_with("-wal") || name.ends_with("-shm") || name.ends_with("-journal");
    if (name.starts_with(begin) && !is_beside) found.push_back(entry.path());
  }
  std::ranges::sort(found, std::greater{});
  return found;
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
