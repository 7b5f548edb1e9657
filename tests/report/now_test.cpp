// SPDX-License-Identifier: Apache-2.0
// `report now`: what each cgroup held at one instant, and how that compares with its limit and with some minutes
// before.
#include <gtest/gtest.h>

#include "report/catalog.hpp"
#include "report/format/row.hpp"
#include "support/made_history.hpp"

namespace cgmm::report {
namespace {

using core::Cell;
using core::Table;

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kHourUs = 3600 * kSecondUs;
constexpr std::int64_t kBeginUs = 490'000 * kHourUs;
constexpr std::int64_t kKiB = 1024;

/// A service, and a pod with one container; a scan every minute for ten minutes.
class Now : public testing::Test {
 protected:
  Now() {
    history.add_cgroup(1, "/system.slice/db.service", "", 4000 * kKiB);
    history.add_cgroup(2, "/kubepods/pod1", "shop/web", 2000 * kKiB);
    history.add_cgroup(3, "/kubepods/pod1/abc", "shop/web/app", 2000 * kKiB);
    history.exec(
        "UPDATE cgroup SET kind = CASE cgroup_id WHEN 1 THEN 'leaf' WHEN 2 THEN 'pod' ELSE 'container' END, "
        "pod_uid = iif(cgroup_id > 1, 'uid', NULL)");
    for (std::int64_t minute = 0; minute < 10; ++minute) {
      const std::int64_t at_us = kBeginUs + minute * 60 * kSecondUs;
      history.add_scan(at_us);
      history.add_sample(at_us, 1, 1000 + 300 * minute, 600);
      history.add_sample(at_us, 2, 100);
      history.add_sample(at_us, 3, 1500, 400);
    }
    history.exec("UPDATE sample SET psi_some_us = 600000, psi_full_us = 60000, refault_file = 2");
  }

  Table at(std::int64_t until_us, const std::string& glob = "*") {
    return history.run(find_report({}, "now").value().sql,
                       {{"since_us", kBeginUs - kHourUs}, {"until_us", until_us}, {"cgroup_glob", glob}});
  }

  static std::size_t place(const Table& table, const std::string& cgroup) {
    for (std::size_t row = 0; row < table.rows.size(); ++row)
      if (Row(table, row).text("cgroup") == cgroup) return row;
    throw std::invalid_argument(cgroup);
  }

