// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/recorder.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "daemon/clock.hpp"
#include "support/eventually.hpp"
#include "support/temp_dir.hpp"
#include "support/tracked.hpp"

namespace cgmm::daemon {
namespace {

core::Scan scan_at(std::int64_t at_us) {
  core::Scan scan;
  scan.started_at_us = at_us;
  return scan;
}

/// Names only from these logs.
ContainerNames named_by(const std::string& container_logs) {
  return {kernel::ContainerLogs(container_logs), kernel::RuntimeNames("off")};
}

std::int64_t count(const std::string& file, const std::string& what) {
  SQLite::Database database(file, SQLite::OPEN_READONLY);
  return database.execAndGet("SELECT count(*) FROM " + what).getInt64();
}

/// A recorder on a history that is open.
class Recording : public testing::Test {
 protected:
  Recording() { history.begin(1, "test"); }

  const test::TempDir directory;
  const std::string file = directory.path() / "history.db";
  RecordQueue queue;
  store::HistoryFile history{file};
  Recorder recorder{history, queue, named_by("off")};
};

TEST(Recorder, RecordsWhatWaitsAndThenTheStop) {
  const test::TempDir directory;
  const std::string file = directory.path() / "history.db";
  RecordQueue queue;
  {
    store::HistoryFile history(file);
    history.begin(1, "test");
    queue.push_scan(scan_at(10));
    queue.push_scan(scan_at(20));
    queue.close();
    Recorder(history, queue, named_by("off")).run();
  }
  EXPECT_EQ(count(file, "scan"), 2);
  EXPECT_EQ(count(file, "service_event WHERE kind = 'stop'"), 1);
}

TEST_F(Recording, GivesUpOnlyTheRecordThatCantBeStored) {
  core::Scan without_a_cgroup = scan_at(20);
  without_a_cgroup.rows.resize(1);
  queue.push_scan(scan_at(10));
  queue.push_scan(std::move(without_a_cgroup));
  queue.push(core::Reclaim{.reclaim_id = 5, .id = {"/a", 1}});
  EXPECT_TRUE(recorder.record(queue.take()));
  EXPECT_EQ(count(file, "scan"), 1);
  EXPECT_EQ(count(file, "reclaim"), 1);
}

TEST_F(Recording, KeepsABatchThatTheDiskRefusedAndTellsOfTheFault) {
  queue.push_scan(scan_at(10));
  const auto batch = queue.take();
  SQLite::Database other(file, SQLite::OPEN_READWRITE);
  other.exec("ALTER TABLE scan RENAME TO elsewhere");
  EXPECT_FALSE(recorder.record(batch));
  other.exec("ALTER TABLE elsewhere RENAME TO scan");
  EXPECT_TRUE(recorder.record(batch));
  EXPECT_EQ(count(file, "scan"), 1);
  queue.done(batch);
  const auto events = queue.take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(std::get<core::ServiceEvent>(events[0]).kind, "fault_begin");
  EXPECT_EQ(std::get<core::ServiceEvent>(events[1]).kind, "fault_end");
}

/// What a recorder's thread tells of its start.
struct Told {
  int started_count = 0;
  std::vector<core::Handover> handovers;
  ThisRun run() {
    return {.started_at_us = 5,
            .detail = "now",
            .hand_over = [this](const auto& handover) { handovers.push_back(handover); },
            .started = [this] { ++started_count; }};
  }
};

TEST(Recorder, OpensTheHistoryBeforeThereIsAnythingToRecordAndHandsOverOnce) {
  const test::TempDir directory;
  const std::string file = directory.path() / "history.db";
  RecordQueue queue;
  queue.close();
  Told told;
  store::HistoryFile history(file);
  Recorder(history, queue, named_by("off"), told.run()).run();
  EXPECT_EQ(told.started_count, 1);
  EXPECT_EQ(told.handovers.size(), 1U);
  EXPECT_EQ(count(file, "service_event WHERE kind = 'start' AND at_us = 5 AND detail = 'now'"), 1);
  EXPECT_EQ(count(file, "service_event WHERE kind = 'stop'"), 1);
}

TEST(Recorder, AHistoryThatIsRefusedForGoodIsTheEndAndHandsNothingOver) {
  const test::TempDir directory;
  const std::string file = directory.path() / "history.db";
  std::filesystem::create_directory(file);
  RecordQueue queue;
  Told told;
  store::HistoryFile history(file);
  EXPECT_THROW(Recorder(history, queue, named_by("off"), told.run()).run(), store::StoreError);
  EXPECT_EQ(told.started_count, 0);
  EXPECT_TRUE(told.handovers.empty());
}

TEST(Recorder, AHistoryThatAnotherServiceHoldsHandsNothingOver) {
  const test::TempDir directory;
  const std::string file = directory.path() / "history.db";
  store::HistoryFile first(file);
  first.begin(1, "first");
  RecordQueue queue;
  Told told;
  store::HistoryFile second(file);
  EXPECT_THROW(Recorder(second, queue, named_by("off"), told.run()).run(), store::StoreError);
  EXPECT_TRUE(told.handovers.empty()) << "nothing is reclaimed beside another service";
}

TEST(Recorder, BeginsWithoutAHistoryAndOpensItLater) {
  const test::TempDir directory;
  const std::string file = directory.path() / "history.db";
  {
    store::HistoryFile history(file);
    history.begin(1, "before");
    Recorder(history, *std::make_unique<RecordQueue>(), named_by("off"))
        .record({core::CgroupCooldown{{"/web", 1}, {1, INT64_MAX, 0}}});
  }
  RecordQueue queue;
  store::HistoryFile history(file);
  core::Cooldowns handed_over;
  Recorder recorder(
      history, queue, named_by("off"),
      {.started_at_us = 5, .detail = "now", .hand_over = [&](const auto& late) { handed_over = late.cooldowns; }});
  SQLite::Database other(file, SQLite::OPEN_READWRITE);
  other.exec("CREATE INDEX refuse ON service_event (abs(at_us*0 - 9223372036854775807 - 1)) WHERE at_us > 1");
  EXPECT_FALSE(recorder.record({scan_at(10)}));
  ASSERT_EQ(queue.faults().size(), 1U);
  EXPECT_EQ(queue.faults()[0].name, "history");
  EXPECT_EQ(handed_over.count({"/web", 1}), 1U) << "it can be read";
  other.exec("DROP INDEX refuse");
  EXPECT_TRUE(test::eventually([&] { return recorder.record({scan_at(10)}); }));
  EXPECT_TRUE(queue.faults().empty());
  EXPECT_EQ(count(file, "scan"), 1);
  EXPECT_EQ(count(file, "service_event WHERE kind = 'start' AND at_us = 5"), 1);
}

TEST_F(Recording, KeepsTheLastCooldownOfEachCgroup) {
  const std::string other = directory.path() / "other.db";
  store::HistoryFile(other).begin(1, "other");
  const std::int64_t now_us = wall_now_us();
  const core::Cooldown begun{now_us, now_us + 30'000'000, 0};
  const core::Cooldown changed{now_us, now_us + 60'000'000, 1};
  EXPECT_TRUE(recorder.record({core::CgroupCooldown{{"/web", 1}, begun}, core::CgroupCooldown{{"/db", 2}, begun}}));
  EXPECT_EQ(history.read_handover(now_us)->cooldowns.at({"/web", 1}), begun) << "a restart keeps to it";
  EXPECT_TRUE(recorder.record({core::CgroupCooldown{{"/web", 1}, changed}}));
  EXPECT_EQ(history.read_handover(now_us)->cooldowns.at({"/web", 1}), changed);
  std::filesystem::rename(other, file);
  EXPECT_TRUE(recorder.record({scan_at(10)}));
  EXPECT_EQ(history.read_handover(now_us)->cooldowns.at({"/web", 1}), changed) << "and so does another history";
  EXPECT_EQ(history.read_handover(now_us)->cooldowns.at({"/db", 2}), begun);
}

TEST_F(Recording, RecordsWhatHoldsInAHistoryThatWasPutInPlaceOfItsOwn) {
  const std::string other = directory.path() / "other.db";
  store::HistoryFile(other).begin(1, "other");
  const std::int64_t later_us = wall_now_us() + 3'600'000'000;
  EXPECT_TRUE(recorder.record({core::NodeFacts{{{"version", std::string("7")}}}, scan_at(10),
                               core::CgroupCooldown{{"/web", 1}, {1, later_us, 1}}}));
  std::filesystem::rename(other, file);
  EXPECT_TRUE(recorder.record({scan_at(20)}));
  EXPECT_EQ(count(file, "node WHERE key = 'version'"), 1);
  EXPECT_EQ(count(file, "cooldown WHERE until_us = " + std::to_string(later_us) + " AND strikes = 1"), 1);
  EXPECT_EQ(count(file, "scan"), 1);
  const auto events = queue.take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(std::get<core::ServiceEvent>(events[0]).kind, "fault_begin");
  EXPECT_EQ(std::get<core::ServiceEvent>(events[1]).kind, "fault_end");
}

/// As many samples as a history of 8 MiB has no room for at once.
std::vector<Record> long_batch(std::int64_t scan_count, core::CgroupKey cgroup_count = 200) {
  std::vector<Record> batch;
  for (std::int64_t i = 0; i < scan_count; ++i) {
    core::Scan scan = scan_at(1'795'608'000'000'000 + i * 10'000'000);
    for (core::CgroupKey key = 1; key <= cgroup_count; ++key) {
      scan.rows.push_back({.cgroup = test::tracked(key, {"/" + std::to_string(key), key})});
      for (std::size_t one = 0; one < core::Gauges::kSize; ++one) {
        scan.rows.back().gauges.set(static_cast<core::Gauge>(one),
                                    (std::uint64_t{1} << 32) + static_cast<std::uint64_t>(i) * 4096);
      }
    }
    batch.emplace_back(std::move(scan));
  }
  return batch;
}

TEST_F(Recording, MakesRoomForAllThatHasWaited) {
  history.set_retention({.max_size_bytes = 8 << 20});
  EXPECT_TRUE(recorder.record(long_batch(600)));
  EXPECT_TRUE(queue.faults().empty());
  EXPECT_LE(std::filesystem::file_size(file), 8U << 20);
  EXPECT_EQ(count(file, "scan WHERE started_at_us = 1795608000000000 + 599 * 10000000"), 1);
}

TEST_F(Recording, MakesRoomForAScanThatIsBiggerThanWhatIsKeptFree) {
  history.set_retention({.max_size_bytes = 8 << 20});
  EXPECT_TRUE(recorder.record(long_batch(60, 6000)));
  EXPECT_TRUE(queue.faults().empty());
  EXPECT_LE(std::filesystem::file_size(file), 8U << 20);
  EXPECT_EQ(count(file, "scan WHERE started_at_us = 1795608000000000 + 59 * 10000000"), 1);
}

TEST_F(Recording, GoesOnWhereTheDiskHasRefused) {
  std::vector<Record> batch = long_batch(100);
  batch.emplace_back(core::ServiceEvent{7, "gap", "once"});
  SQLite::Database other(file, SQLite::OPEN_READWRITE);
  other.exec("CREATE UNIQUE INDEX refuse ON service_event (kind IS NULL)");  // the start is there already
  other.exec(
      "CREATE INDEX no_more ON scan (abs(cgroup_count*0 - 9223372036854775807 - 1)) WHERE started_at_us > "
      "1795608590000000");
  EXPECT_FALSE(recorder.record(batch));
  const std::int64_t stored_count = count(file, "scan");
  EXPECT_GT(stored_count, 0);
  EXPECT_LT(stored_count, 61);
  other.exec("DROP INDEX refuse");
  other.exec("DROP INDEX no_more");
  EXPECT_TRUE(recorder.record(batch));
  EXPECT_EQ(count(file, "scan"), 100);
  EXPECT_EQ(count(file, "service_event WHERE at_us = 7"), 1);
}

TEST_F(Recording, RestatesWhatHoldsUntilItCould) {
  const std::string other = directory.path() / "other.db";
  store::HistoryFile(other).begin(1, "other");
  SQLite::Database(other, SQLite::OPEN_READWRITE)
      .exec("CREATE INDEX refuse ON cooldown (abs(cgroup_id*0 - 9223372036854775807 - 1))");
  const core::Cooldown cooldown{1, wall_now_us() + 3'600'000'000, 0};
  EXPECT_TRUE(recorder.record({scan_at(10), core::CgroupCooldown{{"/web", 1}, cooldown}}));
  std::filesystem::rename(other, file);
  EXPECT_FALSE(recorder.record({scan_at(20)}));
  SQLite::Database(file, SQLite::OPEN_READWRITE).exec("DROP INDEX refuse");
  EXPECT_TRUE(test::eventually([&] { return recorder.record({scan_at(20)}); }));
  EXPECT_EQ(count(file, "cooldown"), 1);
}

TEST_F(Recording, RecordsCooldownsThatTheQueueHasRefused) {
  for (std::size_t i = 0; i < RecordQueue::kMaxOthers; ++i) queue.push(core::LogPosition{"boot", 1});
  queue.push(core::CgroupCooldown{{"/web", 1}, {1, wall_now_us() + 3'600'000'000, 0}});
  EXPECT_TRUE(recorder.record(queue.take()));
  for (const int at : {20, 30}) EXPECT_TRUE(recorder.record({scan_at(at)}));
  EXPECT_EQ(count(file, "cooldown"), 1);
}

TEST_F(Recording, ACooldownThatTheQueueHasRefusedIsNewerThanWhatWaits) {
  const std::int64_t now_us = wall_now_us();
  const auto cooldown = [&](std::int64_t until_s) {
    return core::CgroupCooldown{{"/web", 1}, {now_us, now_us + until_s * 1'000'000, 0}};
  };
  queue.push(core::LogPosition{"boot", 1});
  const auto held = queue.take();
  queue.push(cooldown(1000));
  for (std::size_t i = 1; i < RecordQueue::kMaxOthers; ++i) queue.push(core::LogPosition{"boot", 1});
  queue.push(cooldown(4000));
  for (const auto& batch : {held, queue.take(), {scan_at(20)}}) EXPECT_TRUE(recorder.record(batch));
  EXPECT_EQ(count(file, "cooldown WHERE until_us = " + std::to_string(now_us + 4'000'000'000)), 1);
}

TEST_F(Recording, DamageThatIsMetWhenWhatHoldsIsRestatedIsDamageToo) {
  const core::Cooldown cooldown{1, wall_now_us() + 3'600'000'000, 0};
  EXPECT_TRUE(recorder.record({scan_at(10), core::CgroupCooldown{{"/web", 1}, cooldown}}));
  const std::string other = directory.path() / "other.db";
  {
    store::HistoryFile damaged(other);
    damaged.begin(1, "other");
    damaged.history().end_run(2, "");
  }
  const auto page = SQLite::Database(other, SQLite::OPEN_READONLY)
                        .execAndGet("SELECT rootpage FROM sqlite_schema WHERE name = 'node'")
                        .getInt64();
  SQLite::Database(other, SQLite::OPEN_READWRITE).exec("UPDATE service_event SET detail = zeroblob(70000000)");
  std::fstream out(other, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp((page - 1) * 4096);
  out << std::string(4096, '\xa5');
  out.close();
  EXPECT_TRUE(recorder.record({core::NodeFacts{{{"version", std::string("7")}}}}));
  std::filesystem::rename(other, file);
  EXPECT_TRUE(test::eventually([&] { return recorder.record({scan_at(20)}); }));
  EXPECT_EQ(count(file, "node WHERE key = 'version'"), 1);
  EXPECT_EQ(count(file, "cooldown"), 1);
}

class RecorderNames : public testing::Test {
 protected:
  RecorderNames() {
    std::filesystem::create_directories(logs() / "containers");
    history_.begin(1, "test");
  }
  std::filesystem::path logs() const { return directory_.path() / "log"; }
  void make_link() const {
    std::filesystem::create_symlink("/nowhere",
                                    logs() / "containers" / ("web-7d9c5b8f6d-x2x4z_shop_app-" + id_ + ".log"));
  }
  std::vector<Record> scan() const {
    core::Scan scan = scan_at(10);
    scan.rows = {{.cgroup = container_}};
    return {scan};
  }
  std::string names() const {
    const SQLite::Database db(file_, SQLite::OPEN_READONLY);
    SQLite::Statement query(db, "SELECT name, workload FROM v_cgroup");
    return query.executeStep() ? query.getColumn(0).getString() + " " + query.getColumn(1).getString() : "";
  }

  const std::string id_ = std::string(64, 'a');
  const core::CgroupRef container_ = test::tracked(
      1, {"/kubepods/burstable/pod11112222-3333-4444-5555-666677778888/cri-containerd-" + id_ + ".scope", 7});
  test::TempDir directory_;
  const std::string file_ = directory_.path() / "history.db";
  store::HistoryFile history_{file_};
  RecordQueue queue_;
};

TEST_F(RecorderNames, AreRecordedWithTheContainer) {
  make_link();
  Recorder recorder(history_, queue_, named_by(logs()));
  recorder.record(scan());
  EXPECT_EQ(names(), "shop/web-7d9c5b8f6d-x2x4z/app shop/web/app");
}

TEST_F(RecorderNames, ThatTheNodeTellsLaterAreRecordedWithALaterScan) {
  Recorder recorder(history_, queue_, named_by(logs()));
  recorder.record(scan());
  EXPECT_EQ(names(), "aaaaaaaaaaaa (pod 11112222) pod/11112222-3333-4444-5555-666677778888");
  make_link();
  recorder.record(scan());
  EXPECT_EQ(names(), "shop/web-7d9c5b8f6d-x2x4z/app shop/web/app");
}

}  // namespace
}  // namespace cgmm::daemon
