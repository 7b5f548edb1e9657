// SPDX-License-Identifier: Apache-2.0
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "store/migrations.hpp"

namespace cgmm::store {
namespace {

std::string schema_of(SQLite::Database& database) {
  return database
      .execAndGet("SELECT coalesce(group_concat(name, ' '), '') FROM (SELECT name FROM sqlite_schema ORDER BY name)")
      .getString();
}
int version_of(SQLite::Database& database) { return database.execAndGet("PRAGMA user_version").getInt(); }

SQLite::Database empty_database() { return {":memory:", SQLite::OPEN_READWRITE}; }

constexpr std::array<core::EmbeddedText, 3> kThree = {{
    {.name = "0001_a", .text = "CREATE TABLE a (x); CREATE TABLE b (x);"},
    {.name = "0002_c", .text = "CREATE TABLE c (x); INSERT INTO a VALUES (2);"},
    {.name = "0003_broken", .text = "CREATE TABLE d (x); DELETE FROM a; INSERT INTO nowhere VALUES (1);"},
}};

TEST(Migrate, RunsEachMigrationOnceAndInOrder) {
  auto database = empty_database();
  const auto two = std::span(kThree).first(2);
  migrate(database, two);
  EXPECT_EQ(schema_of(database), "a b c");
  EXPECT_EQ(version_of(database), 2);
  migrate(database, two);
  EXPECT_EQ(database.execAndGet("SELECT count(*) FROM a").getInt(), 1);
}

TEST(Migrate, RunsOnlyThoseThatTheFileHasNotHad) {
  auto database = empty_database();
  migrate(database, std::span(kThree).first(1));
  database.exec("DROP TABLE b");  // would come back if the first ran again
  migrate(database, std::span(kThree).first(2));
  EXPECT_EQ(schema_of(database), "a c");
}

TEST(Migrate, OneThatFailsLeavesNothingOfItself) {
  auto database = empty_database();
  EXPECT_THROW(migrate(database, kThree), SQLite::Exception);
  EXPECT_EQ(schema_of(database), "a b c");
  EXPECT_EQ(version_of(database), 2);
  EXPECT_EQ(database.execAndGet("SELECT x FROM a").getInt(), 2);
}

TEST(Migrate, KillsOfAnEarlierVersionKeepTheirScope) {
  constexpr std::size_t kBefore = 6;
  auto database = empty_database();
  migrate(database, kMigrations.first(kBefore));
  database.exec(
      "INSERT INTO oom_kill (killed_at_us, source, scope, cause) VALUES (1, 'kernel_log', 'cgroup', 'anon_growth'), "
      "(2, 'kernel_log', 'node', 'node'), (3, 'counter', 'cgroup', NULL)");
  migrate(database, kMigrations);
  EXPECT_EQ(
      database
          .execAndGet("SELECT group_concat(scope || ' ' || ifnull(cause, '-') || ' ' || (end_told IS NULL), ', ') "
                      "FROM (SELECT * FROM v_oom_kill ORDER BY killed_at_us)")
          .getString(),
      "cgroup anon_growth 1, node node 1, cgroup - 1");
}

TEST(Migrate, TheViewsOfTheSchemaCanAllBeRead) {
  auto database = empty_database();
  migrate(database, kMigrations);
  EXPECT_EQ(version_of(database), static_cast<int>(kMigrations.size()));
  for (const char* view : {"v_cgroup", "v_sample", "v_reclaim", "v_oom_kill", "v_scan_gap"}) {
    SQLite::Statement statement(database, std::string("SELECT * FROM ") + view);
    EXPECT_FALSE(statement.executeStep());
  }
}

}  // namespace
}  // namespace cgmm::store
