// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "store/fixture.hpp"

namespace cgmm::store {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
const core::CgroupId kWeb{"/kubepods/web", 7};
const core::CgroupId kDb{"/kubepods/db", 8};
const core::CgroupRef kWebRef = test::tracked(1, kWeb);
const core::CgroupRef kDbRef = test::tracked(2, kDb);

/// By the kernel's log.
core::OomKill logged(std::uint64_t sequence, const core::CgroupId& id, std::int64_t at_us) {
  core::OomKill kill{.killed_at_us = at_us, .position = {.boot_id = "boot", .sequence = sequence}, .id = id};
  kill.logged.sequence = sequence;
  kill.logged.limit_path = kill.logged.victim_path = id.path;
  kill.logged.victim_pid = static_cast<std::int64_t>(1000 + sequence);
  kill.logged.victim_comm = "java";
  return kill;
}

class OomKills : public StoreTest {
 protected:
  OomKills() : history_(file()) {
    history_.begin_run(kNoon, "");
    store(history_, core::Scan{.started_at_us = kNoon, .rows = {{.cgroup = kWebRef}, {.cgroup = kDbRef}}});
  }

  core::CountedOomKills counted(const core::CgroupId& id, std::int64_t at_us, std::uint64_t count = 1) const {
    return {.id = id, .since_at_us = at_us - 10 * kSecond, .at_us = at_us, .count = count};
  }

  std::string kills() const {
    return query("SELECT path, source, victim_pid, (killed_at_us - " + std::to_string(kNoon) +
                 ") / 1000000, counted_count, seen_count FROM oom_kill LEFT JOIN cgroup USING (cgroup_id) "
                 "ORDER BY oom_kill_id");
  }

  /// A scan of both, in which no counter is read.
  void scan(std::int64_t second) {
    store(history_,
          core::Scan{.started_at_us = kNoon + second * kSecond, .rows = {{.cgroup = kWebRef}, {.cgroup = kDbRef}}});
  }
  std::string whose() const {
    return query("SELECT victim_pid, path, cgroup_by, candidate_count FROM v_oom_kill ORDER BY victim_pid");
  }

