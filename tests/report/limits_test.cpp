// SPDX-License-Identifier: Apache-2.0
// What `report limits` says of workloads that leak, need more, or have far too much. Limits are 192 MiB.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

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
  Table run(std::int64_t since_us = 0, std::int64_t until_us = INT64_MAX, const std::string& glob = "*") {
    return history.run(find_report({}, "limits").value().sql,
                       {{"since_us", since_us}, {"until_us", until_us}, {"cgroup_glob", glob}});
  }
  /// A pod that has the limit (1), its sandbox (2), and two containers without one (3 and 4).
  void add_pod() {
    add_cgroup(1, "shop/api");
    add_cgroup(2, "shop/api");
    add_cgroup(3, "shop/api/app");
    add_cgroup(4, "shop/api/proxy");
    history.exec("UPDATE cgroup SET pod_uid = 'u', pod = 'api-0', kind = iif(cgroup_id = 1, 'pod', 'container')");
    history.exec("UPDATE cgroup SET container = substr(workload, 10) WHERE cgroup_id > 2");
    history.exec("UPDATE cgroup_limit SET limit_bytes = NULL WHERE cgroup_id > 1");
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
  EXPECT_EQ(Row(table).text("advice"), "peak is at 13 % of its limit: 32 MiB would do");
}

TEST_F(Limits, ARemainderAndALimitAsLargeAsTheMachineAreLeftOut) {
  add_cgroup(1, "pod");
  add_cgroup(2, "all");
  history.exec("UPDATE cgroup SET kind = 'pod' WHERE cgroup_id = 1");
  history.exec("UPDATE cgroup_limit SET limit_bytes = NULL WHERE cgroup_id = 2");
  record(kBeginUs, 3, 2, [](int, int) { return 1000; });
  EXPECT_TRUE(run().rows.empty());
}

TEST_F(Limits, ThatTheContainersOfAPodShareAreThePodsWithAllThatItHolds) {
  add_pod();
  record(kBeginUs, 20, 4, [](int id, int i) -> std::int64_t { return (id < 3 ? 1 : 20 * id + i % 2) * kMiBinKiB; });
  history.add_kill(3, kBeginUs + 5 * kSecondUs);
  history.add_kill(4, kBeginUs + 6 * kSecondUs, "ancestor_limit");
  history.exec("UPDATE oom_kill SET limit_path = '/c1'");
  history.add_kill(4, kBeginUs + 7 * kSecondUs);
  history.exec("UPDATE oom_kill SET limit_path = '/above' WHERE limit_path IS NULL");
  for (const char* const glob : {"*", "shop/api/app"}) {
    const Table table = run(0, INT64_MAX, glob);
    ASSERT_EQ(table.rows.size(), 1u);
    EXPECT_EQ(Row(table).text("workload"), "shop/api");
    EXPECT_EQ(Row(table).text("limit_of"), "pod");
    EXPECT_EQ(Row(table).integer("peak_bytes"), 144 * kMiB) << "2, 61 and 81: of all at once";
    EXPECT_EQ(Row(table).integer("typical_bytes"), 142 * kMiB);
    EXPECT_EQ(Row(table).cell("restarts"), Cell{});
    EXPECT_EQ(Row(table).integer("oom_kills"), 3);
    EXPECT_EQ(Row(table).text("advice"), "2 OOM kills for the pod's limit of 192 MiB: raise it to 240 MiB");
  }
  EXPECT_TRUE(run(0, INT64_MAX, "other").rows.empty());
}

TEST_F(Limits, OfAPodAreItsContainersAloneWhereEachHasOne) {
  add_pod();
  history.exec("UPDATE cgroup_limit SET limit_bytes = 100 WHERE cgroup_id > 2");
  record(kBeginUs, 20, 4, [](int, int) { return kMiBinKiB; });
  const Table table = run();
  ASSERT_EQ(table.rows.size(), 2u);
  for (const Row row : rows_of(table)) EXPECT_EQ(row.text("limit_of"), "container") << row.text("workload");
}

TEST_F(Limits, OfAPodThatHasJustBegunAreNotKnownToBeShared) {
  add_pod();
  record(kBeginUs, 6, 4, [](int, int) { return kMiBinKiB; });
  EXPECT_TRUE(run().rows.empty()) << "a container may get its limit after it is made";
}

TEST_F(Limits, OfAPodWithoutNamesAreThePods) {
  add_pod();
  history.exec("UPDATE cgroup SET workload = 'pod/u', pod = NULL, container = NULL");
  history.exec("UPDATE cgroup_limit SET limit_bytes = 100 * 1048576 WHERE cgroup_id > 2");
  record(kBeginUs, 20, 4, [](int id, int) { return 10 * id * kMiBinKiB; });
  const Table table = run();
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(Row(table).text("limit_of"), "pod");
  EXPECT_EQ(Row(table).integer("limit_bytes"), 192 * kMiB);
  EXPECT_EQ(Row(table).integer("peak_bytes"), 100 * kMiB);
  EXPECT_EQ(Row(table).cell("restarts"), Cell{});
}

