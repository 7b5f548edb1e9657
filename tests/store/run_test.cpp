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
  static Reclaim reclaim_of_web() { return {.reclaim_id = 41, .id = {"/web", 7}, .started_at_us = kNoon}; }
  static core::CgroupCooldown cooldown_of_web() {
    return {{"/web", 7}, {.last_reclaim_at_us = kNoon, .until_us = kNoon + 30 * kSecond, .strikes = 2}};
  }
};

TEST_F(Run, TheFirstOneHasNothingToTakeOver) {
  History history(file());
  const auto handover = history.begin_run(kNoon, "version 1");
  EXPECT_TRUE(handover.cooldowns.empty());
  EXPECT_EQ(query(kEvents), "start|version 1\n");
}

TEST_F(Run, CooldownsSurviveARestart) {
  {
    History history(file());
    history.begin_run(kNoon, "");
    store(history, scan_of_web(kNoon), cooldown_of_web());
    history.end_run(kNoon + kSecond, "");
  }
  History history(file());
  const auto handover = history.begin_run(kNoon + 2 * kSecond, "");
  ASSERT_EQ(handover.cooldowns.size(), 1u);
  EXPECT_EQ(handover.cooldowns.at({"/web", 7}), cooldown_of_web().cooldown);
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
    store(history, scan_of_web(kNoon), cooldown_of_web());
    history.end_run(kNoon + kSecond, "");
  }
  History history(file());
  const auto handover = history.begin_run(kNoon + 2 * kSecond, "");
  EXPECT_FALSE(handover.cooldowns.contains({"/web", 8}));
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
    store(history, done, reclaim_of_web(), cooldown_of_web());
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
    store(history, scan_of_web(kNoon), cooldown_of_web());
    core::CgroupCooldown other = cooldown_of_web();
    other.id = {"/long", 1};
    other.cooldown.until_us = kNoon + 30 * kDay;
    Scan vanished{.started_at_us = kNoon + kSecond};
    store(history, other, vanished);
    history.end_run(kNoon + kSecond, "");
  }
  {
    History history(file());
    const auto handover = history.begin_run(kNoon + kDay, "");
    EXPECT_EQ(handover.cooldowns.size(), 2u);
  }
  History history(file());
  const auto handover = history.begin_run(kNoon + 2 * kDay, "");
  EXPECT_EQ(handover.cooldowns.size(), 1u);
  EXPECT_TRUE(handover.cooldowns.contains({"/long", 1}));
}

TEST_F(Run, TheServiceMayHaveBeenOffForLongAndStillKnowsWhatWasThereWhenItStopped) {
  {
    History history(file());
    history.begin_run(kNoon, "");
    store(history, scan_of_web(kNoon), cooldown_of_web());
    history.end_run(kNoon + kSecond, "");
  }
  History history(file());
  const auto handover = history.begin_run(kNoon + 10 * kDay, "");
  EXPECT_EQ(handover.cooldowns.at({"/web", 7}).strikes, 2);
}

/// OOM kills between the runs: the counter as it was read last before, and first now.
class KillsBetweenRuns : public Run {
 protected:
  KillsBetweenRuns() {
    history_.begin_run(kNoon, "one");
    store(history_, scan_of_web(kNoon));  // 3 kills
    history_.end_run(kNoon + kSecond, "");
    history_.begin_run(kNoon + 2 * kSecond, "two");
  }
  /// A scan of the second run that reads `total`; `before`: what the run has read first.
  static Scan scan(std::int64_t at_us, std::uint64_t total, std::optional<std::uint64_t> before,
                   std::optional<std::uint64_t> increase = {}) {
    core::TrackedCgroup web{.key = 2, .id = {"/web", 7}, .limits = {}, .oom_kills_before = before};
    Scan made{.started_at_us = at_us, .rows = {{.cgroup = std::make_shared<core::TrackedCgroup>(web)}}};
    made.rows[0].oom_kills_total = total;
    made.rows[0].increases.set(core::Counter::oom_kills, increase);
    return made;
  }
  std::string kills() {
    return query("SELECT (killed_at_us - " + std::to_string(kNoon) +
                 ") / 1000000, earliest_at_us, count(*) FROM oom_kill GROUP BY 1");
  }
  History history_{file()};
};

