// SPDX-License-Identifier: Apache-2.0
// How far back the samples reach: those around OOM kills stay longer, and are left out.
#include <gtest/gtest.h>

#include "report/catalog.hpp"
#include "report/format/row.hpp"
#include "support/made_history.hpp"

namespace cgmm::report {
namespace {

constexpr std::int64_t kMinuteUs = 60'000'000;
constexpr std::int64_t kBeginUs = 30'000'000 * kMinuteUs;

TEST(StatusReport, SamplesReachBackToTheFirstAfterWhichNoneIsGone) {
  test::MadeHistory history;
  history.add_cgroup(1, "/c", "", 1);
  const auto from_minute = [&] {
    const core::Table table = history.run(built_in("status").sql, {{"until_us", kBeginUs + 1000 * kMinuteUs}});
    const auto at_us = Row(table).known("samples_from_at_us");
    return at_us ? (*at_us - kBeginUs) / kMinuteUs : -1;
  };
  EXPECT_EQ(from_minute(), -1);
  for (int minute = 0; minute < 1000; ++minute) {
    history.add_scan(kBeginUs + minute * kMinuteUs);
    history.add_sample(kBeginUs + minute * kMinuteUs, 1, 100);
  }
  EXPECT_EQ(from_minute(), 0);
  const auto drop = [&](int from, int to) {
    history.exec("DELETE FROM sample WHERE scan_id BETWEEN " + std::to_string(kBeginUs + from * kMinuteUs) + " AND " +
                 std::to_string(kBeginUs + to * kMinuteUs));
  };
  for (const int minute : {100, 200, 520}) history.add_kill(1, kBeginUs + minute * kMinuteUs);
  history.exec("UPDATE oom_kill SET keeps_samples = 1");
  drop(0, 69);
  drop(106, 169);
  drop(206, 499);
  EXPECT_EQ(from_minute(), 500) << "the time around the last kill is a part of what is kept";
  drop(500, 505);
  EXPECT_EQ(from_minute(), 506);
}

}  // namespace
}  // namespace cgmm::report