  test::MadeHistory history;
  const std::string kDb = "/system.slice/db.service", kPod = "/kubepods/pod1", kApp = "/kubepods/pod1/abc";
};

TEST_F(Now, TellsTheLastScanBeforeTheEnd) {
  const Table table = at(kBeginUs + 8 * 60 * kSecondUs + 1);
  ASSERT_EQ(table.rows.size(), 3u);
  const Row db(table);
  EXPECT_EQ(db.text("cgroup"), kDb) << "what uses most is first";
  EXPECT_EQ(db.integer("at_us"), kBeginUs + 8 * 60 * kSecondUs);
  EXPECT_EQ(db.text("measured"), "samples");
  EXPECT_EQ(db.integer("usage_bytes"), 3400 * kKiB);
  EXPECT_EQ(db.integer("held_bytes"), 2800 * kKiB);
  EXPECT_EQ(db.integer("reclaimable_cache_bytes"), 600 * kKiB);
  EXPECT_EQ(db.integer("limit_bytes"), 4000 * kKiB);
  EXPECT_EQ(db.cell("used_pct"), Cell{85.0});
  EXPECT_EQ(db.cell("held_pct"), Cell{70.0});
  EXPECT_EQ(db.cell("psi_some_pct"), Cell{1.0}) << "0.6 s of a minute";
  EXPECT_EQ(db.cell("psi_full_pct"), Cell{0.1});
  EXPECT_EQ(db.integer("refaulted_bytes"), 2 * 4096);
  EXPECT_EQ(at(kBeginUs + 8 * 60 * kSecondUs + 1, "*abc*").rows.size(), 1u);
  EXPECT_TRUE(at(kBeginUs).rows.empty());
}

TEST_F(Now, GrowthIsAgainstFiveMinutesBefore) {
  const Table late = at(kBeginUs + 8 * 60 * kSecondUs + 1);
  EXPECT_EQ(Row(late).cell("growth_bytes_per_second"), Cell{300.0 * 5 * kKiB / 300});
  const Table early = at(kBeginUs + 4 * 60 * kSecondUs);
  EXPECT_EQ(Row(early).cell("growth_bytes_per_second"), Cell{}) << "there is nothing five minutes before";
  history.exec("DELETE FROM sample WHERE cgroup_id = 1 AND scan_id = " + std::to_string(kBeginUs + 180 * kSecondUs));
  EXPECT_EQ(Row(at(kBeginUs + 8 * 60 * kSecondUs + 1)).cell("growth_bytes_per_second"), Cell{}) << "it was not there";
}

TEST_F(Now, APodIsAsFullAsAllInItAndAnInnerCgroupHasNoShare) {
  const Table table = at(kBeginUs + kHourUs);
  const Row pod(table, place(table, kPod));
  EXPECT_EQ(pod.integer("usage_bytes"), 100 * kKiB);
  EXPECT_EQ(pod.cell("used_pct"), Cell{80.0});
  EXPECT_EQ(pod.cell("held_pct"), Cell{60.0});
  EXPECT_EQ(Row(table, place(table, kApp)).cell("held_pct"), Cell{55.0});
  history.exec("UPDATE cgroup SET kind = 'inner' WHERE cgroup_id = 2");
  const Table inner = at(kBeginUs + kHourUs, "*pod1");
  EXPECT_EQ(Row(inner).cell("held_pct"), Cell{});
  EXPECT_EQ(Row(at(kBeginUs + kHourUs, "*abc")).cell("held_pct"), Cell{55.0}) << "only what is asked for is shown";
}

TEST_F(Now, APartialScanCountsButIsNotTheInstant) {
  const std::int64_t at_us = kBeginUs + 8 * 60 * kSecondUs - 30 * kSecondUs;
  history.add_scan(at_us, true);
  history.add_sample(at_us, 1, 9999);
  history.exec("UPDATE sample SET psi_some_us = 600000 WHERE scan_id = " + std::to_string(at_us));
  EXPECT_EQ(Row(at(at_us + 1)).integer("at_us"), kBeginUs + 7 * 60 * kSecondUs);
  EXPECT_EQ(Row(at(kBeginUs + 8 * 60 * kSecondUs + 1)).cell("psi_some_pct"), Cell{2.0}) << "both samples";
}

TEST_F(Now, TheLimitIsTheOneThatWasInForce) {
  history.exec("INSERT INTO cgroup_limit VALUES (1, " + std::to_string(kBeginUs + 500 * kSecondUs) +
               ", 1, 5000, NULL)");
  EXPECT_EQ(Row(at(kBeginUs + 8 * 60 * kSecondUs + 1)).integer("limit_bytes"), 4000 * kKiB);
  EXPECT_EQ(Row(at(kBeginUs + kHourUs)).integer("limit_bytes"), 5000);
}

TEST_F(Now, CountsTheKillsOfACgroupAndOfTheContainerBeforeItWasRestarted) {
  history.add_cgroup(4, "/kubepods/pod1/before", "shop/web/app", 2000 * kKiB);
  history.add_cgroup(5, "/kubepods/pod1/other", "shop/web/app", 2000 * kKiB);
  history.add_cgroup(6, "/kubepods/pod2/abc", "shop/web/app", 2000 * kKiB);
  history.exec(
      "UPDATE cgroup SET pod_uid = iif(cgroup_id = 6, 'uid2', 'uid'), container = iif(cgroup_id = 5, 'other', 'app') "
      "WHERE cgroup_id >= 3");
  for (int id = 0; id <= 6; ++id) history.add_kill(id, kBeginUs + id * kSecondUs);
  history.add_kill(1, kBeginUs + 20 * 60 * kSecondUs);
  history.add_kill(1, kBeginUs - 2 * kHourUs);
  history.exec("UPDATE oom_kill SET kill_count = 3 WHERE cgroup_id = 4");
  const Table table = at(kBeginUs + 10 * 60 * kSecondUs);
  const auto kills = [&](const std::string& path) {
    for (const Row row : rows_of(table))
      if (row.text("path") == path) return row.integer("oom_kills");
    return std::int64_t{-1};
  };
  EXPECT_EQ(kills(kDb), 1) << "in the window";
  EXPECT_EQ(kills(kPod), 1);
  EXPECT_EQ(kills(kApp), 4) << "with those before the restart";
  EXPECT_EQ(Row(at(kBeginUs + 3 * kSecondUs, kDb)).integer("oom_kills"), 1);
  EXPECT_EQ(Row(at(kBeginUs + kSecondUs, kDb)).integer("oom_kills"), 0);
}

TEST_F(Now, TellsTheLastReclaimAndItsCooldown) {
  const std::int64_t at_us = kBeginUs + 100 * kSecondUs;
  for (const std::string what : {"0, 'done'", "90000000, 'dry_run'"}) {
    history.exec(
        "INSERT INTO reclaim (cgroup_id, method, threshold_bytes, started_at_us, outcome) VALUES (1, 'force_empty', "
        "1, " +
        std::to_string(at_us) + " + " + what + ")");
  }
  history.exec("INSERT INTO cooldown (cgroup_id, last_reclaim_at_us, until_us) VALUES (1, " + std::to_string(at_us) +
               ", " + std::to_string(at_us + 300 * kSecondUs) + ")");
  const Table during = at(at_us + 200 * kSecondUs), after = at(at_us + 400 * kSecondUs), before = at(at_us);
  EXPECT_EQ(Row(during).integer("last_reclaim_at_us"), at_us);
  EXPECT_EQ(Row(during).integer("cooldown_until_at_us"), at_us + 300 * kSecondUs);
  EXPECT_EQ(Row(after).integer("last_reclaim_at_us"), at_us);
  EXPECT_EQ(Row(after).cell("cooldown_until_at_us"), Cell{});
  EXPECT_EQ(Row(before).cell("last_reclaim_at_us"), Cell{});
  EXPECT_EQ(Row(before).cell("cooldown_until_at_us"), Cell{});
}

TEST_F(Now, AnHourAnswersWhereItsSamplesAreGone) {
  for (std::int64_t minute = 60; minute <= 130; ++minute) {
    history.add_scan(kBeginUs + minute * 60 * kSecondUs);
    for (const int id : {1, 2, 3}) history.add_sample(kBeginUs + minute * 60 * kSecondUs, id, 5000 * id, 600);
  }
  history.exec("UPDATE sample SET psi_some_us = 600000, refault_file = 2");
  history.roll_up(kBeginUs + 2 * kHourUs);
  history.exec("DELETE FROM sample");
  const Table table = at(kBeginUs + 2 * kHourUs + 60 * kSecondUs);
  ASSERT_EQ(table.rows.size(), 3u);
  const Row app(table);
  EXPECT_EQ(app.text("cgroup"), kApp);
  EXPECT_EQ(app.text("measured"), "hours");
  EXPECT_EQ(app.integer("at_us"), kBeginUs + kHourUs);
  EXPECT_EQ(app.integer("held_bytes"), (15'000 - 600) * kKiB);
  EXPECT_EQ(app.cell("growth_bytes_per_second"), Cell{(15'000 - 1500) * 1024 / 3600.0});
  EXPECT_EQ(app.cell("psi_some_pct"), Cell{1.0});
  EXPECT_EQ(app.integer("refaulted_bytes"), 60 * 2 * 4096);
}

}  // namespace
}  // namespace cgmm::report
