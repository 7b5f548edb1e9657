// SPDX-License-Identifier: Apache-2.0
// What reports answer where samples are gone: the hours do, and nothing is counted twice. Four hours of two cgroups, a
// scan a minute; usage, cache and faults are multiples of 60 or the same all the time, so that averages are whole.
#include <gtest/gtest.h>

#include "report/catalog.hpp"
#include "report/format/row.hpp"
#include "support/made_history.hpp"

namespace cgmm::report {
namespace {

using core::Cell;
using core::Table;

constexpr std::int64_t kMinuteUs = 60'000'000;
constexpr std::int64_t kHourUs = 60 * kMinuteUs;
constexpr std::int64_t kBeginUs = 490'000 * kHourUs;
constexpr std::int64_t kEndUs = kBeginUs + 4 * kHourUs;
constexpr std::int64_t kKiB = 1024;

class Hours : public testing::Test {
 protected:
  Hours() {
    for (const int id : {1, 2}) {
      history.add_cgroup(id, "/c" + std::to_string(id), "shop/web/app", 100'000 * kKiB);
      history.exec("UPDATE cgroup SET first_seen_at_us = " + std::to_string(kBeginUs));
    }
    for (std::int64_t at_us = kBeginUs; at_us < kEndUs; at_us += kMinuteUs) {
      const std::int64_t minute = (at_us - kBeginUs) / kMinuteUs;
      history.add_scan(at_us);
      history.add_sample(at_us, 1, 1200 * (1 + minute % 2), 600, 60);
      history.add_sample(at_us, 2, 90'000 + minute, 0, 0);
    }
    history.exec("UPDATE sample SET refault_file = cgroup_id, pgmajfault = 3");
  }

  Table run(const std::string& name, std::int64_t since_us = kBeginUs, std::int64_t until_us = kEndUs) {
    return history.run(find_report({}, name).value().sql,
                       {{"since_us", since_us}, {"until_us", until_us}, {"cgroup_glob", std::string("*")}});
  }

  /// The three first hours are rolled up. Samples before `us` are gone.
  void age(std::int64_t us = kBeginUs + 2 * kHourUs) {
    history.roll_up(kBeginUs + 3 * kHourUs);
    history.exec("DELETE FROM sample WHERE scan_id < " + std::to_string(us));  // a made scan's id is its time
  }

  static void expect_same(const Table& one, const Table& other, const std::vector<std::string>& but) {
    ASSERT_EQ(one.rows.size(), other.rows.size());
    for (std::size_t row = 0; row < one.rows.size(); ++row) {
      for (const std::string& column : one.columns) {
        if (std::ranges::find(but, column) != but.end()) continue;
        EXPECT_EQ(Row(one, row).cell(column), Row(other, row).cell(column)) << column << " of row " << row;
      }
    }
  }

  test::MadeHistory history;
};

class HoursSince : public Hours, public testing::WithParamInterface<std::int64_t> {};

TEST_P(HoursSince, WhatWasSaidWithSamplesIsSaidWithoutThem) {
  const std::int64_t since_us = kBeginUs + GetParam() * kMinuteUs;
  const Table cgroups = run("cgroups", since_us), refaults = run("refaults", since_us);
  for (const Table& table : {cgroups, refaults}) {
    ASSERT_EQ(table.rows.size(), 2u);
    EXPECT_EQ(Row(table).text("measured"), "samples");
  }
  age(since_us);
  const Table cgroups_now = run("cgroups", since_us), refaults_now = run("refaults", since_us);
  EXPECT_EQ(Row(cgroups_now).text("measured"), "hours and samples");
  EXPECT_EQ(Row(refaults_now).text("measured"), "hours and samples");
  expect_same(refaults, refaults_now, {"measured"});
  expect_same(cgroups, cgroups_now, {"measured", "usage_avg_bytes"});
  EXPECT_EQ(Row(cgroups_now, 1).cell("usage_avg_bytes"), Row(cgroups, 1).cell("usage_avg_bytes"));
  // In each hour an average is rounded down to KiB.
  const std::int64_t lower_by = Row(cgroups).integer("usage_avg_bytes") - Row(cgroups_now).integer("usage_avg_bytes");
  EXPECT_TRUE(lower_by >= 0 && lower_by < kKiB) << lower_by;
}

INSTANTIATE_TEST_SUITE_P(Minutes, HoursSince, testing::Values(0, 90));

TEST_F(Hours, OnlyWholeHoursAnswerForSamplesThatAreGone) {
  age();
  const Table all = run("cgroups", kBeginUs + 30 * kMinuteUs);
  EXPECT_EQ(Row(all, 1).integer("samples"), 180) << "half an hour is gone: no whole hour has it";
  EXPECT_EQ(Row(all, 1).integer("first_seen_at_us"), kBeginUs + kHourUs);
  const Table old = run("cgroups", kBeginUs, kBeginUs + 2 * kHourUs + 1);
  EXPECT_EQ(Row(old, 1).text("measured"), "hours and samples") << "a microsecond has one sample";
  EXPECT_EQ(Row(old, 1).integer("samples"), 121);
  EXPECT_EQ(Row(run("cgroups", kBeginUs, kBeginUs + kHourUs), 1).text("measured"), "hours");
}

TEST_F(Hours, SamplesAroundAnOomKillAreNotCountedBesideTheirHour) {
  history.roll_up(kBeginUs + 3 * kHourUs);
  history.exec("DELETE FROM sample WHERE scan_id < " + std::to_string(kBeginUs + 30 * kMinuteUs) +
               " OR scan_id BETWEEN " + std::to_string(kBeginUs + 70 * kMinuteUs) + " AND " +
               std::to_string(kBeginUs + 2 * kHourUs));
  EXPECT_EQ(Row(run("cgroups"), 1).integer("samples"), 240);
}

TEST_F(Hours, AnHourThatIsBeingRolledUpIsMeasuredBySamples) {
  history.roll_up(kBeginUs + 3 * kHourUs);
  history.exec("UPDATE rolled_up SET scan_id = " + std::to_string(kBeginUs + 2 * kHourUs - kMinuteUs));
  history.exec("DELETE FROM sample_hour WHERE cgroup_id = 2 AND hour_at_us = " +
               std::to_string(kBeginUs + 2 * kHourUs));
  for (const std::size_t row : {0U, 1U}) EXPECT_EQ(Row(run("cgroups"), row).integer("samples"), 240);
}

TEST_F(Hours, GrowthIsFromOrToTheHourThatCoversAnEndWithoutSamples) {
  // 2 holds what the minute is, over 90000. Its samples stay from minute 50 to 75, as around an OOM kill.
  history.roll_up(kBeginUs + 3 * kHourUs);
  history.exec("DELETE FROM sample WHERE scan_id NOT BETWEEN " + std::to_string(kBeginUs + 50 * kMinuteUs) + " AND " +
               std::to_string(kBeginUs + 75 * kMinuteUs));
  history.exec("UPDATE cgroup SET workload = path");
  const auto told = [&](const char* report, const char* column, int since_minute, int until_minute) -> std::string {
    const Table table = run(report, kBeginUs + since_minute * kMinuteUs, kBeginUs + until_minute * kMinuteUs);
    for (const Row row : rows_of(table)) {
      if (row.text(column) != "/c2") continue;
      return std::to_string(row.integer("usage_before_bytes") / kKiB - 90'000) + " to " +
             std::to_string(row.integer("usage_after_bytes") / kKiB - 90'000) + ", " + row.text("measured");
    }
    return "";
  };
  const auto growth = [&](int since_minute, int until_minute) {
    return told("growth", "workload", since_minute, until_minute);
  };
  const auto of_cgroup = [&](int since_minute, int until_minute) {
    return told("biggest_growth", "path", since_minute, until_minute);
  };
  EXPECT_EQ(growth(52, 72), "54 to 69, samples");
  EXPECT_EQ(growth(0, 180), "29 to 149, hours");
  EXPECT_EQ(growth(52, 120), "54 to 89, samples, then an hour") << "the hour's first samples are left";
  EXPECT_EQ(growth(52, 100), "54 to 89, samples, then an hour") << "it ends after the window";
  EXPECT_EQ(growth(20, 72), "29 to 69, an hour, then samples") << "it begins before the window";
  EXPECT_EQ(growth(20, 80), "29 to 73, an hour, then samples") << "five minutes without samples are not many";
  EXPECT_EQ(growth(100, 150), "89 to 149, hours") << "no whole hour is in the window";
  EXPECT_EQ(growth(130, 150), "") << "one hour alone";
  EXPECT_EQ(of_cgroup(52, 72), "52 to 71, samples");
  EXPECT_EQ(of_cgroup(0, 180), "29 to 149, averages of hours");
  EXPECT_EQ(of_cgroup(52, 100), "52 to 89, to the average of an hour");
  EXPECT_EQ(of_cgroup(20, 72), "29 to 71, from the average of an hour");
  EXPECT_EQ(of_cgroup(130, 150), "") << "one hour alone";
  history.exec("DELETE FROM sample WHERE scan_id < " + std::to_string(kBeginUs + 70 * kMinuteUs));
  EXPECT_EQ(growth(60, 120), "71 to 74, samples") << "one hour alone says less than its samples";
}

TEST_F(Hours, TheMostCacheOfAnHourIsKnownOnlyWhereSharedMemoryStayedTheSame) {
  age();
  EXPECT_EQ(Row(run("cgroups"), 1).integer("cache_max_bytes"), 540 * kKiB);
  history.exec("UPDATE sample_hour SET shmem_max_kib = 61");
  EXPECT_EQ(Row(run("cgroups"), 1).cell("cache_max_bytes"), Cell{});
}

TEST_F(Hours, WhatWasHeldAtTheEndOfAnOldWindowIsTheAverageOfItsLastHour) {
  age();
  const std::int64_t until_us = kBeginUs + kHourUs + 50 * kMinuteUs;
  const Table workloads = run("memory_by_workload", kBeginUs, until_us);
  ASSERT_EQ(workloads.rows.size(), 1u);
  EXPECT_EQ(Row(workloads).text("measured"), "hours");
  EXPECT_EQ(Row(workloads).integer("running"), 2);
  EXPECT_EQ(Row(workloads).integer("usage_bytes"), (1800 + 90'029) * kKiB);
  EXPECT_EQ(Row(run("top_cache", kBeginUs, until_us)).integer("reclaimable_cache_bytes"), 540 * kKiB);
  EXPECT_EQ(Row(run("top_cache", kBeginUs, until_us)).integer("at_us"), kBeginUs);
  EXPECT_EQ(Row(run("working_set", kBeginUs, until_us)).text("measured"), "hours");
  EXPECT_EQ(Row(run("memory_by_workload")).text("measured"), "samples");
  EXPECT_TRUE(run("memory_by_workload", kBeginUs + kMinuteUs, kBeginUs + kHourUs).rows.empty()) << "no whole hour";
  history.exec("UPDATE cgroup SET vanished_at_us = " + std::to_string(kBeginUs + kHourUs - 1) + " WHERE cgroup_id = 1");
  EXPECT_EQ(Row(run("memory_by_workload", kBeginUs, until_us)).integer("usage_bytes"), 90'029 * kKiB);
}

TEST_F(Hours, ACgroupThatWasInTheLastScanOfAnHourCountsThoughTheServiceStoppedThen) {
  age(kEndUs);
  const std::int64_t last_us = kBeginUs + 40 * kMinuteUs;
  history.exec("DELETE FROM scan WHERE scan_id > " + std::to_string(last_us) + " AND scan_id < " +
               std::to_string(kBeginUs + 3 * kHourUs));
  history.exec("UPDATE cgroup SET vanished_at_us = " + std::to_string(last_us) +
               ", last_seen_at_us = " + std::to_string(last_us) + " - cgroup_id % 2");  // the first had ended before
  const auto held = [&](const char* report) { return run(report, kBeginUs, kBeginUs + kHourUs); };
  EXPECT_EQ(Row(held("memory_by_workload")).integer("running"), 1);
  EXPECT_EQ(Row(held("memory_by_workload")).integer("usage_bytes"), 90'029 * kKiB);
  EXPECT_EQ(Row(held("working_set"), 1).text("pod_or_cgroup"), "/c2");
  const Table grown = run("biggest_growth", kBeginUs, kBeginUs + 2 * kHourUs);
  ASSERT_EQ(grown.rows.size(), 1u);
  EXPECT_EQ(Row(grown).integer("grown_bytes"), 60 * kKiB) << "from hour to hour";
}

TEST_F(Hours, ANearMissIsFoundInTheSamplesOfTheHoursThatCanHaveOne) {
  history.exec("UPDATE sample SET usage_kib = 96000 WHERE cgroup_id = 2 AND scan_id = " + std::to_string(kBeginUs));
  history.exec("UPDATE sample SET usage_kib = 20000, peak_kib = 97000 WHERE cgroup_id = 1 AND scan_id = " +
               std::to_string(kBeginUs + 80 * kMinuteUs));
  const Table before = run("near_misses");
  ASSERT_EQ(before.rows.size(), 2u);
  age(kBeginUs);
  expect_same(before, run("near_misses"), {});
}

TEST_F(Hours, ANearMissWithoutSamplesIsToldByAnonymousMemoryAlone) {
  history.exec("UPDATE sample SET usage_kib = 99000, anon_kib = 96000 WHERE cgroup_id = 2 AND scan_id = " +
               std::to_string(kBeginUs + kMinuteUs));
  history.exec("UPDATE sample SET usage_kib = 99000, file_kib = 80000 WHERE cgroup_id = 1 AND scan_id = " +
               std::to_string(kBeginUs + 80 * kMinuteUs));
  age();
  const Table table = run("near_misses");
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(Row(table).text("path"), "/c2");
  EXPECT_EQ(Row(table).integer("peak_bytes"), 96'000 * kKiB);
  EXPECT_EQ(Row(table).integer("peak_at_us"), kBeginUs);
  EXPECT_EQ(Row(table).integer("episodes"), 1);
  EXPECT_EQ(Row(table).cell("near_us"), Cell{});
  EXPECT_EQ(Row(table).text("measured"), "hours");
  EXPECT_EQ(Row(table, 1).text("cgroup"), "(not known)");
  EXPECT_EQ(Row(table, 1).text("how"), "1 cgroup was full up to then, and its samples are gone");
  EXPECT_EQ(Row(table, 1).integer("peak_at_us"), kBeginUs + 2 * kHourUs);
  history.add_kill(2, kBeginUs + 5 * kMinuteUs);
  EXPECT_EQ(run("near_misses").rows.size(), 1u) << "it may have been killed for it";
}

TEST_F(Hours, APodNearItsLimitIsFoundByWhatItHoldsAltogether) {
  history.exec("UPDATE cgroup SET kind = 'pod', path = '/p' WHERE cgroup_id = 1");
  history.exec("UPDATE cgroup SET kind = 'container', path = '/p/c' WHERE cgroup_id = 2");
  history.exec("UPDATE cgroup_limit SET effective_limit_bytes = 92000 * 1024 WHERE cgroup_id = 1");
  const Table before = run("near_misses");
  ASSERT_EQ(before.rows.size(), 1u);
  age(kBeginUs);
  expect_same(before, run("near_misses"), {});
  history.exec("DELETE FROM sample");
  EXPECT_EQ(Row(run("near_misses")).text("cgroup"), "(not known)");
}

TEST_F(Hours, ARestartIsACgroupThatBeganAfterAnotherOfItsWorkload) {
  const auto restarts = [&] { return Row(run("memory_by_workload")).integer("restarts"); };
  EXPECT_EQ(restarts(), 0) << "those of the first scan were there before";
  history.add_cgroup(3, "/c3", "shop/web/app", 100'000 * kKiB);
  history.exec("UPDATE cgroup SET first_seen_at_us = " + std::to_string(kEndUs - 2 * kMinuteUs) +
               " WHERE cgroup_id = 3");
  EXPECT_EQ(restarts(), 1) << "as in history; a new replica looks the same";
  history.exec("UPDATE cgroup SET first_seen_by = 'found' WHERE cgroup_id = 3");
  EXPECT_EQ(restarts(), 0) << "it may be older";
  history.exec(
      "UPDATE cgroup SET vanished_at_us = first_seen_at_us + 60000000, vanished_by = 'removed' WHERE "
      "cgroup_id = 1");
  EXPECT_EQ(restarts(), 1) << "one on record had ended, and this one was not on record";
  history.exec("UPDATE cgroup SET vanished_by = 'hidden' WHERE cgroup_id = 1");
  EXPECT_EQ(restarts(), 0) << "it goes on under another name";
  history.exec(
      "UPDATE cgroup SET vanished_by = 'removed', vanished_at_us = (SELECT first_seen_at_us FROM cgroup WHERE "
      "cgroup_id = 3) WHERE cgroup_id IN (1, 3)");
  EXPECT_EQ(restarts(), 0) << "not before";
  history.exec("UPDATE cgroup SET first_seen_by = 'made', workload = 'shop/new/app' WHERE cgroup_id = 3");
  EXPECT_EQ(restarts(), 0) << "the first of its workload";
}

}  // namespace
}  // namespace cgmm::report
