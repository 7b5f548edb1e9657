// SPDX-License-Identifier: Apache-2.0
// What `report limits` says of workloads that leak, need more, or have far too much. Limits are 192 MiB.
#include <gtest/gtest.h>

#include <cmath>

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
constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kMiBinKiB = 1024;

class Limits : public testing::Test {
 protected:
  void add_cgroup(int id, const std::string& workload, std::int64_t began_us = kBeginUs) {
    history.add_cgroup(id, "/c" + std::to_string(id), workload, 192 * kMiB);
    history.exec("UPDATE cgroup SET first_seen_at_us = " + std::to_string(began_us) +
                 " WHERE cgroup_id = " + std::to_string(id));
  }
  void end(int id, std::int64_t at_us) {
    history.exec("UPDATE cgroup SET vanished_at_us = " + std::to_string(at_us) +
                 " WHERE cgroup_id = " + std::to_string(id));
  }
  /// A scan every ten seconds; each cgroup holds so many KiB then, and `cache_kib` beside it. Below 0: it has no
  /// sample.
  template <class Held>
  void record(std::int64_t from_us, int count, int cgroups, Held held_kib, std::int64_t cache_kib = 0) {
    for (int i = 0; i < count; ++i) {
      const std::int64_t at_us = from_us + 10 * kSecondUs * i;
      history.add_scan(at_us);
      for (int id = 1; id <= cgroups; ++id) {
        const std::int64_t kib = held_kib(id, i);
        if (kib >= 0) history.add_sample(at_us, id, kib + cache_kib, cache_kib);
      }
    }
  }
  Table run(std::int64_t since_us = 0, std::int64_t until_us = INT64_MAX) {
    return history.run(find_report({}, "limits").value().sql,
                       {{"since_us", since_us}, {"until_us", until_us}, {"cgroup_glob", std::string("*")}});
  }

  test::MadeHistory history;
};

TEST_F(Limits, ALeakSaysHowLongTheLimitLasts) {
  add_cgroup(1, "leaky");
  add_cgroup(2, "steady");
  add_cgroup(3, "saw");
  add_cgroup(4, "flattens");
  record(kBeginUs, 12, 4, [](int id, int i) -> std::int64_t {
    if (id == 1) return 16 * kMiBinKiB * i;
    if (id == 2) return 50 * kMiBinKiB;
    if (id == 3) return 10 * kMiBinKiB * (i % 4);
    return std::min(i, 5) * 20 * kMiBinKiB;
  });
  const Table table = run();
  ASSERT_EQ(table.rows.size(), 4u);
  const Row leaky(table);
  EXPECT_EQ(leaky.text("workload"), "leaky");
  EXPECT_EQ(leaky.cell("leak_bytes_per_second"), Cell(1.6 * static_cast<double>(kMiB)));
  EXPECT_EQ(leaky.integer("lasts_us"), 120 * kSecondUs);
  EXPECT_EQ(leaky.text("advice"), "leaks 1.6 MiB/s: the limit of 192 MiB lasts 2 min from start");
  for (const std::size_t other : {1U, 2U, 3U}) {
    EXPECT_EQ(Row(table, other).cell("leak_bytes_per_second"), Cell{}) << Row(table, other).text("workload");
    EXPECT_EQ(Row(table, other).cell("lasts_us"), Cell{});
  }
}

TEST_F(Limits, TheLifeBeforeTellsTheLeakWhereTheLastOneHasJustBegun) {
  add_cgroup(1, "leaky");
  end(1, kBeginUs + 120 * kSecondUs);
  add_cgroup(2, "leaky", kBeginUs + 120 * kSecondUs);
  record(kBeginUs, 14, 2, [](int id, int i) -> std::int64_t {
    if (id == 1) return i < 12 ? 16 * kMiBinKiB * i : -1;
    return i < 12 ? -1 : 16 * kMiBinKiB * (i - 12);
  });
  history.add_kill(1, kBeginUs + 119 * kSecondUs);
  const Table table = run(0, kBeginUs + 140 * kSecondUs);
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(Row(table).integer("lasts_us"), 120 * kSecondUs);
  EXPECT_EQ(Row(table).integer("restarts"), 1);
  EXPECT_EQ(Row(table).integer("oom_kills"), 1);
}

