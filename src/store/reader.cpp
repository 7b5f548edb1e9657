// SPDX-License-Identifier: Apache-2.0
#include "store/reader.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "archive/chunk.hpp"
#include "store/archived/samples_table.hpp"
#include "store/file/open.hpp"
#include "store/migrations.hpp"
#include "store/read/grouped.hpp"
#include "store/read/guarded_query.hpp"
#include "store/refusal.hpp"
#include "store/statement.hpp"

namespace cgmm::store {
namespace {

/// How often to read again a file that changes while it is read without locks.
constexpr int kAttempts = 5;

/// A view of the table with today's columns; "": it has all of them.
std::string select_as_current(const std::string& table, const std::vector<std::string>& now,
                              const std::vector<std::string>& then) {
  const auto was_there = [&](const std::string& name) { return std::ranges::find(then, name) != then.end(); };
  if (std::ranges::all_of(now, was_there)) return "";
  std::string columns;
  for (const std::string& name : now) {
    columns += (columns.empty() ? "" : ", ") + std::string(was_there(name) ? "" : "NULL AS ") + name;
  }
  return "SELECT " + columns + (then.empty() ? " WHERE 0" : " FROM main." + table);
}

/// A generated column: how it is computed, "(...)", as the table's SQL has it.
std::string expression_of(const std::string& column, const std::string& table_sql) {
  const std::size_t begin = table_sql.find('(', table_sql.find(" " + column + " INTEGER AS "));
  int depth = 0;
  for (std::size_t at = begin; at < table_sql.size(); ++at) {
    if (table_sql[at] == '(') ++depth;
    if (table_sql[at] == ')' && --depth == 0) return table_sql.substr(begin, at + 1 - begin);
  }
  return "NULL";
}

/// The same with the generated columns, which may be computed from each other.
std::string with_generated(std::string select, SQLite::Database& current, const std::string& table,
                           const std::string& table_sql) {
  SQLite::Statement generated(current, "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 2 ORDER BY cid");
  generated.bind(1, table);
  while (generated.executeStep()) {
    const std::string name = generated.getColumn(0).getString();
    select.insert(0, "SELECT *, " + expression_of(name, table_sql) + " AS " + name + " FROM (").append(")");
  }
  return select;
}

/// Reads a history of an earlier version as if it had today's schema, because a reader never migrates: temporary views
/// over the tables and views that have changed since. Missing columns are NULL, missing tables are empty.
void read_as_current(SQLite::Database& database) {
  if (database.execAndGet("PRAGMA user_version").getInt() == static_cast<int>(kMigrations.size())) return;
  SQLite::Database current(":memory:", SQLite::OPEN_READWRITE);
  migrate(current, kMigrations);
  database.exec("PRAGMA temp_store = MEMORY");
  Statements sql(current);
  for (Use row = sql.use("SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'view') "
                         "AND name NOT LIKE 'sqlite%' ORDER BY type, rowid");
       row.step();) {
    const std::string name = row.text(1);
    if (row.text(0) == "table") {
      const std::string select = select_as_current(name, column_names(current, name), column_names(database, name));
      if (!select.empty())
        database.exec("CREATE TEMP VIEW " + name + " AS " + with_generated(select, current, name, row.text(2)));
    } else {
      constexpr std::string_view kCreate = "CREATE ";
      database.exec("CREATE TEMP " + row.text(2).substr(kCreate.size()));
    }
  }
}

/// The last one that a migration makes.
std::string text_of_view(std::string_view view) {
  const std::string begin = "CREATE VIEW " + std::string(view) + " AS";
  std::string found;
  for (const core::EmbeddedText& migration : kMigrations) {
    const std::size_t at = migration.text.rfind(begin);
    if (at != std::string_view::npos) found = migration.text.substr(at, migration.text.find(';', at) - at);
  }
  return found;
}

/// From now on `sample` and v_sample have the archived samples, too. Until something is archived, the table itself is
/// quicker. False: nothing is.
bool read_archive_too(SQLite::Database& database) {
  const auto has_some = [&](const char* sql) { return database.execAndGet(sql).getInt() != 0; };
  if (!has_some("SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = 'archived' AND type = 'table')"))
    return false;
  if (!has_some("SELECT EXISTS (SELECT 1 FROM main.archived)")) return false;
  if (const int code = add_archive_tables(database.getHandle()); code != SQLITE_OK)
    throw SQLite::Exception(database.getHandle(), code);
  database.exec("PRAGMA temp_store = MEMORY");
  std::string columns = "scan_id, cgroup_id";
  for (const std::string_view name : archive::kColumns) columns += ", " + std::string(name);
  database.exec("DROP VIEW IF EXISTS temp.sample; DROP VIEW IF EXISTS temp.v_sample");
  database.exec("CREATE TEMP VIEW sample AS SELECT " + columns + ", reclaimable_cache_kib, held_kib FROM all_samples");
  constexpr std::string_view kCreate = "CREATE ";
  database.exec("CREATE TEMP " + text_of_view("v_sample").substr(kCreate.size()));
  return true;
}

/// All that a statement reads is of one moment, also what virtual tables read for it.
class ReadTransaction {
 public:
  explicit ReadTransaction(SQLite::Database& database) : database_(database) { database_.exec("BEGIN"); }
  ~ReadTransaction() { database_.tryExec("ROLLBACK"); }
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;

