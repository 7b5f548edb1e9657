// SPDX-License-Identifier: Apache-2.0
#include "store/reader.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <unistd.h>

#include "store/fixture.hpp"
#include "store/migrations.hpp"

namespace cgmm::store {
namespace {

using Kind = StoreError::Kind;

class ReaderTest : public StoreTest {
 protected:
  std::string refusal_to_run(std::string_view sql, const core::Parameters& parameters = {}) const {
    const auto [kind, sentence] = refusal_of([&] { Reader(file()).run(sql, parameters); });
    EXPECT_EQ(kind, Kind::bad_query) << sql;
    return sentence;
  }
};

TEST_F(ReaderTest, ReadsBesideTheServiceWhatItHasCommitted) {
  History history(file());
  history.begin_run(kNoon, "");
  Reader reader(file());
  EXPECT_EQ(shown(reader.run("SELECT count(*) FROM scan")), "0\n");
  history.begin();
  history.record(core::Scan{.started_at_us = kNoon});
  EXPECT_EQ(shown(reader.run("SELECT count(*) FROM scan")), "0\n");
  history.commit();
  EXPECT_EQ(shown(reader.run("SELECT count(*) FROM scan")), "1\n");
}

TEST_F(ReaderTest, NoticesAServiceThatStartsAndStopsWhileItIsOpen) {
  make_history();
  Reader reader(file());
  EXPECT_EQ(shown(reader.run("SELECT count(*) FROM service_event")), "2\n");
  {
    History history(file());
    history.begin_run(kNoon + 5 * kSecond, "");
    EXPECT_EQ(shown(reader.run("SELECT count(*) FROM service_event")), "3\n");
    history.end_run(kNoon + 6 * kSecond, "");
  }
  EXPECT_EQ(shown(reader.run("SELECT count(*) FROM service_event")), "4\n");
  make_history();
  EXPECT_EQ(shown(reader.run("SELECT count(*) FROM service_event")), "6\n");
}

TEST_F(ReaderTest, LeavesNoTraceBesideAFileThatNobodyWrites) {
  make_history();
  std::filesystem::create_directory(directory() / "copy");
  const auto copy = directory() / "copy" / "incident 100%.db";
  std::filesystem::copy_file(file(), copy);
  const Traces before = traces_in(directory() / "copy");
  {
    Reader reader(copy);
    EXPECT_EQ(shown(reader.run("SELECT path FROM v_sample")), "/web\n");
    EXPECT_EQ(traces_in(directory() / "copy"), before);
  }
  EXPECT_EQ(traces_in(directory() / "copy"), before);
}

TEST_F(ReaderTest, ReadsAFileInADirectoryThatIsNotWritable) {
  make_history();
  std::filesystem::permissions(file(), std::filesystem::perms(0444));
  std::filesystem::permissions(directory(), std::filesystem::perms(0555));
  const bool root = ::geteuid() == 0;
  if (root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  EXPECT_EQ(query("SELECT path FROM v_sample"), "/web\n");
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  std::filesystem::permissions(directory(), std::filesystem::perms(0755));
}

TEST_F(ReaderTest, ACopyTakenWithItsLogHasAllOfIt) {
  History history(file());
  history.begin_run(kNoon, "in the log only");
  std::filesystem::create_directory(directory() / "copy");
  std::filesystem::copy_file(file(), directory() / "copy" / "history.db");
  std::filesystem::copy_file(file().string() + "-wal", directory() / "copy" / "history.db-wal");
  EXPECT_EQ(shown(Reader(directory() / "copy" / "history.db").run("SELECT detail FROM service_event")),
            "in the log only\n");
}

TEST_F(ReaderTest, GivesValuesTheirTypesAndTextItsBytes) {
  make_history();
  const core::Table table = Reader(file()).run(
      "SELECT 1 AS a, -9223372036854775807 - 1 AS b, 0.5 AS c, NULL AS d, 'x' AS e, x'00ff' AS f, '' AS g, "
      "x'' AS h");
  EXPECT_EQ(table.columns, (std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g", "h"}));
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0],
            (std::vector<core::Cell>{std::int64_t{1}, std::int64_t{INT64_MIN}, 0.5, std::monostate{}, std::string("x"),
                                     std::string("\0\xff", 2), std::string(), std::string()}));
}

TEST_F(ReaderTest, GivesTheRowsOneByOne) {
  make_history();
  core::FirstRows rows(2);
  Reader reader(file());
  for (int time = 1; time <= 2; ++time) {
    reader.run("SELECT value FROM json_each('[3,1,2,4,5]')", {}, rows);
    EXPECT_EQ(rows.table.columns, std::vector<std::string>{"value"});
    EXPECT_EQ(shown(rows.table), "3\n1\n") << "an answer that is read again begins anew";
    EXPECT_EQ(rows.table.more_rows, 3);
  }
}

TEST_F(ReaderTest, BindsTheParametersThatTheStatementHasAndIgnoresTheOthers) {
  make_history();
  Reader reader(file());
  const core::Parameters parameters = {
      {"n", std::int64_t{5}}, {"r", 0.25}, {"t", std::string("a\0'b", 4)}, {"z", {}}, {"unused", std::int64_t{1}}};
  const core::Table table = reader.run("SELECT :n, @r, $t, :z, :n + 1", parameters);
  EXPECT_EQ(table.rows.at(0), (std::vector<core::Cell>{std::int64_t{5}, 0.25, std::string("a\0'b", 4), std::monostate{},
                                                       std::int64_t{6}}));
}

TEST_F(ReaderTest, TakesCommentsAndSemicolonsAroundTheOneStatement) {
  make_history();
  for (const char* sql :
       {"SELECT 1", "SELECT 1;", " -- title\n/* x */ SELECT 1 ; ; -- end", "SELECT 1;\n\n/* end */\n", ";;SELECT 1;",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1) SELECT i FROM n"}) {
    EXPECT_EQ(query(sql), "1\n") << sql;
  }
}

TEST_F(ReaderTest, ThePragmasThatOnlyTellAreAllowed) {
  make_history();
  EXPECT_NE(query("PRAGMA table_info(scan)"), "");
  EXPECT_NE(query("PRAGMA table_list"), "");
  EXPECT_NE(query("PRAGMA index_list('scan')"), "");
  EXPECT_EQ(query("SELECT name FROM pragma_table_info('scan') WHERE pk = 1"), "scan_id\n");
  EXPECT_EQ(query("SELECT value FROM json_each('[5]')"), "5\n");
  EXPECT_EQ(query("PRAGMA user_version"), std::to_string(kMigrations.size()) + "\n");
  EXPECT_EQ(query("PRAGMA quick_check"), "ok\n");
  EXPECT_NE(query("EXPLAIN QUERY PLAN SELECT * FROM scan"), "");
}

TEST_F(ReaderTest, SaysInOneSentenceWhatIsWrongWithTheSql) {
  make_history();
  const struct {
    std::string sql;
    const char* why;
  } cases[] = {
      {"SELEC 1", "near \"SELEC\": syntax error"},
      {"SELECT * FROM nowhere", "no such table: nowhere"},
      {"SELECT usage FROM scan", "no such column: usage"},
      {"SELECT 'open", "unrecognized token: \"'open\""},
      {"SELECT (", "incomplete input"},
      {"", "there is no statement in it"},
      {" -- only a comment\n;", "there is no statement in it"},
      {"SELECT 1; SELECT 2", "it is more than one statement"},
      {"SELECT 1; nonsense", "it is more than one statement"},
      {"SELECT 1; DROP TABLE scan", "it is more than one statement"},
      {std::string("SELECT 1\0; DROP TABLE scan", 26), "it has a NUL byte in it"},
      {"SELECT :since", "it has the parameter :since, which is not given"},
      {"SELECT ?1", "it has the parameter ?1, which is not given"},
      {"SELECT ?", "its parameters need names, ':since' and not '?'"},
      {"SELECT abs(-9223372036854775807 - 1)", "integer overflow"},
  };
  for (const auto& [sql, why] : cases) EXPECT_EQ(refusal_to_run(sql), std::string("the query can't be run: ") + why);
}

TEST_F(ReaderTest, RefusesWhateverWouldWriteAttachOrLoad) {
  const std::string would_write = "it would write, and the history is read-only here";
  const std::string attach = "ATTACH and DETACH are not allowed";
  const std::string transactions = "transactions are not allowed";
  const std::string other = (directory() / "other.db").string();
  const std::pair<std::string, std::string> cases[] = {
      {"INSERT INTO node VALUES ('a', 1)", would_write},
      {"INSERT INTO node VALUES ('a', 1) RETURNING key", would_write},
      {"UPDATE scan SET late_us = 0", would_write},
      {"DELETE FROM scan", would_write},
      {"WITH x AS (SELECT 1) DELETE FROM scan", would_write},
      {"DROP TABLE scan", would_write},
      {"UPDATE sqlite_schema SET sql = ''", "table sqlite_master may not be modified"},
      {"DROP VIEW v_sample", would_write},
      {"ALTER TABLE scan RENAME TO x", would_write},
      {"CREATE TABLE t (x)", would_write},
      {"CREATE TEMP TABLE t (x)", would_write},
      {"CREATE TEMP VIEW t AS SELECT 1", would_write},
      {"CREATE VIRTUAL TABLE t USING fts5(x)", would_write},
      {"REINDEX", would_write},
      {"ANALYZE", would_write},
      {"VACUUM", would_write},
      {"VACUUM INTO '" + other + "'", would_write},
      {"ATTACH '" + other + "' AS other", attach},
      {"DETACH main", attach},
      {"BEGIN", transactions},
      {"BEGIN IMMEDIATE", transactions},
      {"COMMIT", transactions},
      {"SAVEPOINT s", transactions},
      {"SELECT load_extension('x')", "load_extension() is not allowed"},
      {"PRAGMA user_version = 9", "PRAGMA user_version is not allowed"},
      {"PRAGMA journal_mode = DELETE", "PRAGMA journal_mode is not allowed"},
      {"PRAGMA writable_schema = ON", "PRAGMA writable_schema is not allowed"},
      {"PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA wal_checkpoint is not allowed"},
      {"PRAGMA incremental_vacuum", "PRAGMA incremental_vacuum is not allowed"},
      {"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA locking_mode is not allowed"},
      {"PRAGMA temp_store_directory = '/'", "PRAGMA temp_store_directory is not allowed"},
      {"PRAGMA query_only = OFF", "PRAGMA query_only is not allowed"},
  };
  make_history();
  const Traces before = traces_in(directory());
  for (const auto& [sql, why] : cases) EXPECT_EQ(refusal_to_run(sql), "the query can't be run: " + why) << sql;
  EXPECT_EQ(traces_in(directory()), before);
  const History history(file());  // with a log that could be written, too
  for (const auto& [sql, why] : cases) EXPECT_EQ(refusal_to_run(sql), "the query can't be run: " + why) << sql;
  EXPECT_FALSE(std::filesystem::exists(other));
}

TEST_F(ReaderTest, ARefusedQueryDoesNotSpoilTheNext) {
  make_history();
  Reader reader(file());
  EXPECT_THROW(reader.run("DELETE FROM scan"), StoreError);
  EXPECT_THROW(reader.run("SELECT abs(-9223372036854775807 - 1)"), StoreError);
  EXPECT_EQ(shown(reader.run("SELECT count(*) FROM scan")), "1\n");
}

TEST_F(ReaderTest, SaysSoWhenTheFileIsTakenAway) {
  make_history();
  Reader reader(file());
  std::filesystem::remove(file());
  EXPECT_EQ(refusal_of([&] { reader.run("SELECT 1"); }).first, Kind::missing);
}

TEST_F(ReaderTest, AHistoryOfAnEarlierVersionIsReadAsIfItWereOfToday) {
  make_history();
  const std::string application_id = query("PRAGMA application_id");
  std::filesystem::remove(file());
  {
    SQLite::Database first(file().string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    first.exec(std::string(kMigrations[0].text));
    first.exec("PRAGMA user_version = 1; PRAGMA application_id = " + application_id);
    first.exec("INSERT INTO cgroup (path, inode, first_seen_at_us, last_seen_at_us) VALUES ('/web', 7, 1, 1)");
    first.exec(
        "INSERT INTO reclaim (cgroup_id, started_at_us, method, threshold_bytes, freed_bytes, outcome) "
        "VALUES (1, 1, 'force_empty', 16, 40, 'done')");
    first.exec("INSERT INTO reclaim_effect (reclaim_id, observed_for_us, verdict) VALUES (1, 5, 'churn')");
    first.exec(
        "INSERT INTO sample (scan_id, cgroup_id, usage_kib, file_kib, shmem_kib) VALUES (1, 1, 100, 50, 10); "
        "INSERT INTO scan (scan_id, started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us) "
        "VALUES (1, 1, 1, 1, 0, 0, 1)");
  }
  const Traces before = traces_in(directory());
  EXPECT_EQ(query("SELECT path, freed_bytes, stopped_by, swapped_out_bytes, verdict, judged_by FROM v_reclaim"),
            "/web|40|NULL|NULL|churn|NULL\n");
  EXPECT_EQ(query("SELECT count(*), count(step_count), sum(threshold_bytes) FROM reclaim"), "1|0|16\n");
  EXPECT_EQ(query("SELECT ended_by, observed_for_us FROM reclaim_effect"), "NULL|5\n");
  EXPECT_EQ(query("SELECT reclaimable_cache_kib, held_kib FROM sample"), "40|60\n") << "what is computed is there, too";
  EXPECT_EQ(query("SELECT reclaimable_cache_bytes, held_bytes FROM v_sample"), "40960|61440\n");
  EXPECT_EQ(query("PRAGMA user_version"), "1\n") << "it is not migrated";
  EXPECT_EQ(traces_in(directory()), before);

  History(file()).begin_run(kNoon, "");
  EXPECT_EQ(query("SELECT path, freed_bytes, verdict, effect_ended_by FROM v_reclaim"), "/web|40|churn|stop\n")
      << "the service migrates it";
}

}  // namespace
}  // namespace cgmm::store
