// SPDX-License-Identifier: Apache-2.0
// One noisy neighbour takes nobody else's history away.
#include <SQLiteCpp/Exception.h>

#include <map>
#include <memory>
#include <vector>

#include "store/retention_fixture.hpp"

namespace cgmm::store {
namespace {

class Fairness : public RetentionTest {
 protected:
  static constexpr std::int64_t kMaxBytes = 4 << 20;
  static constexpr core::CgroupKey kQuietCount = 20;

  struct Cgroup {
    core::CgroupKey key;
    std::string path;
  };

  Fairness() {
    history_.set_retention({.max_size_bytes = kMaxBytes});
    for (core::CgroupKey key = 1; key <= kQuietCount; ++key) quiet_.push_back({key, "/quiet/" + std::to_string(key)});
  }

  static core::ScanRow row(const Cgroup& cgroup) {
    core::ScanRow row{.cgroup = test::tracked(cgroup.key, {cgroup.path, cgroup.key})};
    row.gauges.set(core::Gauge::anon, 1 << 20);
    row.increases.set(core::Counter::pgfault, 1);
    return row;
  }
  core::Scan scan_of(std::int64_t at_us, const std::vector<Cgroup>& noise) const {
    core::Scan scan{.started_at_us = at_us, .interval_us = 10 * kSecond};
    for (const auto* cgroups : {&quiet_, &noise})
      for (const Cgroup& cgroup : *cgroups) scan.rows.push_back(row(cgroup));
    return scan;
  }
  /// As the recorder does it.
  template <class... Records>
  void record(std::int64_t now_us, const Records&... records) {
    try {
      store(history_, records...);
    } catch (const SQLite::Exception&) {
      history_.rollback();
      ++full_count_;
      history_.maintain(now_us);
      store(history_, records...);
    }
    history_.maintain(now_us);
    for (const auto& [directory, loss] : history_.take_losses()) {
      losses_[directory].cgroups += loss.cgroups;
      losses_[directory].samples += loss.samples;
      losses_[directory].left_out += loss.left_out;
      losses_[directory].events += loss.events;
    }
    biggest_ = std::max(biggest_, bytes_on_disk());
  }
  /// Two hours of the quiet ones, with a kill and a reclaim. Returns its last scan's time.
  std::int64_t quiet_hours() {
    history_.begin_run(kNoon, "");
    for (int i = 0; i <= 720; ++i) record(kNoon + i * 10 * kSecond, scan_of(kNoon + i * 10 * kSecond, {}));
    const std::int64_t at_us = kNoon + 2 * kHour;
    record(at_us,
           core::CountedOomKills{.id = {"/quiet/1", 1}, .since_at_us = at_us - kSecond, .at_us = at_us, .count = 2},
           core::Reclaim{.reclaim_id = 1, .id = {"/quiet/2", 2}, .started_at_us = at_us});
    return at_us;
  }
  std::string kept_of_quiet(std::int64_t end_us) const {
    return query(
        "SELECT (SELECT count(*) FROM v_sample WHERE path GLOB '/quiet/*' AND at_us > " +
        std::to_string(end_us - kHour) + " AND at_us <= " + std::to_string(end_us) +
        "), (SELECT sum(kill_count) FROM v_oom_kill WHERE path GLOB '/quiet/*'), (SELECT count(*) FROM reclaim), "
        "(SELECT count(*) FROM service_event WHERE kind = 'start')");
  }
  static constexpr const char* kAllOfQuiet = "7200|2|1|1\n";