  History history_;
};

TEST_F(OomKills, AreOnRecordOnceWhenTheLogTellsFirst) {
  store(history_, logged(5, kWeb, kNoon + 3 * kSecond));
  store(history_, counted(kWeb, kNoon + 10 * kSecond));
  EXPECT_EQ(kills(), "/kubepods/web|kernel_log|1005|3|1|1\n");
}

TEST_F(OomKills, AreOnRecordOnceWhenTheCounterTellsFirst) {
  store(history_, counted(kWeb, kNoon + 10 * kSecond));
  EXPECT_EQ(kills(), "/kubepods/web|counter|NULL|10|1|1\n");
  store(history_, logged(5, kWeb, kNoon + 3 * kSecond));
  EXPECT_EQ(kills(), "/kubepods/web|kernel_log|1005|3|1|1\n");
}

TEST_F(OomKills, OfOneCgroupAreToldFromThoseOfAnother) {
  store(history_, logged(5, kWeb, kNoon + 3 * kSecond), counted(kDb, kNoon + 10 * kSecond));
  EXPECT_EQ(kills(), "/kubepods/web|kernel_log|1005|3|1|0\n/kubepods/db|counter|NULL|10|1|1\n");
}

TEST_F(OomKills, ThatTheLogDoesNotTellOfAreFoundByTheCounter) {
  store(history_, logged(5, kWeb, kNoon + 3 * kSecond), counted(kWeb, kNoon + 10 * kSecond, 3));
  EXPECT_EQ(query("SELECT source, count(*) FROM oom_kill GROUP BY source"), "counter|2\nkernel_log|1\n");
  EXPECT_EQ(query("SELECT DISTINCT earliest_at_us FROM oom_kill WHERE source = 'counter'"),
            std::to_string(kNoon) + "\n");
}

TEST_F(OomKills, OfLongAgoInTheLogAreNotTakenForNewOnesOfTheCounter) {
  store(history_, logged(5, kWeb, kNoon + 3 * kSecond), counted(kWeb, kNoon + 600 * kSecond));
  EXPECT_EQ(query("SELECT source FROM oom_kill ORDER BY 1"), "counter\nkernel_log\n");
}

TEST_F(OomKills, TakeSixteenRowsAtATimeByTheCounterAndTheLastStandsForTheRest) {
  store(history_, counted(kWeb, kNoon + 10 * kSecond, 5000));
  EXPECT_EQ(query("SELECT count(*), sum(kill_count), max(kill_count) FROM oom_kill"), "16|5000|4985\n");
  // What the log tells afterwards is of these.
  for (std::uint64_t sequence = 1; sequence <= 20; ++sequence)
    store(history_, logged(sequence, kWeb, kNoon + 9 * kSecond));
  EXPECT_EQ(query("SELECT source, count(*), sum(kill_count) FROM oom_kill GROUP BY 1"),
            "counter|1|4980\nkernel_log|20|20\n");
}

TEST_F(OomKills, OfAGroupAreOneHoweverOftenTheKernelCounts) {
  auto kill = logged(9, kWeb, kNoon + 3 * kSecond);
  kill.logged.group_path = "/kubepods";
  kill.logged.process_count = 3;
  kill.logged.counted_count = 4;
  store(history_, kill, counted(kWeb, kNoon + 10 * kSecond, 2), counted(kDb, kNoon + 10 * kSecond, 2));
  EXPECT_EQ(kills(), "/kubepods/web|kernel_log|1009|3|4|4\n");
}

TEST_F(OomKills, OfAGroupTakeThePlaceOfAllThatTheCounterHasTold) {
  store(history_, counted(kWeb, kNoon + 10 * kSecond, 2));
  auto kill = logged(9, kWeb, kNoon + 3 * kSecond);
  kill.logged.counted_count = 2;
  store(history_, kill);
  EXPECT_EQ(kills(), "/kubepods/web|kernel_log|1009|3|2|2\n");
}

TEST_F(OomKills, WithoutACgroupInTheLogAreThoseOfTheOnlyCounterThatRose) {
  store(history_, logged(5, {}, kNoon + 3 * kSecond));
  EXPECT_EQ(kills(), "NULL|kernel_log|1005|3|1|0\n");
  store(history_, counted(kWeb, kNoon + 10 * kSecond));
  EXPECT_EQ(kills(), "NULL|kernel_log|1005|3|1|1\n") << "another counter may be read yet";
  scan(10);
  scan(20);
  EXPECT_EQ(kills(), "/kubepods/web|kernel_log|1005|3|1|1\n");
  EXPECT_EQ(whose(), "1005|/kubepods/web|counter|NULL\n");
}

TEST_F(OomKills, WithoutACgroupInTheLogTakeThePlaceOfWhatTheCounterTold) {
  store(history_, counted(kWeb, kNoon + 10 * kSecond));
  store(history_, logged(5, {}, kNoon + 3 * kSecond));
  EXPECT_EQ(kills(), "NULL|kernel_log|1005|3|1|1\n");
  scan(10);
  scan(20);
  EXPECT_EQ(kills(), "/kubepods/web|kernel_log|1005|3|1|1\n");
}

TEST_F(OomKills, WithoutACgroupInTheLogAreNobodysForCertainWhenTwoCountersRose) {
  store(history_, logged(5, {}, kNoon + 3 * kSecond), logged(6, {}, kNoon + 4 * kSecond),
        counted(kWeb, kNoon + 10 * kSecond), counted(kDb, kNoon + 10 * kSecond));
  scan(10);
  scan(20);
  EXPECT_EQ(kills(), "NULL|kernel_log|1005|3|1|1\nNULL|kernel_log|1006|4|1|1\n") << "two, and no more";
  EXPECT_EQ(whose(), "1005|NULL|candidates|2\n1006|NULL|candidates|2\n");
  EXPECT_EQ(query("SELECT oom_kill_id, path FROM v_oom_kill_candidate ORDER BY 1, 2"),
            "1|/kubepods/db\n1|/kubepods/web\n2|/kubepods/db\n2|/kubepods/web\n");
}

TEST_F(OomKills, OfANoisyNeighbourDoNotTakeTheOnlyKillOfAnother) {
  for (std::uint64_t i = 1; i <= 4; ++i)
    store(history_, logged(i, i <= 2 ? kWeb : core::CgroupId{}, kNoon + 4 * kSecond));
  auto of_db = logged(5, kDb, kNoon + 5 * kSecond);
  of_db.is_by_pid = true;
  store(history_, of_db, counted(kWeb, kNoon + 10 * kSecond, 4), counted(kDb, kNoon + 10 * kSecond));
  scan(10);
  scan(20);
  EXPECT_EQ(whose(),
            "1001|/kubepods/web|kernel_log|NULL\n1002|/kubepods/web|kernel_log|NULL\n1003|/kubepods/web|counter|NULL\n"
            "1004|/kubepods/web|counter|NULL\n1005|/kubepods/db|pid|NULL\n");
}

TEST_F(OomKills, OfAProcessThatMovedAreNotOfTheCgroupWhoseCounterDidNotRise) {
  const auto scan_counters = [&](std::int64_t second, std::uint64_t of_web) {
    store(history_, core::Scan{.started_at_us = kNoon + second * kSecond,
                               .rows = {{.cgroup = kWebRef, .oom_kills_total = of_web},
                                        {.cgroup = kDbRef, .oom_kills_total = 0}}});
  };
  scan_counters(0, 0);
  auto of_db = logged(5, kDb, kNoon + 3 * kSecond);
  of_db.is_by_pid = true;
  store(history_, of_db);
  scan_counters(10, 1);
  store(history_, counted(kWeb, kNoon + 10 * kSecond));
  for (std::int64_t second = 20; second <= 50; second += 10) scan_counters(second, 1);
  EXPECT_EQ(whose(), "1005|/kubepods/web|counter|NULL\n") << "once, and where the kernel counted it";
}

TEST_F(OomKills, OfAProcessThatMovedFromWhereNothingIsTrackedAreOfTheCgroupWhoseCounterRose) {
  auto from_elsewhere = logged(5, {"/elsewhere/deep", 99}, kNoon + 3 * kSecond);
  from_elsewhere.is_by_pid = true;
  auto stayed = logged(6, {"/elsewhere/deep", 99}, kNoon + 300 * kSecond);
  stayed.is_by_pid = true;
  store(history_, from_elsewhere, counted(kWeb, kNoon + 10 * kSecond));
  for (std::int64_t second = 10; second <= 40; second += 10) scan(second);
  EXPECT_EQ(whose(), "1005|/kubepods/web|counter|NULL\n");
  store(history_, stayed);
  for (std::int64_t second = 310; second <= 340; second += 10) scan(second);
  EXPECT_EQ(query("SELECT victim_path, cgroup_by FROM oom_kill WHERE victim_pid = 1006"), "/elsewhere/deep|pid\n");
}

TEST_F(OomKills, OfAProcessThatMovedInAStormOfKillsAreNotCountedTwice) {
  auto from_elsewhere = logged(5, {"/elsewhere/deep", 99}, kNoon + 3 * kSecond);
  from_elsewhere.is_by_pid = true;
  store(history_, from_elsewhere);
  // Other kills have been seen in its rise, and theirs is left over.
  store(history_, core::CountedOomKills{
                      .id = kWeb, .since_at_us = kNoon + 7 * kSecond, .at_us = kNoon + 8 * kSecond, .count = 1});
  for (std::int64_t second = 10; second <= 40; second += 10) scan(second);
  EXPECT_EQ(query("SELECT count(*), sum(kill_count), min(victim_pid) FROM oom_kill"), "1|1|1005\n");
}

TEST_F(OomKills, WithoutACgroupInTheLogAreNotCertainWhenTheLogTellsOfMoreThanTheCounter) {
  store(history_, logged(5, {}, kNoon + 3 * kSecond), logged(6, {}, kNoon + 4 * kSecond),
        counted(kWeb, kNoon + 10 * kSecond));
  scan(10);
  scan(20);
  EXPECT_EQ(whose(), "1005|NULL|candidates|1\n1006|NULL|candidates|1\n") << "one is of a cgroup that is not tracked";
}

TEST_F(OomKills, WithoutACgroupInTheLogOfNoCounterAreUnknown) {
  store(history_, logged(5, {}, kNoon + 3 * kSecond));
  scan(10);
  scan(20);
  EXPECT_EQ(whose(), "1005|NULL|unknown|NULL\n");
}

TEST_F(OomKills, WithoutACgroupInTheLogAreNotCertainWhenRecordsOfItAreLost) {
  store(history_, core::ServiceEvent{.at_us = kNoon - 600 * kSecond, .kind = "fault_begin", .fault = "kernel_log"},
        logged(5, {}, kNoon + 3 * kSecond), counted(kWeb, kNoon + 10 * kSecond));
  scan(10);
  scan(20);
  EXPECT_EQ(whose(), "1005|NULL|candidates|1\n");
}

TEST_F(OomKills, WithoutACgroupInTheLogAreDecidedByTheNextRunWhereThisOneEnds) {
  store(history_, logged(5, {}, kNoon + 3 * kSecond), counted(kWeb, kNoon + 10 * kSecond));
  scan(10);
  history_.end_run(kNoon + 11 * kSecond, "");
  history_.begin_run(kNoon + 12 * kSecond, "");
  scan(20);
  EXPECT_EQ(whose(), "1005|/kubepods/web|counter|NULL\n");
}

TEST_F(OomKills, NamedAfterTheirCounterWasTakenForAnotherOnesAreNotCountedTwice) {
  store(history_, counted(kWeb, kNoon + 10 * kSecond), counted(kDb, kNoon + 10 * kSecond));
  store(history_, logged(5, {}, kNoon + 8 * kSecond), logged(6, kWeb, kNoon + 8 * kSecond + 1));
  EXPECT_EQ(query("SELECT count(*) FROM oom_kill"), "2\n");
  scan(10);
  scan(20);
  EXPECT_EQ(whose(), "1005|/kubepods/db|counter|NULL\n1006|/kubepods/web|kernel_log|NULL\n");
}

TEST_F(OomKills, OfAGroupThatTheLogNamesAreOfTheContainerThatItIsIn) {
  auto kill = logged(5, {}, kNoon + 3 * kSecond);
  kill.logged.group_path = kWeb.path;
  store(history_, kill);
  EXPECT_EQ(whose(), "1005|/kubepods/web|kernel_log|NULL\n");
  kill = logged(6, {}, kNoon + 3 * kSecond);
  kill.logged.group_path = "/kubepods";
  store(history_, kill, counted(kDb, kNoon + 10 * kSecond));
  scan(10);
  scan(20);
  EXPECT_EQ(whose(), "1005|/kubepods/web|kernel_log|NULL\n1006|NULL|candidates|1\n")
      << "of those below it, its counter rose";
}

/// Kills at random in twenty cgroups, of which the log names ten in five seconds, as the kernel does; lines come late.
class OomKillStorm : public OomKills, public testing::WithParamInterface<int> {
 protected:
  struct Kill {
    std::int64_t at_us;
    std::size_t cgroup;
  };
  static constexpr std::size_t kCgroups = 20;
  static constexpr std::int64_t kScans = 12;
  const std::vector<core::CgroupRef> cgroups_ = [] {
    std::vector<core::CgroupRef> all;
    for (std::uint32_t i = 0; i < kCgroups; ++i)
      all.push_back(test::tracked(10 + i, {"/kubepods/c" + std::to_string(i), 100 + i}));
    return all;
  }();