 private:
  SQLite::Database& database_;
};

}  // namespace

struct Reader::Impl {
  explicit Impl(std::filesystem::path name) : file(std::move(name)) {}
  explicit Impl(SQLite::Database copy) : file("the copy in memory"), is_copy(true), connection(std::move(copy)) {
    add_grouped(connection->getHandle());
  }

  /// A read without locks is valid only if nobody wrote meanwhile.
  bool outdated() const { return !is_copy && !(stamp && stamp->wal_pending) && stamp_of(file) != stamp; }

  void open() {
    connection.reset();
    has_archive = false;
    stamp = stamp_of(file);
    if (!stamp || inspect(file, Thoroughness::header) == Content::none) throw missing(file);
    as_refusal(file, [&] {
      connection.emplace(open_for_reading(file, *stamp));
      read_as_current(*connection);
      add_grouped(connection->getHandle());
    });
  }

  /// Calls `read`, and calls it again if the file was written meanwhile.
  template <class Read>
  auto undisturbed(Read read) {
    for (int attempt = 1;; ++attempt) {
      try {
        if (!connection || outdated()) open();
        auto result = read();
        if (attempt == kAttempts || !outdated()) return result;
      } catch (const StoreError&) {
        if (attempt == kAttempts || !outdated()) throw;
      }
      connection.reset();
    }
  }

  void run(std::string_view sql, const core::Parameters& parameters, core::RowSink& rows) {
    if (!has_archive && !is_copy) has_archive = read_archive_too(*connection);
    std::optional<ReadTransaction> transaction;
    if (has_archive) transaction.emplace(*connection);
    run_guarded(*connection, sql, parameters, rows);
  }

  std::filesystem::path file;
  bool is_copy = false;
  bool has_archive = false;        // and it is read
  std::optional<FileStamp> stamp;  // at opening
  std::optional<SQLite::Database> connection;
};

Reader::Reader(const std::filesystem::path& file) : impl_(std::make_unique<Impl>(file)) {
  impl_->undisturbed([] { return true; });
}

Reader::Reader(HistoryCopy copy) : impl_(std::make_unique<Impl>(std::move(*copy.database_))) {}

Reader::~Reader() = default;

core::Table Reader::run(std::string_view sql, const core::Parameters& parameters) {
  core::FirstRows rows(core::kAllRows);
  run(sql, parameters, rows);
  return std::move(rows.table);
}

void Reader::run(std::string_view sql, const core::Parameters& parameters, core::RowSink& rows) {
  impl_->undisturbed([&] {
    as_refusal(impl_->file, [&] { impl_->run(sql, parameters, rows); });
    return true;
  });
}

}  // namespace cgmm::store
