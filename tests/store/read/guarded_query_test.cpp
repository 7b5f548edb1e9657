// SPDX-License-Identifier: Apache-2.0
// What `query`, and a report of the operator's own, must not be able to do. reader_test.cpp has what a wrong statement
// says.
#include "store/read/guarded_query.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <optional>

#include "store/file/open.hpp"
#include "store/fixture.hpp"

namespace cgmm::store {
namespace {

using Kind = StoreError::Kind;

core::Table rows_of(SQLite::Database& database, std::string_view sql) {
  core::FirstRows rows(core::kAllRows);
  run_guarded(database, sql, {}, rows);
  return rows.table;
}

class GuardedQuery : public StoreTest {
 protected:
  GuardedQuery() { make_history(); }

  core::Table run(std::string_view sql) {
    if (!connection_) connection_.emplace(open_for_reading(file(), *stamp_of(file())));
    return rows_of(*connection_, sql);
  }
  /// Why not; "" where it was run.
  std::string refusal(std::string_view sql) {
    constexpr std::string_view kBegin = "the query can't be run: ";
    try {
      run(sql);
    } catch (const StoreError& error) {
      EXPECT_EQ(error.kind(), Kind::bad_query);
      const std::string what = error.what();
      EXPECT_TRUE(what.starts_with(kBegin)) << what;
      return what.substr(kBegin.size());
    }
    return "";
  }
  void change_file(const std::string& sql) { SQLite::Database(file().string(), SQLite::OPEN_READWRITE).exec(sql); }

