// SPDX-License-Identifier: Apache-2.0
// Cgroups that are stuck: each is one row, whatever the service did meanwhile.
#include "store/fixture.hpp"

namespace cgmm::store {
namespace {

using core::Counter;
using core::Gauge;
using core::Scan;
using core::StuckState;

class StuckRowsTest : public StoreTest {
 protected:
  static constexpr const char* kRows =
      "SELECT kind, (began_at_us - 1795608000000000) / 1000000, (last_seen_at_us - 1795608000000000) / 1000000, "
      "(ended_at_us - 1795608000000000) / 1000000, ended_by, high_events, psi_full_us FROM v_stuck ORDER BY stuck_id";

  static core::CgroupRef web(std::uint64_t limit_bytes = 500) {
    core::TrackedCgroup web = *test::tracked(1, {"/web", 7});
    web.limits = {.limit_bytes = {}, .effective_limit_bytes = limit_bytes, .high_bytes = 300};
    return std::make_shared<core::TrackedCgroup>(web);
  }
  /// A scan of /web so many seconds after noon.
  static Scan scan(std::int64_t seconds, StuckState state, core::StuckKind kind = core::StuckKind::memory_high) {
    Scan scan{.started_at_us = kNoon + seconds * kSecond, .rows = {{.cgroup = web(), .stuck = state}}};
    scan.rows[0].gauges.set(Gauge::usage, 400);
    if (kind == core::StuckKind::memory_high) {
      scan.rows[0].increases.set(Counter::high_events, 10);
      scan.rows[0].increases.set(Counter::psi_full_us, 9);
    }
    if (state == StuckState::yes) {
      const bool is_high = kind == core::StuckKind::memory_high;
      scan.stuck.push_back({1,
                            {.kind = kind,
                             .began_at_us = kNoon + (is_high ? seconds - 60 : seconds) * kSecond,
                             .high_events = is_high ? 60U : 0U,
                             .psi_full_us = is_high ? 54U : 0U}});
    }
    return scan;
  }
};

TEST_F(StuckRowsTest, OneBeginsAndEndsWithTheScansThatSayIt) {
  History history(file());
  history.begin_run(kNoon, "");
  store(history, scan(10, StuckState::unknown));
  EXPECT_EQ(query(kRows), "");
  store(history, scan(60, StuckState::yes));
  EXPECT_EQ(query(kRows), "memory_high|0|60|NULL|NULL|60|54\n");
  EXPECT_EQ(query("SELECT usage_bytes, limit_bytes, path FROM v_stuck"), "400|300|/web\n");
  store(history, scan(70, StuckState::yes));
  EXPECT_EQ(query(kRows), "memory_high|0|70|NULL|NULL|70|63\n");
  store(history, scan(80, StuckState::no));
  EXPECT_EQ(query(kRows), "memory_high|0|70|80|over|70|63\n");
  store(history, scan(90, StuckState::no));
  EXPECT_EQ(query(kRows), "memory_high|0|70|80|over|70|63\n");
}

TEST_F(StuckRowsTest, ARestartNeitherLosesNorDoublesIt) {
  {
    History history(file());
    history.begin_run(kNoon, "");
    store(history, scan(60, StuckState::yes));
    history.end_run(kNoon + 61 * kSecond, "");
  }
  {
    History history(file());
    history.begin_run(kNoon + 100 * kSecond, "");
    store(history, scan(100, StuckState::unknown));
    EXPECT_EQ(query(kRows), "memory_high|0|60|NULL|NULL|70|63\n") << "it may go on";
    store(history, scan(170, StuckState::yes));
    EXPECT_EQ(query(kRows), "memory_high|0|170|NULL|NULL|80|72\n");
  }
  History history(file());
  history.begin_run(kNoon + 200 * kSecond, "");
  store(history, scan(200, StuckState::no));
  EXPECT_EQ(query(kRows), "memory_high|0|170|200|over|80|72\n");
}

TEST_F(StuckRowsTest, OneWhoseEndNobodySawHasNone) {
  {
    History history(file());
    history.begin_run(kNoon, "");
    store(history, scan(10, StuckState::yes, core::StuckKind::under_oom));
  }
  History history(file());
  history.begin_run(kNoon + 100 * kSecond, "");
  store(history, Scan{.started_at_us = kNoon + 100 * kSecond,
                      .rows = {{.cgroup = test::tracked(1, {"/web", 8}), .stuck = StuckState::no}}});
  EXPECT_EQ(query(kRows), "under_oom|10|10|NULL|unknown|NULL|NULL\n");
}

TEST_F(StuckRowsTest, ItEndsWithItsCgroup) {
  History history(file());
  history.begin_run(kNoon, "");
  store(history, scan(10, StuckState::yes, core::StuckKind::under_oom));
  EXPECT_EQ(query("SELECT limit_bytes FROM stuck"), "500\n");
  store(history, Scan{.started_at_us = kNoon + 15 * kSecond, .is_partial = true});
  EXPECT_EQ(query(kRows), "under_oom|10|10|NULL|NULL|NULL|NULL\n");
  store(history, Scan{.started_at_us = kNoon + 20 * kSecond, .unread = {1}});
  EXPECT_EQ(query(kRows), "under_oom|10|10|NULL|NULL|NULL|NULL\n") << "it could not be read";
  store(history, Scan{.started_at_us = kNoon + 30 * kSecond});
  EXPECT_EQ(query("SELECT ended_by, ended_at_us >= last_seen_at_us FROM stuck"), "removed|1\n");
}

TEST_F(StuckRowsTest, OneThatComesAndGoesIsOneRow) {
  History history(file());
  history.begin_run(kNoon, "");
  for (int at = 0; at < 100; at += 20) {
    store(history, scan(at, StuckState::yes, core::StuckKind::under_oom));
    store(history, scan(at + 10, StuckState::no, core::StuckKind::under_oom));
  }
  EXPECT_EQ(query(kRows), "under_oom|0|80|90|over|NULL|NULL\n");
  store(history, scan(200, StuckState::yes, core::StuckKind::under_oom));
  EXPECT_EQ(query("SELECT count(*) FROM stuck"), "2\n");
}

TEST_F(StuckRowsTest, OneHasTheLimitOfItsHighestUsageAndWithAnotherLimitItIsAnother) {
  constexpr auto kUnderOom = core::StuckKind::under_oom;
  const auto at = [](std::int64_t seconds, StuckState state, std::uint64_t bytes) {
    Scan one = scan(seconds, state, kUnderOom);
    one.rows[0].cgroup = web(bytes);
    one.rows[0].gauges.set(Gauge::usage, bytes);
    return one;
  };
  History history(file());
  history.begin_run(kNoon, "");
  store(history, at(10, StuckState::yes, 480));
  store(history, at(20, StuckState::yes, 640));
  store(history, at(30, StuckState::no, 800));
  store(history, at(40, StuckState::yes, 800));
  EXPECT_EQ(query("SELECT usage_bytes, limit_bytes, ended_by FROM stuck"), "640|640|over\n800|800|NULL\n");
}

TEST_F(StuckRowsTest, SamplesHaveTheSlabThePeakAndAllEvents) {
  History history(file());
  history.begin_run(kNoon, "");
  Scan one = scan(10, StuckState::no);
  core::ScanRow& row = one.rows[0];
  row.gauges.set(Gauge::usage, 1000 * 1024);
  row.gauges.set(Gauge::file, 100 * 1024);
  row.gauges.set(Gauge::inactive_file, 60 * 1024);
  row.gauges.set(Gauge::active_file, 20 * 1024);
  row.gauges.set(Gauge::slab_reclaimable, 780 * 1024);
  row.gauges.set(Gauge::slab_unreclaimable, 7 * 1024);
  row.gauges.set(Gauge::peak, 1010 * 1024);
  row.increases.set(Counter::low_events, 1);
  row.increases.set(Counter::oom_events, 3);
  row.increases.set(Counter::oom_group_kills, 4);
  store(history, one);
  EXPECT_EQ(query("SELECT slab_reclaimable_bytes / 1024, slab_unreclaimable_bytes / 1024, peak_bytes / 1024, "
                  "reclaimable_cache_bytes / 1024, held_bytes / 1024, low_events, high_events, oom_events, "
                  "oom_group_kills FROM v_sample"),
            "780|7|1010|80|140|1|10|3|4\n");
}

TEST_F(StuckRowsTest, AShmemThatIsNoNumberMakesTheReclaimableCacheUnknown) {
  History history(file());
  history.begin_run(kNoon, "");
  Scan one = scan(10, StuckState::no);
  one.rows[0].gauges.set(Gauge::file, 100 * 1024);
  store(history, one);
  one.started_at_us += kSecond;
  one.rows[0].gauges.set_no_number(Gauge::shmem);
  store(history, one);
  EXPECT_EQ(query("SELECT file_bytes / 1024, reclaimable_cache_bytes / 1024, shmem_bytes FROM v_sample ORDER BY at_us"),
            "100|100|NULL\n100|NULL|NULL\n");
}

}  // namespace
}  // namespace cgmm::store
