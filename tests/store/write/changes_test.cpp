// SPDX-License-Identifier: Apache-2.0
#include <SQLiteCpp/SQLiteCpp.h>

#include "store/migrations.hpp"
#include "store/retention_fixture.hpp"

namespace cgmm::store {
namespace {

const core::CgroupId kChanging{"/web", 1};
const core::CgroupRef kChangingRef = test::tracked(1, kChanging);

core::Scan changing_at(std::int64_t at_us, const core::CgroupRef& web = kChangingRef) {
  return {.started_at_us = at_us, .interval_us = 10 * kSecond, .rows = {{.cgroup = web}}};
}
core::CountedOomKills counted_of_it(std::int64_t at_us) {
  return {.id = kChanging, .since_at_us = at_us - 10 * kSecond, .at_us = at_us, .count = 1};
}

class ChangesTest : public StoreTest {
 protected:
  ChangesTest() : history_(file()) {
    history_.begin_run(kNoon, "");
    store(history_, changing_at(kNoon));
    news();
  }

  /// Kind and row of each change since the last call, in the order of their revisions.
  std::string news() {
    const std::string since = std::to_string(seen_);
    const std::string found = query(
        "SELECT group_concat(kind || ':' || row_id, ' ') FROM (SELECT kind, row_id FROM "
        "change WHERE revision > " +
        since + " ORDER BY kind, row_id)");
    seen_ = std::stoll(query("SELECT seq FROM sqlite_sequence WHERE name = 'change'"));
    return found == "NULL\n" ? "" : found.substr(0, found.size() - 1);
  }
  std::string all() const {
    return query(
        "SELECT ifnull(group_concat(kind || ':' || row_id, ' '), '') FROM (SELECT kind, row_id FROM change "
        "ORDER BY kind, row_id)");
  }