 private:
  std::optional<SQLite::Database> connection_;
};

TEST_F(GuardedQuery, RefusesEveryWayOutThatIsKnown) {
  const std::string other = (directory() / "other.db").string();
  const std::string would_write = "it would write, and the history is read-only here";
  const std::pair<std::string, std::string> attempts[] = {
      // To write, by other doors than INSERT and UPDATE.
      {"WITH x AS (SELECT 1) INSERT INTO node SELECT 'a', 1", would_write},
      {"REPLACE INTO node VALUES ('a', 1)", would_write},
      {"EXPLAIN DELETE FROM scan", would_write},
      {"CREATE TEMP TRIGGER t AFTER INSERT ON scan BEGIN SELECT 1; END", would_write},
      {"CREATE VIRTUAL TABLE temp.t USING fts5(x)", would_write},
      {"CREATE VIRTUAL TABLE temp.t USING rtree(a, b, c)", would_write},
      {"DELETE FROM pragma_table_info", "table pragma_table_info may not be modified"},
      {"SELECT * FROM pragma_user_version(9)", "too many arguments on pragma_user_version() - max 0"},
      {"PRAGMA main.user_version = 9", "PRAGMA user_version is not allowed"},
      {"PRAGMA main.journal_mode(DELETE)", "PRAGMA journal_mode is not allowed"},
      {"SELECT * FROM pragma_journal_mode('DELETE')", "unknown database 'DELETE'"},
      {"SELECT * FROM pragma_wal_checkpoint", "no such table: pragma_wal_checkpoint"},
      {"PRAGMA optimize", "PRAGMA optimize is not allowed"},
      {"PRAGMA wal_autocheckpoint = 1", "PRAGMA wal_autocheckpoint is not allowed"},
      {"PRAGMA trusted_schema = ON", "PRAGMA trusted_schema is not allowed"},
      {"PRAGMA mmap_size = 1000000000", "PRAGMA mmap_size is not allowed"},
      // To reach other files.
      {"ATTACH DATABASE 'file:" + other + "?mode=rwc' AS o", "ATTACH and DETACH are not allowed"},
      {"VACUUM main INTO '" + other + "'", would_write},
      {"SELECT readfile('/etc/passwd')", "no such function: readfile"},
      {"SELECT writefile('" + other + "', 'x')", "no such function: writefile"},
      {"SELECT edit('x', 'sh')", "no such function: edit"},
      {"SELECT * FROM fsdir('/')", "no such table: fsdir"},
      {"SELECT * FROM csv('/etc/passwd')", "no such table: csv"},
      // To run code.
      {"SELECT load_extension('/tmp/x', 'f')", "load_extension() is not allowed"},
      {"SELECT fts3_tokenizer('simple')", "fts3_tokenizer() is not allowed"},
      {"SELECT FTS3_Tokenizer('simple', x'4141414141414141')", "fts3_tokenizer() is not allowed"},
      // To get past the guard.
      {"PRAGMA writable_schema = RESET", "PRAGMA writable_schema is not allowed"},
      {"PRAGMA hard_heap_limit = 0", "PRAGMA hard_heap_limit is not allowed"},
      {"PRAGMA temp_store = FILE", "PRAGMA temp_store is not allowed"},
      {"PRAGMA query_only = 0; DELETE FROM scan", "PRAGMA query_only is not allowed"},
      {"SELECT 1; PRAGMA writable_schema = ON", "it is more than one statement"},
  };
  const Traces before = traces_in(directory());
  for (const auto& [sql, why] : attempts) EXPECT_EQ(refusal(sql), why) << sql;
  EXPECT_EQ(traces_in(directory()), before);
}

TEST_F(GuardedQuery, ARefusalIsTheGuardsAndNotTheReadOnlyFilesAlone) {
  SQLite::Database writable(file().string(), SQLite::OPEN_READWRITE);
  for (const char* const sql :
       {"DELETE FROM scan", "UPDATE sqlite_schema SET sql = ''", "DROP VIEW v_sample", "CREATE TEMP TABLE t (x)",
        "INSERT INTO node VALUES ('a', 1)", "PRAGMA user_version = 99", "VACUUM", "REINDEX"}) {
    EXPECT_THROW(rows_of(writable, sql), StoreError) << sql;
  }
  EXPECT_EQ(writable.execAndGet("SELECT count(*) FROM scan").getInt(), 1);
  EXPECT_NE(writable.execAndGet("PRAGMA user_version").getInt(), 99);
}

// A copied file may come from anywhere: what its views do is held to the same.
TEST_F(GuardedQuery, TheFilesOwnViewsAreNoWayOutEither) {
  change_file("CREATE VIEW loads AS SELECT load_extension('/tmp/x') AS x");
  change_file("CREATE VIEW points AS SELECT fts3_tokenizer('simple', x'4141414141414141') AS x");
  change_file("CREATE VIEW fine AS SELECT count(*) AS x FROM scan");
  EXPECT_EQ(refusal("SELECT * FROM loads"), "unsafe use of load_extension()");
  EXPECT_EQ(refusal("SELECT * FROM points"), "unsafe use of fts3_tokenizer()");
  EXPECT_EQ(shown(run("SELECT x FROM fine")), "1\n");
}

TEST_F(GuardedQuery, MakesNoValueThatFillsTheMemory) {
  for (const char* const sql : {"SELECT zeroblob(1000000000)", "SELECT length(randomblob(1000000000))",
                                "SELECT replace(hex(zeroblob(8000000)), '0', 'xxxx')"}) {
    EXPECT_EQ(refusal(sql), "string or blob too big") << sql;
  }
  EXPECT_EQ(shown(run("SELECT length(printf('%900000000d', 1))")), "NULL\n");
  EXPECT_EQ(shown(run("SELECT length(zeroblob(1000000))")), "1000000\n");
}

TEST_F(GuardedQuery, SortsInMemory) {
  SQLite::Database database(open_for_reading(file(), *stamp_of(file())));
  EXPECT_EQ(shown(rows_of(database, "SELECT value FROM json_each('[3,1,2]') ORDER BY value")), "1\n2\n3\n");
  EXPECT_EQ(database.execAndGet("PRAGMA temp_store").getInt(), 2) << "no temporary file";
}

}  // namespace
}  // namespace cgmm::store
