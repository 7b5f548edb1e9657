// SPDX-License-Identifier: Apache-2.0
#include "store/archived/chunk_cache.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "store/archived/damaged_chunks.hpp"

namespace cgmm::store {
namespace {

/// Of chunks. A report must do with 32 MiB.
constexpr std::size_t kKeptBytes = std::size_t{8} << 20;
/// Of what is known of a chunk without its bytes.
constexpr std::size_t kEntryBytes = 200;
constexpr std::size_t kKeptBlocks = 8;
constexpr std::size_t kKeptInstants = 128;
constexpr std::size_t kIdleStatements = 16;

/// Resets the statement at the end, so that it does not keep a transaction open.
class Running {
 public:
  Running(sqlite3_stmt* statement, std::initializer_list<std::int64_t> values) : statement_(statement) {
    int place = 0;
    for (const std::int64_t value : values) sqlite3_bind_int64(statement_, ++place, value);
  }
  ~Running() { sqlite3_reset(statement_); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  bool step() { return next_row(statement_); }
  bool is_null(int column) { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
  std::string_view bytes(int column) {
    const void* const data = sqlite3_column_blob(statement_, column);
    if (data == nullptr) return {};
    return {static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3_stmt* statement_;
};

}  // namespace

Prepared prepare(sqlite3* database, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) throw SqlFailure{code};
  return Prepared(statement);
}

bool next_row(sqlite3_stmt* statement) {
  const int code = sqlite3_step(statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) throw SqlFailure{code};
  return code == SQLITE_ROW;
}

ChunkCache::ChunkCache(sqlite3* database, std::string_view schema)
    : database_(database), schema_(schema), schema_in_sql_("\"") {
  for (const char c : schema) schema_in_sql_ += std::string(c == '"' ? 2 : 1, c);
  schema_in_sql_ += "\".";
  idle_.reserve(kIdleStatements);
}

std::string ChunkCache::in_schema(std::string sql) const {
  constexpr std::string_view kMain = "main.";
  for (std::size_t at = 0; (at = sql.find(kMain, at)) != std::string::npos; at += schema_in_sql_.size())
    sql.replace(at, kMain.size(), schema_in_sql_);
  return sql;
}

sqlite3_stmt* ChunkCache::statement(const char* sql) {
  const auto found = statements_.find(std::string_view(sql));
  if (found != statements_.end()) return found->second.get();
  return statements_.emplace(sql, prepare(database_, in_schema(sql))).first->second.get();
}

Borrowed ChunkCache::take(std::string sql) {
  for (auto idle = idle_.begin(); idle != idle_.end(); ++idle) {
    if (idle->sql != sql) continue;
    Borrowed borrowed = std::move(*idle);
    idle_.erase(idle);
    return borrowed;
  }
  Prepared statement = prepare(database_, in_schema(sql));
  return {std::move(sql), std::move(statement)};
}

void ChunkCache::give_back(Borrowed borrowed) noexcept {
  if (!borrowed.statement || idle_.size() == idle_.capacity()) return;  // without memory for more, it is finalized
  sqlite3_reset(borrowed.get());
  idle_.push_back(std::move(borrowed));
}

void ChunkCache::refresh() {
  std::int64_t version = 0;
  {
    Running row(statement("PRAGMA main.data_version"), {});
    if (row.step()) version = row.integer(0);
  }
  const std::int64_t changes = sqlite3_total_changes64(database_);
  const char* const name = sqlite3_db_filename(database_, schema_.c_str());
  const std::string file = name != nullptr ? name : "";
  if (version == version_ && changes == changes_ && file == file_) return;
  kept_.clear();
  places_.clear();
  cgroups_.clear();
  instants_.clear();
  instant_parts_.clear();
  kept_bytes_ = 0;
  // A hostile file may have a view there that reads these samples, and so itself without end.
  if (Running(statement("SELECT 1 FROM main.sqlite_schema WHERE name COLLATE NOCASE IN "
                        "('sample', 'scan', 'archived', 'archive_chunk', 'archive_instant') "
                        "AND NOT (type = 'table' AND ifnull(sql, '') LIKE 'CREATE TABLE%')"),
              {})
          .step())
    throw SqlFailure{SQLITE_CORRUPT, "a table of the history is a view or a virtual table"};
  // A history of an earlier version has no archive, or has none of its instants.
  archived_to_ = INT64_MIN;
  has_archive_ = Running(statement("SELECT 1 FROM main.sqlite_schema WHERE name = 'archived'"), {}).step();
  if (has_archive_) {
    Running row(statement("SELECT max(scan_id) FROM main.archived"), {});
    if (row.step() && !row.is_null(0)) archived_to_ = row.integer(0);
  } else {
    list_sample_columns();
  }
  has_instants_ = Running(statement("SELECT 1 FROM main.sqlite_schema WHERE name = 'archive_instant'"), {}).step();
  version_ = version;
  changes_ = changes;
  file_ = file;
}

void ChunkCache::list_sample_columns() {
  sample_columns_.clear();
  const Prepared sample = prepare(database_, in_schema("SELECT * FROM main.sample"));
  for (int i = 0; i < sqlite3_column_count(sample.get()); ++i)
    sample_columns_.emplace_back(sqlite3_column_name(sample.get(), i));
}

bool ChunkCache::has_sample_column(std::string_view name) const {
  return has_archive_ || std::ranges::find(sample_columns_, name) != sample_columns_.end();
}

std::optional<std::int64_t> ChunkCache::next_block(std::int64_t from, std::optional<std::int64_t> cgroup_id,
                                                   bool backwards) {
  const char* const sql =
      cgroup_id ? (backwards ? "SELECT max(block) FROM main.archive_chunk WHERE cgroup_id = ?2 AND block <= ?1"
                             : "SELECT min(block) FROM main.archive_chunk WHERE cgroup_id = ?2 AND block >= ?1")
                : (backwards ? "SELECT max(block) FROM main.archive_chunk WHERE block <= ?1"
                             : "SELECT min(block) FROM main.archive_chunk WHERE block >= ?1");
  Running row(statement(sql), {from});
  if (cgroup_id) sqlite3_bind_int64(statement(sql), 2, *cgroup_id);
  if (!row.step() || row.is_null(0)) return std::nullopt;
  return row.integer(0);
}

std::shared_ptr<const std::vector<std::int64_t>> ChunkCache::cgroups_of(std::int64_t block) {
  const auto found = cgroups_.find(block);
  if (found != cgroups_.end()) return found->second;
  auto cgroups = std::make_shared<std::vector<std::int64_t>>();
  for (Running row(statement("SELECT cgroup_id FROM main.archive_chunk WHERE block = ?1 ORDER BY cgroup_id"), {block});
       row.step();)
    cgroups->push_back(row.integer(0));
  if (cgroups_.size() >= kKeptBlocks) cgroups_.clear();
  cgroups_.emplace(block, cgroups);
  return cgroups;
}

std::shared_ptr<const ChunkCache::Instants> ChunkCache::instants_of(std::int64_t block) {
  const auto found = instants_.find(block);
  if (found != instants_.end()) return found->second;
  auto instants = std::make_shared<Instants>(archive::kBlockScans);
  const std::int64_t first = archive::first_scan_of(block);
  for (Running row(statement("SELECT scan_id, started_at_us FROM main.scan WHERE scan_id BETWEEN ?1 AND ?2"),
                   {first, archive::last_scan_of(block)});
       row.step();) {
    if (!row.is_null(1)) (*instants)[static_cast<std::size_t>(row.integer(0) - first)] = row.integer(1);
  }
  if (instants_.size() >= kKeptBlocks) instants_.clear();
  instants_.emplace(block, instants);
  return instants;
}

std::shared_ptr<const std::vector<std::int64_t>> ChunkCache::instant_of(std::int64_t scan_id) {
  const auto found = instant_parts_.find(scan_id);
  if (found != instant_parts_.end()) return found->second;
  auto parts = std::make_shared<std::vector<std::int64_t>>();
  if (has_instants_) {
    for (Running row(
             statement("SELECT cgroup_block FROM main.archive_instant WHERE scan_id = ?1 ORDER BY cgroup_block"),
             {scan_id});
         row.step();)
      parts->push_back(row.integer(0));
  }
  if (instant_parts_.size() >= kKeptInstants) instant_parts_.clear();
  instant_parts_.emplace(scan_id, parts);
  return parts;
}

std::shared_ptr<archive::Chunk> ChunkCache::chunk(std::int64_t block, std::int64_t cgroup_id,
                                                  const archive::Columns& columns) {
  return kept({false, block, cgroup_id}, columns);
}

std::shared_ptr<archive::Chunk> ChunkCache::instant(std::int64_t cgroup_block, std::int64_t scan_id,
                                                    const archive::Columns& columns) {
  return kept({true, cgroup_block, scan_id}, columns);
}

std::shared_ptr<archive::Chunk> ChunkCache::kept(const Key& key, const archive::Columns& columns) {
  const auto found = places_.find(key);
  archive::Columns all = columns;
  if (found != places_.end()) {
    kept_.splice(kept_.begin(), kept_, found->second);
    if (const auto& kept = found->second->chunk; kept == nullptr || (columns & ~kept->columns()).none()) return kept;
    all |= found->second->chunk->columns();
  }
  auto chunk = read(key, all);
  if (found == places_.end()) {
    kept_.push_front({key, nullptr});
    places_.emplace(key, kept_.begin());
    kept_bytes_ += kEntryBytes;
  }
  const auto bytes_of = [](const Kept& one) { return one.chunk ? one.chunk->bytes() : 0; };
  kept_bytes_ -= bytes_of(kept_.front());
  kept_.front().chunk = std::move(chunk);
  kept_bytes_ += bytes_of(kept_.front());
  while (kept_bytes_ > kKeptBytes && kept_.size() > 1) {
    kept_bytes_ -= kEntryBytes + bytes_of(kept_.back());
    places_.erase(kept_.back().key);
    kept_.pop_back();
  }
  return kept_.front().chunk;
}

std::shared_ptr<archive::Chunk> ChunkCache::read(const Key& key, const archive::Columns& columns) {
  Running row(
      statement(key.is_instant ? "SELECT data FROM main.archive_instant WHERE cgroup_block = ?1 AND scan_id = ?2"
                               : "SELECT data FROM main.archive_chunk WHERE block = ?1 AND cgroup_id = ?2"),
      {key.block, key.owner});
  if (!row.step()) return nullptr;
  try {
    return std::make_shared<archive::Chunk>(decoder_, row.bytes(0), key.owner, key.block, columns);
  } catch (const archive::BadChunk& bad) {
    if (!key.is_instant) tell_damage(key.block, key.owner, bad.what());  // nothing is missing: the chunks have it
    return nullptr;
  }
}

void tell_damage(std::int64_t block, std::int64_t cgroup_id, const char* what) {
  if (!note_damaged_chunk(block, cgroup_id, what)) return;
  sqlite3_log(SQLITE_CORRUPT, "samples of cgroup %lld in block %lld of the archive can't be read: %s",
              static_cast<long long>(cgroup_id), static_cast<long long>(block), what);
}

}  // namespace cgmm::store