/// The pod lives on: what it holds goes up and down.
TEST_F(Limits, OfAPodLeakInTheLastLifeOfTheContainerThatRisesMost) {
  add_pod();
  add_cgroup(5, "shop/api/app", kBeginUs + 120 * kSecondUs);
  add_cgroup(6, "shop/api/app", kBeginUs + 240 * kSecondUs);
  history.exec(
      "UPDATE cgroup SET pod_uid = 'u', pod = 'api-0', kind = 'container', container = 'app' WHERE cgroup_id > 4");
  history.exec("UPDATE cgroup_limit SET limit_bytes = NULL WHERE cgroup_id > 4");
  end(3, kBeginUs + 120 * kSecondUs);
  end(5, kBeginUs + 240 * kSecondUs);
  record(kBeginUs, 26, 6, [](int id, int i) -> std::int64_t {
    if (id < 3) return 0;
    if (id == 4) return (32 + i) * kMiBinKiB;
    const bool is_alive = id == 3 ? i < 12 : id == 5 ? i >= 12 && i < 24 : i >= 24;
    return is_alive ? 8 * kMiBinKiB * (i % 12) : -1;
  });
  history.add_kill(5, kBeginUs + 239 * kSecondUs);
  history.exec("UPDATE oom_kill SET limit_path = '/c1'");
  const Table table = run(0, kBeginUs + 260 * kSecondUs);
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(Row(table).cell("leak_bytes_per_second"), Cell(0.8 * static_cast<double>(kMiB)));
  EXPECT_EQ(Row(table).integer("lasts_us"), 1'000'000 * (192 * 10 - 495) / 8)
      << "beside it the proxy holds 49.5 MiB on average";
  EXPECT_EQ(Row(table).text("advice"), "app leaks 0.8 MiB/s: the pod's limit of 192 MiB lasts 3 min from start");
}

TEST_F(Limits, OfAPodLeakInItsTmpfsThatStays) {
  add_pod();
  record(kBeginUs, 12, 4, [](int id, int i) -> std::int64_t { return id == 1 ? 16 * kMiBinKiB * i : 0; });
  EXPECT_EQ(Row(run()).text("advice"), "leaks 1.6 MiB/s: the pod's limit of 192 MiB lasts 2 min from start");
}

TEST_F(Limits, WithoutSamplesOfAKilledLifeALeakIsPossible) {
  add_pod();
  for (int id = 5; id < 8; ++id) add_cgroup(id, "w" + std::to_string(id));
  record(kBeginUs, 20, 7, [](int id, int i) -> std::int64_t { return i > 5 && id > 2 && id != 4 ? -1 : kMiBinKiB; });
  history.add_kill(3, kBeginUs + 5 * kSecondUs);
  history.add_kill(5, kBeginUs + 5 * kSecondUs);
  history.add_kill(6, kBeginUs + 5 * kSecondUs, "limit_too_small");
  history.add_kill(7, kBeginUs + 5 * kSecondUs, "shmem");
  const std::string raise = "1 OOM kill for its limit of 192 MiB: raise it to 240 MiB";
  const std::string maybe = ", or mend a leak (too few samples to tell which)";
  const Table table = run();
  std::map<std::string, std::string> advice;
  for (const Row row : rows_of(table)) advice[row.text("workload")] = row.text("advice");
  EXPECT_EQ(advice["shop/api"], "1 OOM kill for the pod's limit of 192 MiB: raise it to 240 MiB" + maybe)
      << "the other container's samples don't tell";
  EXPECT_EQ(advice["w5"], raise + maybe);
  EXPECT_EQ(advice["w6"], raise) << "the cause tells";
  EXPECT_TRUE(advice["w7"].ends_with("bound that, or raise the limit to 240 MiB")) << advice["w7"];
}

TEST_F(Limits, APeakIsWhatASampleOrAKillTellsToBeHeld) {
  for (int id = 1; id < 5; ++id) add_cgroup(id, "w" + std::to_string(id));
  record(kBeginUs, 20, 4, [](int, int) { return 10 * kMiBinKiB; }, 30 * kMiBinKiB);
  history.exec("UPDATE sample SET peak_kib = 150 * 1024");
  for (int id = 2; id < 5; ++id) history.add_kill(id, kBeginUs + kSecondUs, id == 4 ? "cache" : "anon_growth");
  history.exec("UPDATE oom_kill SET limit_bytes = 192 * 1048576");
  history.exec(
      "UPDATE oom_kill SET measured_by = 'kernel_log', usage_bytes = 192 * 1048576, cache_bytes = 2 * 1048576, "
      "slab_reclaimable_bytes = 1048576 WHERE cgroup_id = 2");
  const Table table = run();
  std::map<std::string, std::int64_t> peak;
  for (const Row row : rows_of(table)) peak[row.text("workload")] = row.integer("peak_bytes") / kMiB;
  EXPECT_EQ(peak["w1"], 10) << "what the kernel's peak has more may be cache";
  EXPECT_EQ(peak["w2"], 189) << "the kernel's log tells";
  EXPECT_EQ(peak["w3"], 192) << "it was killed at its limit";
  EXPECT_EQ(peak["w4"], 10) << "cache may have been in the way";
}

