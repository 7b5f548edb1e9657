// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

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

TEST_F(OomKills, AreRecordedAtMostSixteenAtATimeByTheCounter) {
  store(history_, counted(kWeb, kNoon + 10 * kSecond, 5000));
  EXPECT_EQ(query("SELECT count(*) FROM oom_kill"), "16\n");
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

TEST_F(OomKills, WithoutACgroupInTheLogGetItFromTheCounter) {
  auto kill = logged(5, {}, kNoon + 3 * kSecond);
  store(history_, kill);
  EXPECT_EQ(kills(), "NULL|kernel_log|1005|3|1|0\n");
  store(history_, counted(kWeb, kNoon + 10 * kSecond));
  EXPECT_EQ(kills(), "/kubepods/web|kernel_log|1005|3|1|1\n");
}

TEST_F(OomKills, WithoutACgroupInTheLogTakeThePlaceOfWhatTheCounterTold) {
  store(history_, counted(kWeb, kNoon + 10 * kSecond));
  store(history_, logged(5, {}, kNoon + 3 * kSecond));
  EXPECT_EQ(kills(), "/kubepods/web|kernel_log|1005|3|1|1\n");
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
  EXPECT_EQ(query("SELECT path, vanished, workload FROM v_cgroup WHERE container_id IS NOT NULL"),
            young.path + "|1|pod/1\n");
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

TEST_F(OomKills, OfTheNodeStaySoWhenTheirCgroupBecomesKnown) {
  auto kill = logged(5, {}, kNoon + 3 * kSecond);
  kill.logged.scope = core::OomScope::node;
  store(history_, kill, counted(kWeb, kNoon + 10 * kSecond));
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