  std::vector<Cgroup> quiet_;
  Losses losses_;
  int full_count_ = 0;
  std::int64_t biggest_ = 0;
};

TEST_F(Fairness, AStormOfNewCgroupsTakesNobodyElsesHistory) {
  const std::int64_t begin_us = quiet_hours();
  core::CgroupKey key = 1000;
  for (int second = 1; second <= 100; ++second) {
    std::vector<Cgroup> noise;
    for (int i = 0; i < 250; ++i, ++key) noise.push_back({key, "/noise/deep/" + std::to_string(key)});
    record(begin_us + second * kSecond, scan_of(begin_us + second * kSecond, noise));
  }
  const std::int64_t end_us = begin_us + 100 * kSecond;
  EXPECT_EQ(kept_of_quiet(begin_us), kAllOfQuiet);
  EXPECT_EQ(query("SELECT count(*) FROM v_sample WHERE path GLOB '/quiet/*' AND at_us > " + std::to_string(begin_us)),
            "2000\n");
  EXPECT_EQ(losses_.size(), 1u);
  EXPECT_GT(losses_["/noise/deep"].cgroups, 15'000);
  EXPECT_EQ(full_count_, 0);
  EXPECT_LE(biggest_, kMaxBytes);
  // What comes next is recorded as ever.
  store(history_, core::CountedOomKills{.id = {"/quiet/9", 9}, .at_us = end_us + kSecond, .count = 1},
        scan_of(end_us + kSecond, {{99'999, "/quiet/new"}}));
  EXPECT_EQ(query("SELECT count(*) FROM v_oom_kill WHERE path = '/quiet/9'"), "1\n");
}

TEST_F(Fairness, ABurstThatDoesNotFitIsLeftOutAndTheNextScanIsOnRecord) {
  const std::int64_t begin_us = quiet_hours();
  core::CgroupKey key = 1000;
  for (int i = 1; i <= 5; ++i) {
    std::vector<Cgroup> noise;
    for (int n = 0; n < 15'000; ++n, ++key) noise.push_back({key, "/noise/" + std::to_string(key)});
    const std::int64_t at_us = begin_us + i * 10 * kSecond;
    core::Scan scan = scan_of(at_us, noise);
    scan.rows.push_back(row({key++, "/elsewhere/" + std::to_string(i)}));
    record(at_us, scan, core::CountedOomKills{.id = {"/noise/" + std::to_string(key), key}, .at_us = at_us, .count = 1},
           core::ServiceEvent{at_us, "gap", ""});
  }
  const std::int64_t end_us = begin_us + 60 * kSecond;
  record(end_us, scan_of(end_us, {}));
  EXPECT_EQ(full_count_, 0);
  EXPECT_EQ(kept_of_quiet(begin_us), kAllOfQuiet);
  EXPECT_EQ(query("SELECT count(*) FROM v_sample WHERE path GLOB '/quiet/*' AND at_us > " + std::to_string(begin_us)),
            "120\n");
  EXPECT_EQ(query("SELECT count(*) FROM cgroup WHERE path GLOB '/elsewhere/*'"), "5\n") << "the few are not left out";
  EXPECT_EQ(query("SELECT CAST(total(kill_count) AS INTEGER) FROM oom_kill"), "7\n");
  EXPECT_EQ(query("SELECT count(*) FROM service_event WHERE kind = 'gap'"), "5\n");
  EXPECT_EQ(query("SELECT count(*) FROM scan WHERE cgroup_count < (SELECT count(*) FROM sample WHERE sample.scan_id = "
                  "scan.scan_id)"),
            "0\n");
  EXPECT_GT(losses_["/noise"].left_out, 40'000);
  EXPECT_EQ(losses_[""].left_out, 0);
  EXPECT_LE(biggest_, kMaxBytes);
}

TEST_F(Fairness, LivingCgroupsOfOneDirectoryGiveTheirOldestSamplesFirst) {
  const std::int64_t begin_us = quiet_hours();
  std::vector<Cgroup> noise;
  for (core::CgroupKey key = 1000; key < 2000; ++key) noise.push_back({key, "/noise/" + std::to_string(key)});
  std::int64_t at_us = begin_us;
  for (int i = 0; i < 200; ++i) {
    at_us += 10 * kSecond;
    record(at_us, scan_of(at_us, noise));
  }
  EXPECT_EQ(kept_of_quiet(begin_us), kAllOfQuiet);
  EXPECT_EQ(query("SELECT count(*) FROM v_sample WHERE path GLOB '/quiet/*' AND at_us > " + std::to_string(begin_us)),
            "4000\n");
  EXPECT_EQ(query("SELECT count(*) FROM sample WHERE scan_id = (SELECT max(scan_id) FROM scan)"), "1020\n");
  EXPECT_GT(losses_["/noise"].samples, 100'000);
  EXPECT_EQ(losses_.size(), 1u);
  EXPECT_LE(biggest_, kMaxBytes);
}

TEST_F(Fairness, ALoopOfKillsBecomesOneRowWithACount) {
  const std::int64_t begin_us = quiet_hours();
  std::int64_t count = 0;
  for (int second = 1; second <= 100; ++second) {
    const std::int64_t at_us = begin_us + second * kSecond;
    history_.begin();
    for (int i = 0; i < 110; ++i, ++count)
      history_.record(core::CountedOomKills{
          .id = {"/noise/loop", 99}, .since_at_us = at_us - kSecond, .at_us = at_us + i, .count = 1});
    history_.commit();
    record(at_us, core::ServiceEvent{at_us, "gap", ""});
  }
  maintain_all(begin_us + 500 * kSecond);
  EXPECT_EQ(query("SELECT sum(kill_count), count(*), max(kill_count), "
                  "max(coalesce(last_killed_at_us, killed_at_us)) - " +
                  std::to_string(begin_us + 100 * kSecond) + " FROM v_oom_kill WHERE path = '/noise/loop'"),
            std::to_string(count) + "|11|" + std::to_string(count - 10) + "|109\n");
  EXPECT_EQ(total_of("oom_kills"), std::to_string(count + 2) + "\n");
  EXPECT_EQ(kept_of_quiet(begin_us), kAllOfQuiet);
  EXPECT_TRUE(losses_.empty());
}

TEST_F(Fairness, ReclaimsOfOneDirectoryGoBeforeThoseOfOthers) {
  const std::int64_t begin_us = quiet_hours();
  std::int64_t at_us = begin_us;
  for (std::int64_t id = 2; id < 60'000;) {
    at_us += kSecond / 10;
    history_.begin();
    for (int i = 0; i < 100; ++i, ++id)
      history_.record(core::Reclaim{.reclaim_id = id,
                                    .id = {"/noise/" + std::to_string(i), 5000 + static_cast<std::uint64_t>(i)},
                                    .started_at_us = at_us,
                                    .outcome = core::ReclaimOutcome::done});
    history_.commit();
    record(at_us, core::ServiceEvent{at_us, "gap", ""});
  }
  maintain_all(at_us + 60 * kSecond);
  EXPECT_EQ(kept_of_quiet(begin_us).substr(0, 7), "7200|2|");
  EXPECT_EQ(query("SELECT count(*) FROM reclaim JOIN cgroup USING (cgroup_id) WHERE path = '/quiet/2'"), "1\n");
  EXPECT_LT(std::stoi(query("SELECT count(*) FROM reclaim")), 45'000);
  EXPECT_EQ(losses_.size(), 1u);
  EXPECT_GT(losses_["/noise"].events, 15'000);
  EXPECT_EQ(total_of("reclaims"), "60000\n") << "not the one that has not ended";
}

TEST_F(Fairness, OfALimitThatChangesInEachScanTheLastChangesStay) {
  history_.begin_run(kNoon, "");
  for (std::int64_t i = 0; i < 100; ++i) {
    core::TrackedCgroup cgroup = *test::tracked(7, {"/noise/one", 7});
    cgroup.limits.limit_bytes = cgroup.limits.effective_limit_bytes = static_cast<std::uint64_t>(i + 1) << 20;
    core::ScanRow row{.cgroup = std::make_shared<core::TrackedCgroup>(cgroup)};
    record(kNoon + i * kSecond, core::Scan{.started_at_us = kNoon + i * kSecond, .rows = {row}});
  }
  EXPECT_EQ(query("SELECT count(*), min(limit_bytes) >> 20, max(limit_bytes) >> 20 FROM cgroup_limit"), "32|69|100\n");
}

TEST_F(Fairness, KillsOfDroppedCgroupsAreCountedForTheirDirectory) {
  const std::int64_t begin_us = quiet_hours();
  core::CgroupKey key = 1000;
  std::int64_t at_us = begin_us;
  std::int64_t count = 0;
  for (int second = 1; second <= 100; ++second) {
    at_us += kSecond;
    std::vector<Cgroup> noise;
    for (int i = 0; i < 40; ++i, ++key)
      noise.push_back({key, "/noise/" + std::to_string(key) + std::string(400, 'x') + "/x"});
    history_.begin();
    history_.record(scan_of(at_us, noise));
    for (const Cgroup& one : noise) {
      history_.record(
          core::CountedOomKills{.id = {one.path, one.key}, .since_at_us = at_us - kSecond, .at_us = at_us, .count = 1});
      ++count;
    }
    history_.commit();
    record(at_us, core::ServiceEvent{at_us, "gap", ""});
  }
  for (int i = 0; i < 12; ++i) {
    at_us += 10 * kSecond;
    record(at_us, scan_of(at_us, {}));
  }
  EXPECT_EQ(query("SELECT sum(kill_count) FROM oom_kill"), std::to_string(count + 2) + "\n");
  EXPECT_GT(std::stoi(query("SELECT sum(kill_count) FROM oom_kill WHERE dropped_from = '/noise'")), 1000);
  EXPECT_LE(std::stoi(query("SELECT count(*) FROM oom_kill WHERE dropped_from = '/noise'")), 2);
  EXPECT_EQ(total_of("oom_kills"), std::to_string(count + 2) + "\n");
  EXPECT_EQ(query("SELECT count(*) FROM oom_kill WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)"), "0\n");
  EXPECT_EQ(query("SELECT count(*) FROM oom_count WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)"), "0\n");
  EXPECT_EQ(query("SELECT count(*) FROM sample WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)"), "0\n");
  EXPECT_EQ(query("SELECT count(*) FROM cgroup_limit WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)"), "0\n");
  EXPECT_EQ(kept_of_quiet(begin_us), kAllOfQuiet);
  // One transaction takes up to half a MB of WAL: too much for an eighth of this max_size, an eighth of that which is
  // left for the WAL with the smallest that can be configured.
  EXPECT_LE(biggest_, kMaxBytes + 512 * 1024);
}

TEST_F(Fairness, AHistoryThatIsFullOfNoiseAtAStartGivesItUpFirst) {
  history_.set_retention({});
  const std::int64_t begin_us = quiet_hours();
  core::CgroupKey key = 1000;
  for (int second = 1; second <= 40; ++second) {
    std::vector<Cgroup> noise;
    for (int i = 0; i < 1000; ++i, ++key) noise.push_back({key, "/noise/" + std::to_string(key)});
    store(history_, scan_of(begin_us + second * kSecond, noise));
  }
  history_.set_retention({.max_size_bytes = kMaxBytes});
  const std::int64_t end_us = begin_us + kMinute;
  record(end_us, scan_of(end_us, {}));
  for (int i = 0; i < 60; ++i) history_.maintain(end_us + i * kSecond);
  record(end_us + kMinute, scan_of(end_us + kMinute, {}));
  maintain_all(end_us + 2 * kMinute);
  history_.end_run(end_us + 2 * kMinute, "");  // makes a checkpoint
  EXPECT_EQ(kept_of_quiet(begin_us), kAllOfQuiet);
  EXPECT_EQ(query("SELECT max(started_at_us) FROM scan"), std::to_string(end_us + kMinute) + "\n");
  EXPECT_LE(bytes_on_disk(), kMaxBytes)
      << query("SELECT count(*), (SELECT count(*) FROM sample), (SELECT count(*) FROM sample_hour) FROM cgroup")
      << query("PRAGMA page_count") << query("PRAGMA freelist_count");
}

TEST_F(Fairness, RowsOfLivingCgroupsWithLongPathsLeaveRoomForOthers) {
  const std::int64_t begin_us = quiet_hours();
  std::vector<Cgroup> noise;
  for (core::CgroupKey key = 1000; key < 3000; ++key)
    noise.push_back({key, "/noise/" + std::string(2000, 'x') + std::to_string(key)});
  for (int i = 1; i <= 30; ++i) record(begin_us + i * 10 * kSecond, scan_of(begin_us + i * 10 * kSecond, noise));
  EXPECT_EQ(kept_of_quiet(begin_us), kAllOfQuiet);
  EXPECT_GT(losses_["/noise"].left_out, 1000);
  EXPECT_EQ(full_count_, 0);
}

}  // namespace
}  // namespace cgmm::store
