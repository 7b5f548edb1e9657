// SPDX-License-Identifier: Apache-2.0
// What passes from one run of the service to the next: History::begin_run() and end_run().
#include <SQLiteCpp/SQLiteCpp.h>

#include "store/fixture.hpp"

namespace cgmm::store {
namespace {

using core::Reclaim;
using core::Scan;

class Run : public StoreTest {
 protected:
  static constexpr std::int64_t kDay = 24LL * 3600 * kSecond;
  static constexpr const char* kEvents = "SELECT kind, detail FROM service_event ORDER BY service_event_id";

  static Scan scan_of_web(std::int64_t at_us) {
    return {.started_at_us = at_us, .rows = {{.cgroup = test::tracked(1, {"/web", 7}), .oom_kills_total = 3}}};
  }
  static Reclaim reclaim_of_web() {
    return {.reclaim_id = 41,
            .id = {"/web", 7},
            .started_at_us = kNoon,
            .cooldown = core::Cooldown{.last_reclaim_at_us = kNoon, .until_us = kNoon + 30 * kSecond, .strikes = 2}};
  }
};

TEST_F(Run, TheFirstOneHasNothingToTakeOver) {
  History history(file());
  const auto handover = history.begin_run(kNoon, "version 1");
  EXPECT_TRUE(handover.cooldowns.empty());
  EXPECT_TRUE(handover.oom_kills_total.empty());
  EXPECT_EQ(query(kEvents), "start|version 1\n");
}

TEST_F(Run, CooldownsAndOomCountersSurviveARestart) {
  {
    History history(file());
    history.begin_run(kNoon, "");
    store(history, scan_of_web(kNoon), reclaim_of_web());
    history.end_run(kNoon + kSecond, "");
  }
  History history(file());
  const auto handover = history.begin_run(kNoon + 2 * kSecond, "");
  ASSERT_EQ(handover.cooldowns.size(), 1u);
  EXPECT_EQ(handover.cooldowns.at({"/web", 7}), *reclaim_of_web().cooldown);
  ASSERT_EQ(handover.oom_kills_total.size(), 1u);
  EXPECT_EQ(handover.oom_kills_total.at({"/web", 7}), 3u);
}

TEST_F(Run, ReclaimsAreNumberedOnFromThoseOfEarlierRuns) {
  {
    History history(file());
    history.begin_run(kNoon, "");
    store(history, reclaim_of_web());
  }
  History history(file());
  history.begin_run(kNoon + 2 * kSecond, "");
  Reclaim first = reclaim_of_web();
  first.reclaim_id = 1;
  store(history, first, core::Effect{.reclaim_id = 1, .observed_for_us = 7});
  EXPECT_EQ(query("SELECT reclaim_id FROM reclaim"), "41\n42\n");
  EXPECT_EQ(query("SELECT reclaim_id, observed_for_us FROM reclaim_effect"), "42|7\n");
}

TEST_F(Run, TheSamePathWithAnotherInodeStartsAnew) {
  {
    History history(file());
    history.begin_run(kNoon, "");
    store(history, scan_of_web(kNoon), reclaim_of_web());
    history.end_run(kNoon + kSecond, "");
  }
  History history(file());
  const auto handover = history.begin_run(kNoon + 2 * kSecond, "");
  EXPECT_FALSE(handover.cooldowns.contains({"/web", 8}));
  EXPECT_FALSE(handover.oom_kills_total.contains({"/web", 8}));
  Scan scan = scan_of_web(kNoon + 3 * kSecond);
  scan.rows[0].cgroup = test::tracked(1, {"/web", 8});
  store(history, scan);
  EXPECT_EQ(query("SELECT inode, vanished_at_us IS NULL FROM cgroup"), "7|0\n8|1\n");
}

TEST_F(Run, AReclaimThatTheCrashCutShortIsInterruptedAndItsCooldownHolds) {
  {
    History history(file());
    history.begin_run(kNoon, "");
    Reclaim done = reclaim_of_web();
    done.reclaim_id = 40;
    done.outcome = core::ReclaimOutcome::done;
    store(history, done, reclaim_of_web());
  }
  History history(file());
  EXPECT_EQ(history.begin_run(kNoon + 2 * kSecond, "").cooldowns.size(), 1u);
  EXPECT_EQ(query("SELECT reclaim_id, outcome FROM reclaim"), "40|done\n41|interrupted\n");
}

TEST_F(Run, AMissingStopIsRecordedAsACrashThatSaysWhenTheLastScanWas) {
  {
    History history(file());
    history.begin_run(kNoon, "one");
    store(history, scan_of_web(kNoon + kSecond));
  }
  {
    History(file()).begin_run(kNoon + 5 * kSecond, "two");
  }
  History history(file());
  history.begin_run(kNoon + 6 * kSecond, "three");
  EXPECT_EQ(query(kEvents),
            "start|one\n"
            "crash_found|the run started at 2026-11-25T12:00:00Z did not stop in order; its last scan was at "
            "2026-11-25T12:00:01Z\n"
            "start|two\n"
            "crash_found|the run started at 2026-11-25T12:00:05Z did not stop in order; it recorded no scan\n"
            "start|three\n");
}

TEST_F(Run, AStopInOrderIsNoCrash) {
  make_history();
  History history(file());
  history.begin_run(kNoon + 5 * kSecond, "again");
  EXPECT_EQ(query(kEvents), "start|NULL\nstop|NULL\nstart|again\n");
}

TEST_F(Run, CgroupsThatAnEarlierRunLeftEndWithItsLastScanUnlessTheyAreSeenAgain) {
  {
    History history(file());
    history.begin_run(kNoon, "");
    Scan scan = scan_of_web(kNoon);
    scan.rows.push_back({.cgroup = test::tracked(2, {"/gone", 1})});
    store(history, scan, Scan{.started_at_us = kNoon + kSecond, .unread = {1, 2}});
  }
  History history(file());
  history.begin_run(kNoon + kDay, "");
  const std::string ended = std::to_string(kNoon + kSecond);
  EXPECT_EQ(query("SELECT path, last_seen_at_us, vanished_at_us FROM cgroup ORDER BY path DESC"),
            "/web|" + ended + "|" + ended + "\n/gone|" + ended + "|" + ended + "\n");
  store(history, scan_of_web(kNoon + kDay));
  EXPECT_EQ(query("SELECT path, vanished_at_us FROM cgroup ORDER BY path DESC"), "/web|NULL\n/gone|" + ended + "\n");
}

TEST_F(Run, WhatVanishedMoreThanADayAgoIsNotTakenOver) {
  {
    History history(file());
    history.begin_run(kNoon, "");
    store(history, scan_of_web(kNoon), reclaim_of_web());
    Reclaim other = reclaim_of_web();
    other.reclaim_id = 42;
    other.id = {"/long", 1};
    other.cooldown->until_us = kNoon + 30 * kDay;
    Scan vanished{.started_at_us = kNoon + kSecond};
    store(history, other, vanished);
    history.end_run(kNoon + kSecond, "");
  }
  {
    History history(file());
    const auto handover = history.begin_run(kNoon + kDay, "");
    EXPECT_EQ(handover.cooldowns.size(), 2u);
    EXPECT_EQ(handover.oom_kills_total.size(), 1u);
  }
  History history(file());
  const auto handover = history.begin_run(kNoon + 2 * kDay, "");
  EXPECT_EQ(handover.cooldowns.size(), 1u);
  EXPECT_TRUE(handover.cooldowns.contains({"/long", 1}));
  EXPECT_TRUE(handover.oom_kills_total.empty());
}

TEST_F(Run, TheServiceMayHaveBeenOffForLongAndStillKnowsWhatWasThereWhenItStopped) {
  {
    History history(file());
    history.begin_run(kNoon, "");
    store(history, scan_of_web(kNoon), reclaim_of_web());
    history.end_run(kNoon + kSecond, "");
  }
  History history(file());
  const auto handover = history.begin_run(kNoon + 10 * kDay, "");
  EXPECT_EQ(handover.cooldowns.at({"/web", 7}).strikes, 2);
  EXPECT_EQ(handover.oom_kills_total.at({"/web", 7}), 3u);
}

TEST_F(Run, AStopTellsWhenEveryCgroupWasLastSeenAndLeavesOneFile) {
  {
    History history(file());
    history.begin_run(kNoon, "");
    store(history, scan_of_web(kNoon), Scan{.started_at_us = kNoon + 9 * kSecond, .unread = {1}});
    history.end_run(kNoon + 10 * kSecond, "asked to");
    EXPECT_EQ(std::filesystem::file_size(file().string() + "-wal"), 0u);
  }
  std::vector<std::string> left;
  for (const auto& [name, trace] : traces_in(directory())) left.push_back(name);
  EXPECT_EQ(left, (std::vector<std::string>{"history.db", "history.db.lock"}));
  EXPECT_EQ(query("SELECT last_seen_at_us, vanished_at_us FROM cgroup"),
            std::to_string(kNoon + 9 * kSecond) + "|NULL\n");
  EXPECT_EQ(query(kEvents), "start|NULL\nstop|asked to\n");
}

TEST_F(Run, AReaderInTheMiddleOfAQueryDoesNotKeepTheServiceFromStopping) {
  History history(file());
  history.begin_run(kNoon, "");
  store(history, scan_of_web(kNoon));
  SQLite::Database reading(file());
  SQLite::Statement statement(reading, "SELECT * FROM scan");
  ASSERT_TRUE(statement.executeStep());
  store(history, Scan{.started_at_us = kNoon + kSecond});
  EXPECT_NO_THROW(history.end_run(kNoon + 2 * kSecond, ""));
}

TEST_F(Run, AFailedStartLeavesNothingHalfSettled) {
  {
    History(file()).begin_run(kNoon, "one");
  }
  SQLite::Database(file(), SQLite::OPEN_READWRITE)
      .exec(
          "CREATE TRIGGER fail BEFORE INSERT ON service_event WHEN new.kind = 'start' "
          "BEGIN SELECT RAISE(FAIL, 'no'); END");
  History history(file());
  EXPECT_THROW(history.begin_run(kNoon + 1, "two"), SQLite::Exception);
  EXPECT_EQ(query(kEvents), "start|one\n");
}

}  // namespace
}  // namespace cgmm::store