TEST_F(KillsBetweenRuns, AreRecordedOnceWithTheFirstScanAndAreInItsSample) {
  store(history_, scan(kNoon + 9 * kSecond, 5, 5), scan(kNoon + 10 * kSecond, 5, 5, 0));
  EXPECT_EQ(kills(), "9|NULL|2\n");
  EXPECT_EQ(query("SELECT oom_kills FROM sample"), "NULL\n2\n0\n");
  EXPECT_EQ(query("SELECT oom_kills_total FROM cgroup"), "5\n");
}

TEST_F(KillsBetweenRuns, AreRecordedWithALaterScanWhereTheFirstIsLost) {
  store(history_, scan(kNoon + 9 * kSecond, 6, 5, 1),
        core::CountedOomKills{{"/web", 7}, kNoon + 8 * kSecond, kNoon + 9 * kSecond, 1});
  EXPECT_EQ(query("SELECT count(*) FROM oom_kill"), "3\n") << "two between the runs, one since";
  EXPECT_EQ(query("SELECT max(oom_kills) FROM sample"), "3\n");
}

TEST_F(KillsBetweenRuns, AreRecordedAgainAfterARollback) {
  history_.begin();
  history_.record(scan(kNoon + 9 * kSecond, 5, 5));
  history_.rollback();
  EXPECT_EQ(kills(), "");
  store(history_, scan(kNoon + 9 * kSecond, 5, 5));
  EXPECT_EQ(kills(), "9|NULL|2\n");
}

TEST_F(KillsBetweenRuns, ThereAreNoneWhereTheCounterIsTheSameOrHasBegunAnewOrCantBeRead) {
  store(history_, scan(kNoon + 9 * kSecond, 3, 3), scan(kNoon + 10 * kSecond, 1, 1));
  Scan unread = scan(kNoon + 11 * kSecond, 9, 9);
  unread.rows[0].oom_kills_total.reset();
  store(history_, unread);
  EXPECT_EQ(kills(), "");
}

TEST_F(KillsBetweenRuns, ACgroupThatNoEarlierRunHasSeenHasNone) {
  Scan other = scan(kNoon + 9 * kSecond, 5, 5);
  core::TrackedCgroup db = *other.rows[0].cgroup;
  db.id = {"/db", 8};
  other.rows[0].cgroup = std::make_shared<core::TrackedCgroup>(db);
  store(history_, other);
  EXPECT_EQ(kills(), "");
}

/// One cgroup under several names, or out of sight for a while. Its counter tells of each kill once.
class KillsOfOneCgroup : public Run {
 protected:
  KillsOfOneCgroup() { history_.begin_run(kNoon, "one"); }
  void scan(std::int64_t second, core::CgroupKey key, const std::string& path, std::uint64_t total,
            std::uint64_t before, std::int64_t made_after_us = 0) {
    core::TrackedCgroup cgroup{
        .key = key, .id = {path, 7}, .limits = {}, .oom_kills_before = before, .made_after_us = made_after_us};
    Scan made{.started_at_us = kNoon + second * kSecond,
              .rows = {{.cgroup = std::make_shared<core::TrackedCgroup>(cgroup)}}};
    made.rows[0].oom_kills_total = total;
    if (key_ != 0 && key_ != key) made.hidden = {key_};
    key_ = key;
    store(history_, made);
  }
  void scan_without(std::int64_t second) {
    store(history_, Scan{.started_at_us = kNoon + second * kSecond, .hidden = {key_}});
  }
  void restart() {
    history_.end_run(kNoon + 50 * kSecond, "");
    history_.begin_run(kNoon + 51 * kSecond, "two");
    key_ = 0;
  }
  std::string kills() const { return query("SELECT path, count(*) FROM v_oom_kill GROUP BY 1 ORDER BY 1"); }
  core::CgroupKey key_ = 0;
  History history_{file()};
};

