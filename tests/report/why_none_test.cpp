// SPDX-License-Identifier: Apache-2.0
// What stands below a report without rows.
#include "report/why_none.hpp"

#include <gtest/gtest.h>

#include "base/units.hpp"
#include "support/made_history.hpp"

namespace cgmm::report {
namespace {

constexpr std::int64_t kMinuteUs = 60'000'000;
constexpr std::int64_t kHourUs = 60 * kMinuteUs;

std::int64_t time_of(const std::string& text) { return base::parse_when("2025-11-23T" + text, 0).value(); }

class WhyNone : public testing::Test {
 protected:
  WhyNone() { history.add_cgroup(1, "/c", "shop/web/app", 1 << 30); }

  /// The hour's scans, and its row in sample_hour. Its samples are gone.
  void add_hour(const std::string& begin) {
    for (std::int64_t at_us = time_of(begin); at_us < time_of(begin) + kHourUs; at_us += kMinuteUs)
      history.add_scan(at_us);
    history.exec("INSERT INTO sample_hour (hour_at_us, cgroup_id, sample_count, usage_avg_kib) VALUES (" +
                 std::to_string(time_of(begin)) + ", 1, 60, 1000)");
  }

  std::string why(const std::string& since, const std::string& until, const std::string& report = "growth") {
    const core::Table record =
        history.run(built_in("part_window_record").sql, {{"since_us", time_of(since)}, {"until_us", time_of(until)}});
    return why_none(record, built_in(report));
  }

  test::MadeHistory history;
};

TEST_F(WhyNone, AHistoryWithoutAScanIsEmpty) {
  EXPECT_EQ(why("01:00", "02:00"), "The history is empty: `status` tells whether the service is running.");
}

TEST_F(WhyNone, BeforeTheFirstScanItSaysWhenTheHistoryBegins) {
  add_hour("10:00");
  EXPECT_EQ(why("08:00", "10:00", "oom_kills"),
            "The history begins at 2025-11-23T10:00:00Z, after this window: ask with `--since 2025-11-23T10:00:00Z`.");
}

TEST_F(WhyNone, AfterTheLastScanItSaysWhenThatWas) {
  add_hour("10:00");
  EXPECT_EQ(why("12:00", "12:30", "top_cache"),
            "There was no scan in this window. The last one was at 2025-11-23T10:59:00Z: ask with `--since "
            "2025-11-23T10:29:00Z --until 2025-11-23T10:59:01Z`. `status` tells whether the service is running.");
}

TEST_F(WhyNone, WhileTheServiceWasDownItNamesTheScansAroundTheWindow) {
  add_hour("10:00");
  add_hour("14:00");
  EXPECT_EQ(why("12:00", "13:00", "reclaims"),
            "There was no scan in this window. The last one before it was at 2025-11-23T10:59:00Z, the next one at "
            "2025-11-23T14:00:00Z: ask with `--since 2025-11-23T10:59:00Z --until 2025-11-23T14:00:01Z`.");
  history.exec("DELETE FROM scan WHERE started_at_us BETWEEN " + std::to_string(time_of("10:20")) + " AND " +
               std::to_string(time_of("10:40")));
  EXPECT_TRUE(why("10:25", "10:35").starts_with("There was no scan in this window.")) << "in an hour that is on record";
}

TEST_F(WhyNone, AWindowWithinAnHourWithoutSamplesIsToldWhichHourToAskFor) {
  add_hour("10:00");
  for (const char* const report : {"memory_by_workload", "limits", "top_cache"}) {
    EXPECT_EQ(why("10:20", "10:22", report),
              "The samples of this window are gone. Averages of whole hours are left: ask with `--since "
              "2025-11-23T10:00:00Z --until 2025-11-23T11:00:00Z`.")
        << report;
  }
  EXPECT_EQ(why("10:20", "10:22", "oom_kills"), "") << "it reads no samples: there was no kill";
  EXPECT_EQ(why("10:20", "10:22", "memory_before_kill"),
            "The samples of this window are gone, and averages of hours do not tell this.");
}

TEST_F(WhyNone, OneHourAloneDoesNotTellWhatChangedInIt) {
  add_hour("10:00");
  const std::string one =
      "The samples of this window are gone. The average of one hour is left, which does not tell what changed within "
      "the hour";
  EXPECT_EQ(why("10:00", "11:00"), one + ".");
  EXPECT_EQ(why("10:20", "10:22"), one + ".");
  EXPECT_EQ(why("09:00", "12:00", "biggest_growth"), one + ".");
  EXPECT_EQ(why("10:00", "11:00", "limits"),
            "The samples of this window are gone. This is the answer from averages of hours.");
  add_hour("11:00");
  EXPECT_EQ(why("10:00", "11:00"), one + ": ask with `--since 2025-11-23T10:00:00Z --until 2025-11-23T12:00:00Z`.");
  EXPECT_EQ(why("11:00", "12:00"), one + ": ask with `--since 2025-11-23T10:00:00Z --until 2025-11-23T12:00:00Z`.");
  EXPECT_EQ(why("10:20", "10:22"), one + ": ask with `--since 2025-11-23T10:00:00Z --until 2025-11-23T12:00:00Z`.");
  EXPECT_EQ(why("10:50", "11:10"),
            "The samples of this window are gone. Averages of whole hours are left: ask with `--since "
            "2025-11-23T10:00:00Z --until 2025-11-23T12:00:00Z`.");
  EXPECT_EQ(why("10:00", "12:00"), "The samples of this window are gone. This is the answer from averages of hours.");
}

TEST_F(WhyNone, HoursAnswerWhereTheirScansAreGoneToo) {
  add_hour("10:00");
  history.exec("DELETE FROM scan");
  EXPECT_TRUE(why("10:20", "10:22").starts_with("The samples of this window are gone.")) << why("10:20", "10:22");
}

TEST_F(WhyNone, AWindowWithSamplesIsAnsweredAndAReportWithoutAWindowHasNone) {
  add_hour("10:00");
  history.add_sample(time_of("10:20"), 1, 1000);
  EXPECT_EQ(why("10:10", "10:30"), "");
  EXPECT_TRUE(has_window(built_in("growth")));
  EXPECT_FALSE(has_window(built_in("cooldowns")));
}

}  // namespace
}  // namespace cgmm::report