TEST_F(Limits, HeldMemoryNearTheLimitOrAKillRaisesItByAQuarter) {
  add_cgroup(1, "full");
  add_cgroup(2, "killed");
  add_cgroup(3, "cache");
  record(kBeginUs, 20, 3, [](int id, int) { return (id == 1 ? 186 : 50) * kMiBinKiB; }, 5 * kMiBinKiB);
  history.exec(
      "UPDATE sample SET usage_kib = 192 * 1024, file_kib = 180 * 1024, anon_kib = 12 * 1024 WHERE cgroup_id = 3");
  history.add_kill(2, kBeginUs);
  history.add_kill(2, kBeginUs + 5 * kSecondUs);
  const Table table = run();
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_EQ(Row(table, 0).text("advice"), "2 OOM kills for its limit of 192 MiB: raise it to 240 MiB");
  EXPECT_EQ(Row(table, 1).text("advice"), "peak is at 97 % of its limit: raise it to 240 MiB");
  EXPECT_EQ(Row(table, 2).text("advice"), "") << "twenty scans are no day";
  EXPECT_EQ(Row(table, 2).integer("peak_bytes"), 12 * kMiB);
  EXPECT_EQ(Row(table, 2).integer("typical_cache_bytes"), 180 * kMiB);
  EXPECT_EQ(Row(table, 2).text("measured"), "samples");
}

TEST_F(Limits, AllButOneInAHundredSamplesAreBelowP99) {
  add_cgroup(1, "w");
  record(kBeginUs, 100, 1, [](int, int i) { return 1000 + (i * 37) % 100; });  // each from 1000 to 1099 once
  const Table table = run();
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(Row(table).integer("p99_bytes"), 1098 * 1024);
  EXPECT_EQ(Row(table).integer("typical_bytes"), 1049 * 1024);
  EXPECT_EQ(Row(table).integer("peak_bytes"), 1099 * 1024);
}

TEST_F(Limits, HoursAnswerWhereTheSamplesAreGone) {
  add_cgroup(1, "small");
  for (int hour = 0; hour < 25; ++hour) {
    record(kBeginUs + hour * kHourUs, 2, 1, [&](int, int i) { return (20 + hour % 3 + i) * kMiBinKiB; }, kMiBinKiB);
  }
  history.roll_up(kBeginUs + 25 * kHourUs);
  history.exec("UPDATE sample_hour SET kernel_max_kib = 1024");
  history.exec("DELETE FROM sample");
  const Table table = run(0, kBeginUs + 25 * kHourUs);
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(Row(table).text("measured"), "hours");
  EXPECT_EQ(Row(table).cell("p99_bytes"), Cell{});
  EXPECT_EQ(Row(table).integer("peak_bytes"), 24 * kMiB) << "usage would be less: 24 and a megabyte of kernel memory";
  EXPECT_EQ(Row(table).integer("typical_bytes"), 21 * kMiB + kMiB / 2);
  EXPECT_EQ(Row(table).integer("typical_cache_bytes"), kMiB);
  EXPECT_EQ(Row(table).text("advice"), "uses 13 % of its limit at most: 32 MiB would do");
}

TEST_F(Limits, ARemainderAndALimitAsLargeAsTheMachineAreLeftOut) {
  add_cgroup(1, "pod");
  add_cgroup(2, "all");
  history.exec("UPDATE cgroup SET kind = 'pod' WHERE cgroup_id = 1");
  history.exec("UPDATE cgroup_limit SET limit_bytes = NULL WHERE cgroup_id = 2");
  record(kBeginUs, 3, 2, [](int, int) { return 1000; });
  EXPECT_TRUE(run().rows.empty());
}

}  // namespace
}  // namespace cgmm::report