  void record_scan(std::int64_t at_us) {
    core::Scan scan{.started_at_us = at_us, .interval_us = 10 * kSecond};
    for (const auto& cgroup : cgroups_) scan.rows.push_back({.cgroup = cgroup});
    history_.record(scan);
  }
};
INSTANTIATE_TEST_SUITE_P(, OomKillStorm, testing::Range(50, 62));

TEST_P(OomKillStorm, BlamesNobodyWronglyAndCountsEveryKillOnce) {
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  const auto below = [&](std::int64_t end) { return static_cast<std::int64_t>(random() % static_cast<unsigned>(end)); };
  std::vector<Kill> kills;
  for (std::int64_t at_us = kSecond; at_us < (kScans - 4) * 10 * kSecond;
       at_us += 1 + below(GetParam() % 3 == 0 ? 5 * kSecond : kSecond)) {
    const bool is_noise = GetParam() % 2 == 1 && below(20) != 0;
    kills.push_back({kNoon + at_us, is_noise ? 0 : static_cast<std::size_t>(below(kCgroups))});
  }
  std::size_t told = 0, burst = 0;
  std::int64_t burst_us = 0;
  std::vector<std::size_t> counted(kCgroups, 0);
  std::int64_t last_scan_us = kNoon;
  history_.begin();
  for (std::int64_t i = 1; i <= kScans; ++i) {
    const std::int64_t scan_us = kNoon + i * 10 * kSecond;
    const auto tell_up_to = [&](std::int64_t to_us) {
      for (; told < kills.size() && kills[told].at_us < to_us; ++told) {
        const Kill& kill = kills[told];
        if (kill.at_us - burst_us >= 5 * kSecond) burst_us = kill.at_us, burst = 0;
        history_.record(logged(told + 1, ++burst <= 10 ? core::CgroupId(cgroups_[kill.cgroup]->id) : core::CgroupId{},
                               kill.at_us + below(20'000)));
      }
    };
    tell_up_to(scan_us - 300'000 + below(300'000));
    record_scan(scan_us);
    for (std::size_t c = 0; c < kCgroups; ++c) {
      std::size_t now = 0;
      for (const Kill& kill : kills) now += kill.cgroup == c && kill.at_us < scan_us ? 1U : 0U;
      const std::size_t rise = now - std::exchange(counted[c], now);
      if (rise > 0) history_.record(core::CountedOomKills{cgroups_[c]->id, last_scan_us, scan_us, rise});
    }
    last_scan_us = scan_us;
    tell_up_to(scan_us);
  }
  history_.commit();
  EXPECT_EQ(query("SELECT count(*), count(victim_pid) FROM oom_kill"),
            std::to_string(kills.size()) + "|" + std::to_string(kills.size()) + "\n")
      << query("SELECT 'counter', path, (killed_at_us - " + std::to_string(kNoon) +
               ") / 1e6 FROM v_oom_kill WHERE source = 'counter'")
      << query("SELECT 'unseen', cgroup_by, c.path, (killed_at_us - " + std::to_string(kNoon) +
               ") / 1e6 FROM oom_kill LEFT JOIN cgroup c USING (cgroup_id) WHERE seen_count < counted_count")
      << query("SELECT path, (at_us - " + std::to_string(kNoon) +
               ") / 1e6, count, named_count, unnamed_count FROM oom_count JOIN cgroup USING (cgroup_id) "
               "WHERE count <> named_count + unnamed_count");
  EXPECT_EQ(query("SELECT count(*) FROM oom_kill WHERE cgroup_by IS NULL"), "0\n");
  for (std::size_t i = 0; i < kills.size(); ++i) {
    const std::string path = cgroups_[kills[i].cgroup]->id.path.string();
    const std::string pid = std::to_string(1001 + i);
    EXPECT_EQ(query("SELECT cgroup_by FROM v_oom_kill WHERE victim_pid = " + pid + " AND path = '" + path +
                    "' UNION ALL SELECT 'candidates' FROM v_oom_kill k JOIN v_oom_kill_candidate c USING (oom_kill_id) "
                    "WHERE victim_pid = " +
                    pid + " AND k.path IS NULL AND c.path = '" + path + "'")
                  .empty(),
              false)
        << pid << " of " << path;
  }
}

TEST_F(OomKills, ReadAgainAfterARestartAreNotRecordedAgain) {
  store(history_, logged(5, kWeb, kNoon + 3 * kSecond));
  store(history_, logged(5, kWeb, kNoon + 4 * kSecond));
  EXPECT_EQ(query("SELECT count(*) FROM oom_kill"), "1\n");
}

TEST_F(OomKills, AreRecordedTogetherWithHowFarTheLogHasBeenRead) {
  store(history_, core::LogPosition{"old boot", 99});
  store(history_, logged(5, kWeb, kNoon + 3 * kSecond));
  EXPECT_EQ(query("SELECT * FROM kernel_log"), "boot|5\n");
  history_.end_run(kNoon + 5 * kSecond, "");
  const auto handover = history_.begin_run(kNoon + 6 * kSecond, "");
  ASSERT_TRUE(handover.log_position);
  EXPECT_EQ(handover.log_position->boot_id, "boot");
  EXPECT_EQ(handover.log_position->sequence, 5U);
}

TEST_F(OomKills, OfAContainerThatNoScanHasSeenGiveItARow) {
  const std::string id(64, 'a');
  const core::CgroupId young{kWeb.path + "/pod1/" + id, 0};  // below what was watched while it had no children
  auto kill = logged(5, young, kNoon + 3 * kSecond);
  kill.container = {.runtime = "containerd", .container_id = id, .pod_uid = "1", .qos_class = "burstable"};
  store(history_, kill);
  EXPECT_EQ(query("SELECT path, vanished, workload, kind FROM v_cgroup WHERE container_id IS NOT NULL"),
            young.path + "|1|pod/1|container\n");
  EXPECT_EQ(query("SELECT name FROM v_oom_kill"), "aaaaaaaaaaaa (pod 1)\n");
}

TEST_F(OomKills, OfWhatIsNotWatchedHaveThePathAlone) {
  store(history_, logged(5, {"/system.slice/cron.service", 0}, kNoon + 3 * kSecond));
  EXPECT_EQ(query("SELECT cgroup_id, victim_path FROM v_oom_kill"), "NULL|/system.slice/cron.service\n");
}

TEST_F(OomKills, NestedInAWatchedCgroupBelongToIt) {
  store(history_, logged(5, {"/kubepods/web/nested/deep", 0}, kNoon + 3 * kSecond));
  EXPECT_EQ(query("SELECT path, victim_path FROM v_oom_kill"), "/kubepods/web|/kubepods/web/nested/deep\n");
}

TEST_F(OomKills, HaveTheirCauseAndNumbersFromTheLogAndTheSamplesBefore) {
  for (int i = 1; i <= 5; ++i) {
    core::ScanRow row{.cgroup = kWebRef};
    row.gauges.set(core::Gauge::usage, static_cast<std::uint64_t>(i) * 40 * kMiB);
    row.gauges.set(core::Gauge::anon, static_cast<std::uint64_t>(i) * 40 * kMiB);
    row.gauges.set(core::Gauge::file, 0);
    store(history_, core::Scan{.started_at_us = kNoon + i * kSecond, .is_partial = true, .rows = {row}});
  }
  auto kill = logged(5, kWeb, kNoon + 6 * kSecond);
  kill.logged.memory = core::MemoryAtKill{.gauges = {}, .limit_bytes = 240 * kMiB};
  kill.logged.memory->gauges.set(core::Gauge::usage, 240 * kMiB);
  kill.logged.memory->gauges.set(core::Gauge::anon, 238 * kMiB);
  store(history_, kill);
  EXPECT_EQ(query("SELECT cause, measured_by, limit_bytes / 1048576, anon_bytes / 1048576, grew_from_bytes / 1048576, "
                  "grew_to_bytes / 1048576, round(growth_bytes_per_second / 1048576) FROM v_oom_kill"),
            "anon_growth|kernel_log|240|238|40|240|40.000000\n");
  store(history_, logged(6, {"/elsewhere", 0}, kNoon + 7 * kSecond));
  EXPECT_EQ(query("SELECT cause, measured_by, usage_bytes, grew_from_at_us, grew_to_bytes FROM v_oom_kill WHERE "
                  "cgroup_id IS NULL"),
            "NULL|NULL|NULL|NULL|NULL\n")
      << "nothing of the one before";
}

TEST_F(OomKills, AtAPodsLimitHaveTheCauseOfTheirOwnUnlessTheLimitIsReallyShared) {
  constexpr std::uint64_t kPodMib = 64;
  std::int64_t second = 10;
  core::CgroupKey key = 10;
  /// In a pod with a sandbox and, where it holds something, a second container.
  const auto cause = [&](const std::string& pod, const core::Limits& own, std::uint64_t second_mib) {
    core::Scan scan{.started_at_us = kNoon + second * kSecond};
    const auto add = [&](const std::string& path, core::CgroupKind kind, const core::Limits& limits,
                         std::uint64_t kib) {
      const auto made = std::make_shared<core::TrackedCgroup>(
          core::TrackedCgroup{.key = ++key, .id = {path, key}, .parent_length = 0, .limits = limits, .kind = kind});
      core::ScanRow row{.cgroup = made};
      row.gauges.set(core::Gauge::usage, kib * 1024);
      row.gauges.set(core::Gauge::anon, kib * 1024);
      scan.rows.push_back(row);
      return made->id;
    };
    const auto victim = add(pod + "/" + std::string(64, 'a'), core::CgroupKind::container, own, 40 * 1024);
    add(pod + "/" + std::string(64, 'b'), core::CgroupKind::container, {}, 300);
    if (second_mib > 0) add(pod + "/" + std::string(64, 'c'), core::CgroupKind::container, {}, second_mib * 1024);
    add(pod, core::CgroupKind::pod, {.limit_bytes = kPodMib * kMiB}, 0);
    store(history_, scan);
    auto kill = logged(static_cast<std::uint64_t>(second), victim, kNoon + (second + 1) * kSecond);
    kill.logged.limit_path = pod;
    kill.logged.memory = core::MemoryAtKill{.gauges = {}, .limit_bytes = kPodMib * kMiB};
    kill.logged.memory->gauges.set(core::Gauge::usage, kPodMib * kMiB);
    kill.logged.memory->gauges.set(core::Gauge::anon, kPodMib * kMiB);
    store(history_, kill);
    second += 10;
    return query("SELECT cause FROM oom_kill ORDER BY oom_kill_id DESC LIMIT 1");
  };
  const auto pod = [](char digit) {
    return "/kubepods/pod0f5b1c2d-1111-2222-3333-44445555666" + std::string(1, digit);
  };
  const core::Limits none, same{.limit_bytes = kPodMib * kMiB}, smaller{.limit_bytes = kPodMib / 2 * kMiB};
  EXPECT_EQ(cause(pod('1'), same, 20), "anon_growth\n");
  EXPECT_EQ(cause(pod('2'), none, 20), "anon_growth\n");
  EXPECT_EQ(cause(pod('3'), none, 32), "ancestor_limit\n") << "the others held half of it";
  EXPECT_EQ(cause(pod('4'), smaller, 20), "ancestor_limit\n");
  EXPECT_EQ(cause(pod('5'), smaller, 0), "anon_growth\n") << "it is alone but for the sandbox";
  EXPECT_EQ(cause("/kubepods/burstable", none, 0), "ancestor_limit\n") << "that is no pod";
}

TEST_F(OomKills, WithoutTheLogHaveThemFromTheLastSample) {
  core::ScanRow row{.cgroup = kWebRef};
  row.gauges.set(core::Gauge::usage, 200 * kMiB);
  row.gauges.set(core::Gauge::file, 150 * kMiB);
  row.gauges.set(core::Gauge::shmem, 150 * kMiB);
  store(history_, core::Scan{.started_at_us = kNoon + kSecond, .rows = {row}}, counted(kWeb, kNoon + 10 * kSecond));
  EXPECT_EQ(query("SELECT cause, measured_by, shmem_bytes / 1048576, cache_bytes FROM v_oom_kill"),
            "shmem|sample|150|0\n");
}

TEST_F(OomKills, WithoutTheLogAreNotToldFromTheSampleThatSawTheCounterRise) {
  for (const auto& [second, mib] : {std::pair{1, 80}, {2, 90}, {3, 1}}) {  // the last one is what is left
    core::ScanRow row{.cgroup = kWebRef};
    row.gauges.set(core::Gauge::usage, static_cast<std::uint64_t>(mib) * kMiB);
    row.gauges.set(core::Gauge::anon, static_cast<std::uint64_t>(mib) * kMiB);
    store(history_, core::Scan{.started_at_us = kNoon + second * kSecond, .rows = {row}});
  }
  store(history_, core::CountedOomKills{
                      .id = kWeb, .since_at_us = kNoon + 2 * kSecond, .at_us = kNoon + 3 * kSecond, .count = 1});
  EXPECT_EQ(
      query("SELECT usage_bytes / 1048576, (measured_at_us - " + std::to_string(kNoon) + ") / 1000000 FROM v_oom_kill"),
      "90|2\n");
}

TEST_F(OomKills, OfACgroupThatNoScanHasSeenYetAreMatchedByTheirPath) {
  const core::CgroupId job{"/kubepods/web/job", 9};  // below a cgroup that was a leaf before
  auto kill = logged(5, job, kNoon + 3 * kSecond);
  kill.logged.memory = core::MemoryAtKill{.gauges = {}, .limit_bytes = 64 * kMiB};
  kill.logged.memory->gauges.set(core::Gauge::usage, 64 * kMiB);
  kill.logged.memory->gauges.set(core::Gauge::anon, 63 * kMiB);
  store(history_, kill);
  EXPECT_EQ(query("SELECT path FROM v_oom_kill"), "/kubepods/web\n");
  store(history_, core::Scan{.started_at_us = kNoon + 10 * kSecond, .rows = {{.cgroup = test::tracked(3, job)}}},
        counted(job, kNoon + 10 * kSecond));
  EXPECT_EQ(query("SELECT path, source, cause, measured_by, limit_bytes / 1048576 FROM v_oom_kill"),
            "/kubepods/web/job|kernel_log|anon_growth|kernel_log|64\n");
}

TEST_F(OomKills, WithoutACgroupOfLongAgoOrOfAnotherBootAreNobodysNow) {
  store(history_, logged(5, {}, kNoon - 3600 * kSecond));
  core::CountedOomKills young = counted(kWeb, kNoon + 10 * kSecond);
  young.since_at_us.reset();
  store(history_, young);
  EXPECT_EQ(query("SELECT source, path FROM v_oom_kill ORDER BY 1"), "counter|/kubepods/web\nkernel_log|NULL\n");
  store(history_, logged(6, {}, kNoon + 20 * kSecond), core::LogPosition{"the next boot", 1});
  store(history_, counted(kDb, kNoon + 25 * kSecond));
  EXPECT_EQ(query("SELECT source FROM v_oom_kill WHERE path = '/kubepods/db'"), "counter\n");
}

TEST_F(OomKills, ThatTheCounterShowsAfterARestartAreMatchedSinceTheLastScanOfAll) {
  store(history_, logged(5, kWeb, kNoon + kSecond));
  for (int i = 2; i <= 60; ++i) {  // of another
    store(history_, core::Scan{.started_at_us = kNoon + i * kSecond, .is_partial = true, .rows = {{.cgroup = kDbRef}}});
  }
  history_.end_run(kNoon + 61 * kSecond, "");
  history_.begin_run(kNoon + 62 * kSecond, "");
  store(history_, core::LogPosition{"boot", 6},
        core::Scan{.started_at_us = kNoon + 63 * kSecond, .rows = {{.cgroup = kWebRef}, {.cgroup = kDbRef}}});
  core::CountedOomKills counted_now = counted(kWeb, kNoon + 63 * kSecond);
  counted_now.since_at_us.reset();
  store(history_, counted_now);
  EXPECT_EQ(kills(), "/kubepods/web|kernel_log|1005|1|1|1\n");
}

TEST_F(OomKills, OfACgroupThatWasMadeAgainAtOnceAreThoseOfTheOneBefore) {
  store(history_, logged(5, {kWeb.path, 4711}, kNoon + 3 * kSecond));
  EXPECT_EQ(query("SELECT path FROM v_oom_kill"), "/kubepods/web\n");
}

TEST_F(OomKills, OfACgroupThatWasRenamedSinceAreNotCountedTwice) {
  store(history_, logged(5, kWeb, kNoon + 3 * kSecond));
  const core::CgroupId renamed{"/kubepods/renamed", kWeb.inode};
  store(
      history_,
      core::Scan{.started_at_us = kNoon + 10 * kSecond, .rows = {{.cgroup = test::tracked(3, renamed)}}, .hidden = {1}},
      counted(renamed, kNoon + 10 * kSecond));
  EXPECT_EQ(kills(), "/kubepods/web|kernel_log|1005|3|1|1\n");
}

TEST_F(OomKills, OfOneThatWasMadeAgainAfterTheKillAreOfTheOneBefore) {
  const core::CgroupId again{kWeb.path, 99};
  store(history_, core::Scan{.started_at_us = kNoon + 4 * kSecond, .rows = {{.cgroup = test::tracked(3, again)}}});
  store(history_, logged(5, {kWeb.path, 0}, kNoon + 3 * kSecond));
  EXPECT_EQ(query("SELECT inode FROM oom_kill JOIN cgroup USING (cgroup_id)"), "7\n");
}

TEST_F(OomKills, OfTheNodeStaySoWhenTheirCgroupBecomesKnown) {
  auto kill = logged(5, {}, kNoon + 3 * kSecond);
  kill.logged.scope = core::OomScope::node;
  store(history_, kill, counted(kWeb, kNoon + 10 * kSecond));
  scan(10);
  scan(20);
  EXPECT_EQ(query("SELECT path, scope, cause FROM v_oom_kill"), "/kubepods/web|node|node\n");
}

TEST_F(OomKills, AreMatchedAlthoughTheClockWasSetBack) {
  store(history_, logged(5, kWeb, kNoon + 3 * kSecond));
  core::CountedOomKills late = counted(kWeb, kNoon - 3600 * kSecond);
  late.since_at_us = kNoon;
  store(history_, late);
  EXPECT_EQ(query("SELECT source FROM oom_kill"), "kernel_log\n");
}

TEST_F(OomKills, ThatTheLogTellsLaterAreMatchedAlthoughTheClockWasSetBack) {
  core::CountedOomKills early = counted(kWeb, kNoon + 600 * kSecond);
  early.since_at_us = kNoon + 3600 * kSecond;
  store(history_, early, logged(5, kWeb, kNoon + 599 * kSecond));
  EXPECT_EQ(query("SELECT source FROM oom_kill"), "kernel_log\n");
}

TEST_F(OomKills, KeepTheSamplesOnceADayOfEachWorkload) {
  for (int i = 0; i < 5; ++i) {
    const auto at_us = kNoon + i * 10 * 3600 * kSecond;
    store(history_, logged(static_cast<std::uint64_t>(10 + i), kWeb, at_us),
          logged(static_cast<std::uint64_t>(20 + i), kDb, at_us));
  }
  EXPECT_EQ(
      query(
          "SELECT path, group_concat(keeps_samples) FROM oom_kill JOIN cgroup USING (cgroup_id) GROUP BY 1 ORDER BY 1"),
      "/kubepods/db|1,0,0,1,0\n/kubepods/web|1,0,0,1,0\n");
}

}  // namespace
}  // namespace cgmm::store
