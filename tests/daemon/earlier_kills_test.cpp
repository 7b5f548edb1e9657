// SPDX-License-Identifier: Apache-2.0
#include "daemon/earlier_kills.hpp"

#include <gtest/gtest.h>

#include "support/tracked.hpp"

namespace cgmm::daemon {
namespace {

const core::CgroupRef kWeb = test::tracked(1, {"/web", 7});
const core::CgroupRef kDb = test::tracked(2, {"/db", 8});

/// The first scan of /web and /db, with the counters of /web and /db as they are read first.
core::Scan first_scan(std::uint64_t of_web, std::uint64_t of_db) {
  return {.started_at_us = 10,
          .rows = {{.cgroup = kWeb, .oom_kills_total = of_web}, {.cgroup = kDb, .oom_kills_total = of_db}}};
}
core::Scan next_scan() {
  core::Scan scan{.started_at_us = 20,
                  .rows = {{.cgroup = kWeb, .oom_kills_total = 5}, {.cgroup = kDb, .oom_kills_total = 5}}};
  for (core::ScanRow& row : scan.rows) row.increases.set(core::Counter::oom_kills, 0);
  return scan;
}
const EarlierKills::Totals kEarlier{{{"/web", 7}, 3}, {{"/db", 8}, 5}, {{"/gone", 9}, 1}};

std::vector<core::CountedOomKills> told_by(EarlierKills& earlier, core::Scan& scan) {
  std::vector<core::CountedOomKills> kills;
  earlier.add_to(scan, kills);
  return kills;
}
std::vector<core::CountedOomKills> told_by(EarlierKills& earlier, core::Scan&& scan) { return told_by(earlier, scan); }

TEST(EarlierKills, AreToldByTheFirstReadingAndAreInItsSample) {
  EarlierKills earlier;
  earlier.adopt(kEarlier);
  core::Scan scan = first_scan(5, 5);
  const auto kills = told_by(earlier, scan);
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].id, (core::CgroupId{"/web", 7}));
  EXPECT_EQ(kills[0].count, 2U);
  EXPECT_EQ(kills[0].at_us, 10);
  EXPECT_FALSE(kills[0].since_at_us);
  EXPECT_EQ(scan.rows[0].increases[core::Counter::oom_kills], 2U);
  EXPECT_EQ(scan.rows[1].increases[core::Counter::oom_kills], 0U);
  EXPECT_TRUE(told_by(earlier, first_scan(5, 5)).empty()) << "once";
}

TEST(EarlierKills, AreToldByTheNextScanWhenTheHistoryIsOpenedLater) {
  EarlierKills earlier;
  EXPECT_TRUE(told_by(earlier, first_scan(5, 5)).empty());
  EXPECT_TRUE(told_by(earlier, next_scan()).empty());
  earlier.adopt(kEarlier);
  core::Scan next = next_scan();
  const auto kills = told_by(earlier, next);
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(next.rows[0].increases[core::Counter::oom_kills], 2U) << "in a sample, too";
  EXPECT_EQ(kills[0].id.path, "/web");
  EXPECT_EQ(kills[0].count, 2U);
  EXPECT_EQ(kills[0].at_us, 20);
  EXPECT_TRUE(told_by(earlier, next_scan()).empty());
}

/// On record before the kills that it tells of, the counter would hide them from the next run.
TEST(EarlierKills, UntilTheyAreKnownTheCounterAndItsKillsStayOutOfTheScans) {
  EarlierKills earlier;
  core::Scan first = first_scan(5, 0);
  EXPECT_TRUE(told_by(earlier, first).empty());
  EXPECT_FALSE(first.rows[0].oom_kills_total);
  EXPECT_EQ(first.rows[1].oom_kills_total, 0U) << "before which there can't have been any";
  core::Scan next = next_scan();
  next.rows[0].oom_kills_total = 6;
  next.rows[0].increases.set(core::Counter::oom_kills, 1);
  std::vector<core::CountedOomKills> kills{{.id = kWeb->id, .at_us = 20, .count = 1}, {.id = kDb->id, .count = 5}};
  earlier.add_to(next, kills);
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].id, kDb->id);
  EXPECT_FALSE(next.rows[0].oom_kills_total);
  earlier.adopt(kEarlier);
  core::Scan last = next_scan();
  last.rows[0].oom_kills_total = 6;
  kills = told_by(earlier, last);
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(kills[0].id, kWeb->id);
  EXPECT_EQ(kills[0].count, 3U) << "two between the runs, one since";
  EXPECT_EQ(last.rows[0].oom_kills_total, 6U);
}

TEST(EarlierKills, ACgroupThatNoEarlierRunHasSeenHasNone) {
  EarlierKills earlier;
  earlier.adopt({});
  core::Scan scan = first_scan(5, 5);
  EXPECT_TRUE(told_by(earlier, scan).empty());
  EXPECT_FALSE(scan.rows[0].increases[core::Counter::oom_kills]) << "there is nothing to compare with";
}

TEST(EarlierKills, ACounterThatHasBegunAnewTellsOfNone) {
  EarlierKills earlier;
  earlier.adopt(kEarlier);
  EXPECT_TRUE(told_by(earlier, first_scan(1, 1)).empty());
}

TEST(EarlierKills, WhatThisRunHasCountedItselfIsNotCountedAgain) {
  EarlierKills earlier;
  earlier.adopt(kEarlier);
  core::Scan again = first_scan(5, 5);
  for (core::ScanRow& row : again.rows) row.increases.set(core::Counter::oom_kills, 1);
  EXPECT_TRUE(told_by(earlier, again).empty());
}

}  // namespace
}  // namespace cgmm::daemon