  History history_;
  std::int64_t seen_ = 0;
};

TEST_F(ChangesTest, AScanInWhichNothingChangesMarksNothing) {
  store(history_, changing_at(kNoon + 10 * kSecond));
  EXPECT_EQ(news(), "");
}

TEST_F(ChangesTest, ACgroupIsMarkedWhenItAppearsIsNamedLimitedOrGone) {
  EXPECT_EQ(query("SELECT count(*) FROM change WHERE kind = 1"), "1\n");
  store(history_,
        core::NamedCgroup{.id = kChanging, .names = {.pod_namespace = "shop", .pod = "web", .container = "app"}});
  EXPECT_EQ(news(), "1:1");
  store(history_, changing_at(kNoon + 10 * kSecond, test::tracked(1, kChanging, {.limit_bytes = 1 << 20})));
  EXPECT_EQ(news(), "1:1");
  store(history_, core::Scan{.started_at_us = kNoon + 20 * kSecond});
  EXPECT_EQ(news(), "1:1");
}

TEST_F(ChangesTest, AReclaimIsMarkedAgainByItsEffect) {
  store(history_, core::Reclaim{.reclaim_id = 1, .id = kChanging, .started_at_us = kNoon},
        core::CgroupCooldown{kChanging, {.last_reclaim_at_us = kNoon, .until_us = kNoon + kMinute}});
  EXPECT_EQ(news(), "2:1 5:1");
  store(history_, core::Effect{.reclaim_id = 1, .observed_for_us = kMinute});
  EXPECT_EQ(news(), "2:1");
}

TEST_F(ChangesTest, WhatTellsTheNameOfACgroupIsMarkedWhenTheNameIsToldAndOnlyThen) {
  core::Scan scan = changing_at(kNoon + 10 * kSecond);
  scan.rows[0].stuck = core::StuckState::yes;
  scan.stuck = {{.key = 1, .stuck = {.kind = core::StuckKind::under_oom, .began_at_us = kNoon}}};
  const core::CgroupId other{"/other", 2};
  store(history_, scan, counted_of_it(kNoon + 10 * kSecond),
        core::Reclaim{.reclaim_id = 1, .id = kChanging, .started_at_us = kNoon + 10 * kSecond},
        core::Reclaim{.reclaim_id = 2, .id = other, .started_at_us = kNoon + 10 * kSecond});
  news();
  const core::NamedCgroup named{.id = kChanging, .names = {.pod_namespace = "shop", .pod = "web", .container = "app"}};
  store(history_, named);
  EXPECT_EQ(news(), "1:1 2:1 3:1 4:1");
  store(history_, named);
  EXPECT_EQ(news(), "") << "the same names";
}

TEST_F(ChangesTest, AYoungerCgroupOfTheWorkloadIsMarkedWhenTheNameIsTold) {
  const core::CgroupId younger{"/younger", 2};
  core::Scan scan = changing_at(kNoon + 10 * kSecond);
  scan.rows.push_back({.cgroup = test::tracked(2, younger)});
  store(history_, scan);
  const core::ContainerNames names{.pod_namespace = "shop", .pod = "web", .container = "app"};
  news();
  store(history_, core::NamedCgroup{.id = younger, .names = names});
  EXPECT_EQ(news(), "1:2");
  store(history_, core::NamedCgroup{.id = kChanging, .names = names});
  EXPECT_EQ(news(), "1:1 1:2") << "the younger one is a restart now";
}

TEST_F(ChangesTest, AKillThatWasToldBeforeItsCgroupWasSeenIsMarkedWhenThatIsSeen) {
  const core::CgroupId later{"/later", 2};
  store(history_, core::CountedOomKills{.id = later, .since_at_us = kNoon, .at_us = kNoon + kSecond, .count = 1});
  EXPECT_EQ(news(), "1:2 3:1");
  core::Scan scan = changing_at(kNoon + 10 * kSecond);
  scan.rows.push_back({.cgroup = test::tracked(2, later)});
  store(history_, scan);
  EXPECT_EQ(news(), "1:2 3:1");
}

TEST_F(ChangesTest, AServiceEventIsMarked) {
  store(history_, core::ServiceEvent{.at_us = kNoon, .kind = "gap"});
  EXPECT_EQ(news(), "6:2");
}

TEST_F(ChangesTest, AStuckCgroupIsMarkedWhileItIsStuck) {
  core::Scan scan = changing_at(kNoon + 10 * kSecond);
  scan.rows[0].stuck = core::StuckState::yes;
  scan.stuck = {{.key = 1, .stuck = {.kind = core::StuckKind::under_oom, .began_at_us = kNoon}}};
  store(history_, scan);
  EXPECT_EQ(news(), "4:1");
  scan.started_at_us += 10 * kSecond;
  store(history_, scan);
  EXPECT_EQ(news(), "4:1");
}

TEST_F(ChangesTest, AKillIsMarkedAgainWhenTheLogTellsMoreOfIt) {
  store(history_, counted_of_it(kNoon + 10 * kSecond));
  EXPECT_EQ(news(), "3:1");
  core::OomKill logged{
      .killed_at_us = kNoon + 5 * kSecond, .position = {.boot_id = "boot", .sequence = 5}, .id = kChanging};
  logged.logged.sequence = 5;
  logged.logged.victim_path = logged.logged.limit_path = kChanging.path;
  logged.logged.victim_comm = "java";
  store(history_, logged);
  EXPECT_EQ(query("SELECT count(*) FROM oom_kill"), "1\n");
  EXPECT_EQ(news(), "3:1");
}

TEST_F(ChangesTest, ARolledBackTransactionMarksNothing) {
  history_.begin();
  history_.record(core::ServiceEvent{.at_us = kNoon, .kind = "gap"});
  history_.rollback();
  store(history_, changing_at(kNoon + 10 * kSecond));
  EXPECT_EQ(news(), "");
}

TEST_F(ChangesTest, NoRevisionIsUsedTwice) {
  store(history_, core::ServiceEvent{.at_us = kNoon, .kind = "gap"});
  const std::string before = query("SELECT max(revision) FROM change");
  SQLite::Database(file().string(), SQLite::OPEN_READWRITE).exec("DELETE FROM change");
  store(history_, core::ServiceEvent{.at_us = kNoon, .kind = "gap"});
  EXPECT_EQ(query("SELECT min(revision) > " + before + " FROM change"), "1\n");
}

TEST_F(ChangesTest, KillsThatAnotherRowCountsAreToldAndThoseThatAreTooOldAreForgotten) {
  history_.set_retention({});
  for (int i = 1; i <= 12; ++i) store(history_, counted_of_it(kNoon + i * 10 * kSecond));
  EXPECT_EQ(query("SELECT count(*) FROM change WHERE kind = 3"), "12\n");
  for (int i = 0; i < 20; ++i) history_.maintain(kNoon + 10 * kMinute);
  ASSERT_EQ(query("SELECT count(*), sum(kill_count) FROM oom_kill"), "11|12\n");
  EXPECT_EQ(query("SELECT count(*) FROM change WHERE kind = 3"), "11\n");
  EXPECT_EQ(query("SELECT row_id FROM change WHERE kind = 7"), "12\n");

  // A clock that leaps ahead is believed after a day.
  for (int day = 499; day <= 500; ++day) store(history_, changing_at(kNoon + day * kDay));
  for (int i = 0; i < 100; ++i) history_.maintain(kNoon + 500 * kDay + kMinute);
  ASSERT_EQ(query("SELECT count(*) FROM oom_kill"), "0\n");
  EXPECT_EQ(query("SELECT count(*) FROM change WHERE kind = 3"), "0\n");
  EXPECT_EQ(query("SELECT count(*) FROM change WHERE kind = 7"), "1\n");
}

TEST_F(ChangesTest, WhatRetentionDeletesIsNoChange) {
  history_.set_retention({});
  store(history_, core::Reclaim{.reclaim_id = 1, .id = kChanging, .started_at_us = kNoon});
  store(history_, core::Scan{.started_at_us = kNoon + kMinute});
  for (int day = 499; day <= 500; ++day) store(history_, core::Scan{.started_at_us = kNoon + day * kDay});
  news();
  for (int i = 0; i < 100; ++i) history_.maintain(kNoon + 500 * kDay + kMinute);
  EXPECT_EQ(query("SELECT (SELECT count(*) FROM reclaim), (SELECT count(*) FROM cgroup)"), "0|0\n");
  EXPECT_EQ(all(), "6:1\n") << "the last start stays";
}

TEST_F(ChangesTest, AHistoryOfTheVersionBeforeHasChangedInAllOfItsRows) {
  SQLite::Database database(":memory:", SQLite::OPEN_READWRITE);
  migrate(database, kMigrations.first(9));
  database.exec(
      "INSERT INTO cgroup (path, inode, first_seen_at_us, last_seen_at_us) VALUES ('/a', 1, 1, 1);"
      "INSERT INTO service_event (at_us, kind) VALUES (1, 'start');"
      "INSERT INTO oom_kill (killed_at_us, source, scope) VALUES (1, 'counter', 'cgroup')");
  migrate(database, kMigrations);
  EXPECT_EQ(database.execAndGet("SELECT group_concat(revision || ' ' || kind || ':' || row_id, ', ') FROM change")
                .getString(),
            "1 1:1, 2 6:1, 3 3:1");
  EXPECT_EQ(database.execAndGet("SELECT length(value) FROM node WHERE key = 'history_id'").getInt(), 32);
}

TEST_F(ChangesTest, ASalvagedHistoryStaysTheSameAndUsesNoRevisionAgain) {
  store(history_, core::ServiceEvent{.at_us = kNoon, .kind = "gap"});
  const std::string id = query("SELECT value FROM node WHERE key = 'history_id'");
  const std::string last = query("SELECT max(revision) FROM change");
  const std::string before = all();
  history_.carry_over_to(directory() / "salvaged.db");
  const auto ask = [&](const std::string& sql) { return shown(Reader(directory() / "salvaged.db").run(sql)); };
  EXPECT_EQ(ask("SELECT value FROM node WHERE key = 'history_id'"), id);
  EXPECT_EQ(ask("SELECT min(revision) - " + last + " FROM change"), "1000001\n");
  EXPECT_EQ(ask("SELECT ifnull(group_concat(kind || ':' || row_id, ' '), '') FROM (SELECT kind, row_id FROM change "
                "ORDER BY kind, row_id)"),
            before);
}

TEST_F(ChangesTest, ANewHistoryIsAnotherOneAndTheSameAfterARestart) {
  const std::string id = query("SELECT value FROM node WHERE key = 'history_id'");
  store(history_, core::NodeFacts{{{"kernel", std::string("6.1")}}});
  EXPECT_EQ(query("SELECT value FROM node WHERE key = 'history_id'"), id);
  const History other(directory() / "other.db");
  EXPECT_NE(shown(Reader(directory() / "other.db").run("SELECT value FROM node WHERE key = 'history_id'")), id);
}

}  // namespace
}  // namespace cgmm::store