TEST_F(Limits, TypicalUseOfHoursCountsTheTimeThatALifeLasted) {
  for (int id = 1; id < 5; ++id) add_cgroup(id, "crashes");
  record(kBeginUs, 60, 4, [](int id, int i) -> std::int64_t {
    if (id == 1) return i < 57 ? 60 * kMiBinKiB : -1;
    return i == 55 + id ? 0 : -1;
  });
  history.roll_up(kBeginUs + kHourUs);
  history.exec("DELETE FROM sample");
  EXPECT_EQ(Row(run(kBeginUs, kBeginUs + kHourUs)).integer("typical_bytes"), 57 * kMiB);
}

TEST_F(Limits, OfAPodAnswerByHoursWithTheSumOfItsCgroups) {
  add_pod();
  for (int hour = 0; hour < 25; ++hour)
    record(kBeginUs + hour * kHourUs, 2, 4, [&](int id, int i) { return (id + hour % 3 + i) * kMiBinKiB; });
  history.roll_up(kBeginUs + 25 * kHourUs);
  history.exec("UPDATE sample_hour SET kernel_max_kib = 0");
  history.exec("DELETE FROM sample");
  const Table table = run(0, kBeginUs + 25 * kHourUs);
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(Row(table).text("measured"), "hours");
  EXPECT_EQ(Row(table).integer("peak_bytes"), (10 + 4 * 3) * kMiB);
  EXPECT_EQ(Row(table).integer("typical_bytes"), (10 + 4) * kMiB + 2 * kMiB);
  EXPECT_EQ(Row(table).text("advice"), "peak is at 11 % of the pod's limit: 32 MiB would do");
  history.exec("UPDATE sample_hour SET anon_max_kib = 500 * 1024, usage_max_kib = 500 * 1024");
  EXPECT_EQ(Row(run(0, kBeginUs + 25 * kHourUs)).integer("peak_bytes"), 192 * kMiB) << "the limit was never exceeded";
}

TEST_F(Limits, ATmpfsThatFillsUpIsNoLeak) {
  add_cgroup(1, "upload");
  for (int i = 0; i < 12; ++i) {
    history.add_scan(kBeginUs + 10 * kSecondUs * i);
    const std::int64_t shmem_kib = 15 * kMiBinKiB * i;
    history.add_sample(kBeginUs + 10 * kSecondUs * i, 1, 16 * kMiBinKiB * i, shmem_kib, shmem_kib);
  }
  EXPECT_EQ(Row(run()).text("advice"),
            "fills tmpfs or shared memory, which can't be dropped, by 1.6 MiB/s: the limit of 192 MiB lasts 2 min from "
            "start");
  history.exec("UPDATE cgroup SET pod_uid = 'u', container = 'app', kind = 'container'");
  EXPECT_TRUE(Row(run()).text("advice").ends_with(
      " lasts 2 min from start, and the pod's tmpfs stays full when a container restarts"));
  history.add_kill(1, kBeginUs + kSecondUs, "shmem");
  history.exec("UPDATE sample SET usage_kib = 1024, file_kib = 1024, shmem_kib = 1024");
  EXPECT_EQ(
      Row(run()).text("advice"),
      "1 OOM kill for its limit of 192 MiB, full of tmpfs or shared memory: bound that, or raise the limit to 240 "
      "MiB");
}

/// The kernel counts memory in batches: usage may be more than its parts together.
TEST_F(Limits, PeaksAreNeverBelowP99) {
  add_cgroup(1, "w");
  record(kBeginUs, 360, 1, [](int, int) { return 20 * kMiBinKiB; });
  history.exec("UPDATE sample SET anon_kib = 18 * 1024");
  history.roll_up(kBeginUs + kHourUs);
  history.exec("UPDATE sample_hour SET kernel_max_kib = 0");
  const Table table = run(kBeginUs, kBeginUs + kHourUs);
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(Row(table).text("measured"), "hours");
  EXPECT_EQ(Row(table).integer("p99_bytes"), 20 * kMiB);
  EXPECT_EQ(Row(table).integer("typical_bytes"), 20 * kMiB);
  EXPECT_EQ(Row(table).integer("peak_bytes"), 20 * kMiB);
  history.exec("DELETE FROM sample");
  EXPECT_EQ(Row(run(kBeginUs, kBeginUs + kHourUs)).integer("peak_bytes"), 20 * kMiB) << "nor below typical";
}

}  // namespace
}  // namespace cgmm::report