TEST_F(KillsOfOneCgroup, AreCountedOnceWhenItIsRenamedAndRenamedBack) {
  scan(0, 1, "/a", 3, 3);
  scan(10, 2, "/b", 4, 4);
  EXPECT_EQ(kills(), "/b|1\n") << "since the last scan under its old name";
  scan(20, 3, "/a", 4, 4);
  scan(30, 4, "/b", 4, 4);
  EXPECT_EQ(kills(), "/b|1\n");
  EXPECT_EQ(query("SELECT path, first_seen_by, vanished_by FROM v_cgroup ORDER BY 1"),
            "/a|found|hidden\n/b|renamed|NULL\n");
}

TEST_F(KillsOfOneCgroup, AreCountedOnceWhenItIsRenamedBetweenTwoRuns) {
  scan(0, 1, "/a", 3, 3);
  scan(10, 2, "/b", 4, 4);
  restart();
  scan(60, 1, "/a", 5, 5);
  EXPECT_EQ(kills(), "/a|1\n/b|1\n");
}

TEST_F(KillsOfOneCgroup, AreCountedOnceWhenItWasNoLeafForAWhile) {
  scan(0, 1, "/a", 0, 0, kNoon - 10 * kSecond);
  scan_without(10);
  EXPECT_EQ(query("SELECT vanished_by FROM v_cgroup"), "hidden\n");
  scan(20, 2, "/a", 1, 1, kNoon - 10 * kSecond);
  EXPECT_EQ(kills(), "/a|1\n");
  scan_without(30);
  scan(40, 3, "/a", 1, 1, kNoon - 10 * kSecond);
  EXPECT_EQ(kills(), "/a|1\n");
  EXPECT_EQ(query("SELECT oom_kills FROM sample WHERE oom_kills > 0"), "1\n");
}

TEST_F(KillsOfOneCgroup, OnV2AreNotThoseOfTheCgroupsThatWereInIt) {
  store(history_, core::NodeFacts{{{"hierarchy", std::string("v2")}}});
  scan(0, 1, "/a", 0, 0);
  core::TrackedCgroup child{.key = 5, .id = {"/a/b", 8}, .limits = {}, .oom_kills_before = 1, .made_after_us = kNoon};
  Scan inner{.started_at_us = kNoon + 10 * kSecond,
             .rows = {{.cgroup = std::make_shared<core::TrackedCgroup>(child)}},
             .hidden = {1}};
  inner.rows[0].oom_kills_total = 1;
  store(history_, inner);
  scan(20, 2, "/a", 1, 1);
  EXPECT_EQ(kills(), "/a/b|1\n");
}

TEST_F(KillsOfOneCgroup, OfOneThatIsYoungAreAllThatItsCounterTells) {
  scan(10, 1, "/a", 2, 2, kNoon);
  EXPECT_EQ(kills(), "/a|2\n");
  EXPECT_EQ(query("SELECT first_seen_by, (SELECT min(earliest_at_us) FROM oom_kill) FROM v_cgroup"),
            "made|" + std::to_string(kNoon) + "\n");
}

TEST_F(KillsOfOneCgroup, OfAnotherBootAreNotCompared) {
  store(history_, core::NodeFacts{{{"boot_id", std::string("one")}}});
  scan(0, 1, "/a", 3, 3);
  restart();
  store(history_, core::NodeFacts{{{"boot_id", std::string("two")}}});
  scan(60, 2, "/a", 5, 5);
  EXPECT_EQ(kills(), "");
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
  EXPECT_EQ(left, (std::vector<std::string>{"history.db"}));
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
      .exec("CREATE UNIQUE INDEX fail ON service_event (kind) WHERE kind = 'start'");
  History history(file());
  EXPECT_THROW(history.begin_run(kNoon + 1, "two"), SQLite::Exception);
  EXPECT_EQ(query(kEvents), "start|one\n");
}

}  // namespace
}  // namespace cgmm::store
