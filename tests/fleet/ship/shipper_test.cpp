// SPDX-License-Identifier: Apache-2.0
#include "fleet/ship/shipper.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>

#include "fleet/ship/fake_engine.hpp"
#include "fleet/ship/made_up_history.hpp"
#include "report/catalog.hpp"
#include "store/error.hpp"
#include "support/pipe.hpp"

namespace cgmm::fleet {
namespace {

/// The end of the process, wherever it is.
struct Killed {};

class ShipperTest : public testing::Test {
 protected:
  ShipperTest() {
    settings_.history = directory_.path() / "history.db";
    settings_.node = "node-1";
    settings_.ship.batch_rows = 100;
  }

  void begin_history(std::uint64_t seed = 1) { made_ = std::make_unique<MadeUpHistory>(settings_.history, seed); }

  /// A process that begins, as after a crash or a restart.
  Shipper& begin_shipper() {
    shipper_.reset();
    file_.reset();
    file_ = std::make_unique<StateFile>(state_file_);
    shipper_ = std::make_unique<Shipper>(
        settings_, engine_, *file_,
        ShipperHooks{.wall_now_us = [this] { return made_ ? made_->now_us() : kNoon; },
                     .clock_difference_us = {},
                     .last_sent_at_us = [this](const std::string& id) { return last_sent(id); },
                     .info = [this](const std::string& text) { said_ += text + "\n"; },
                     .warn = [this](const std::string& text) { said_ += text + "\n"; }});
    return *shipper_;
  }
  void end_shipper() {
    shipper_.reset();
    file_.reset();
  }

  void happen(int count) {
    for (int i = 0; i < count; ++i) made_->something();
  }
  /// As the engine's table node has it.
  std::optional<std::int64_t> last_sent(const std::string& history_id) {
    constexpr std::string_view kAt = " shipped_at_us=";
    const auto found = engine_.rows("node").find(settings_.node + "|" + history_id + "|");
    if (found == engine_.rows("node").end()) return std::nullopt;
    return std::stoll(found->second.substr(found->second.find(kAt) + kAt.size()));
  }
  /// What there is now, to be put back later.
  void back_up(const std::string& what) {
    SQLite::Database(settings_.history.string(), SQLite::OPEN_READONLY)
        .exec("VACUUM INTO '" + (directory_.path() / (what + ".db")).string() + "'");
    if (std::filesystem::exists(state_file_))
      std::filesystem::copy_file(state_file_, directory_.path() / (what + ".json"));
  }
  void remove_history() {
    made_.reset();
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(settings_.history.string() + end);
  }
  void restore_history(const std::string& what) {
    remove_history();
    std::filesystem::copy_file(directory_.path() / (what + ".db"), settings_.history);
    made_ = std::make_unique<MadeUpHistory>(settings_.history, MadeUpHistory::GoesOn{}, 99);
  }
  std::int64_t number(std::string_view sql) const {
    return std::get<std::int64_t>(store::Reader(settings_.history).run(sql).rows.at(0).at(0));
  }
  void exec(const std::string& sql) const {
    SQLite::Database(settings_.history.string(), SQLite::OPEN_READWRITE).exec(sql);
  }

  test::TempDir directory_;
  std::filesystem::path state_file_ = directory_.path() / "state.json";
  ShipperSettings settings_;
  FakeEngine engine_;
  std::string said_;
  std::unique_ptr<MadeUpHistory> made_;
  std::unique_ptr<StateFile> file_;
  std::unique_ptr<Shipper> shipper_;
};

TEST_F(ShipperTest, SendsAllThatThereIsAndThenWhatIsNew) {
  begin_history();
  happen(200);
  begin_shipper().ship_all();
  expect_all_there(engine_, settings_.history, "node-1");
  happen(200);
  shipper_->ship_all();
  expect_all_there(engine_, settings_.history, "node-1");
  EXPECT_GT(engine_.rows("sample_hour").size(), 0U);
  EXPECT_GT(engine_.rows("oom_kill").size(), 0U);
  EXPECT_GT(engine_.rows("oom_process").size(), 0U);
  EXPECT_GT(engine_.rows("oom_node").size(), 0U);
  EXPECT_GT(engine_.rows("reclaim").size(), 0U);
  EXPECT_GT(engine_.rows("stuck").size(), 0U);
  EXPECT_EQ(shipper_->state()->lost_samples, 0);
  EXPECT_EQ(shipper_->state()->lost_scans, 0);
  EXPECT_EQ(said_, "");
}

TEST_F(ShipperTest, SendsNothingButTheNodeWhereNothingIsNew) {
  begin_history();
  happen(50);
  begin_shipper().ship_all();
  engine_.taken.clear();
  begin_shipper().ship_all();
  EXPECT_EQ(engine_.taken.size(), 1U);
  EXPECT_GT(engine_.taken["node"], 0);
}

TEST_F(ShipperTest, SendsARowOnceWhereNothingFails) {
  begin_history();
  settings_.ship.samples = config::ShippedSamples::hours;
  happen(200);
  begin_shipper().ship_all();
  for (const auto& [table, keys] : kKeys) {
    if (table == "node") continue;
    EXPECT_EQ(static_cast<std::size_t>(engine_.taken[table]), engine_.rows(table).size()) << table;
  }
  EXPECT_EQ(engine_.taken["sample"], 0);
  EXPECT_EQ(shipper_->state()->lost_samples, 0);
}

TEST_F(ShipperTest, SendsOfSamplesThoseBeforeIncidentsWhereNoMoreIsWanted) {
  begin_history();
  settings_.ship.samples = config::ShippedSamples::incidents;
  for (int i = 0; i < 100; ++i) made_->scan();
  made_->logged_kill();
  begin_shipper().ship_all();
  EXPECT_EQ(engine_.rows("sample").size(), 61U);
  EXPECT_EQ(engine_.rows("scan").size(), 100U);
}

TEST_F(ShipperTest, SendsWhatIsNewBeforeWhatIsOld) {
  begin_history();
  happen(300);
  begin_shipper().round({});
  made_->scan();
  made_->logged_kill();
  made_->scan();
  const std::string kill = std::to_string(number("SELECT max(oom_kill_id) FROM oom_kill"));
  const Shipper::Left left = shipper_->round({.events = true, .samples = false});
  EXPECT_TRUE(left.backfill);
  const auto& kills = engine_.rows("oom_kill");
  EXPECT_TRUE(std::ranges::any_of(kills, [&](const auto& row) { return row.first.ends_with("|" + kill + "|"); }));
  EXPECT_GT(engine_.rows("sample").size(), 0U) << "those before the kill";
  shipper_->ship_all();
  expect_all_there(engine_, settings_.history, "node-1");
}

/// In parts, because they take a while: 200 seeds.
class KilledShipperTest : public ShipperTest, public testing::WithParamInterface<std::uint64_t> {
 protected:
  void fail_at_random(std::uint64_t seed) {
    std::filesystem::remove(state_file_);
    made_.reset();
    std::filesystem::remove(settings_.history);
    engine_ = {};
    settings_.ship.batch_rows = 30;
    begin_history(seed);
    std::mt19937_64 random(seed);
    engine_.before = engine_.after = [&] {
      const auto what = random() % 16;
      if (what == 0) throw Killed();
      if (what == 1) throw DestinationError(Refusal::transient, "cut");
      if (what == 2) made_->something();
    };
    happen(static_cast<int>(random() % 40));
    begin_shipper();
    for (int i = 0; i < 20; ++i) {
      try {
        made_->something();
        shipper_->round({.events = random() % 4 != 0, .samples = random() % 4 != 0});
      } catch (const Killed&) {
        begin_shipper();
      } catch (const DestinationError&) {
      }
    }
    engine_.before = engine_.after = {};
    if (random() % 2 == 0) begin_shipper();
  }
};

TEST_P(KilledShipperTest, SendsEachRow) {
  constexpr std::uint64_t kSeeds = 20;
  for (std::uint64_t seed = GetParam() * kSeeds; seed < (GetParam() + 1) * kSeeds && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    fail_at_random(seed);
    shipper_->ship_all();
    expect_all_there(engine_, settings_.history, "node-1");
    EXPECT_EQ(shipper_->state()->lost_samples, 0);
    EXPECT_EQ(shipper_->state()->lost_scans, 0);
    end_shipper();
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, KilledShipperTest, testing::Range(std::uint64_t{0}, std::uint64_t{10}));

class ShipperOfArchiveTest : public ShipperTest {
 protected:
  std::int64_t archived() const {
    return number(
        "SELECT coalesce(sum(sample_count), 0) FROM archive_chunk WHERE last_scan_id <= "
        "(SELECT max(scan_id) FROM archived)");
  }
};

TEST_F(ShipperOfArchiveTest, SendsSamplesThatWereArchivedBeforeOnce) {
  begin_history();
  for (int i = 0; i < 3500; ++i) made_->scan();
  const Rows samples = rows_of(settings_.history, "node-1", "sample");
  made_->archive();
  for (int i = 0; i < 20; ++i) made_->maintain();
  ASSERT_GT(archived(), 1000);
  ASSERT_LT(number("SELECT count(*) FROM main.sample"), 3500 * std::int64_t{MadeUpHistory::kCgroups} - 1000);
  begin_shipper().ship_all();
  EXPECT_TRUE(without_timeline(engine_.rows("sample")) == samples);
  EXPECT_EQ(static_cast<std::size_t>(engine_.taken["sample"]), samples.size());
  EXPECT_EQ(shipper_->state()->lost_samples, 0);
  EXPECT_EQ(shipper_->state()->lost_scans, 0);
  expect_all_there(engine_, settings_.history, "node-1");
}

TEST_F(ShipperOfArchiveTest, SendsEachSampleThatIsArchivedMeanwhileWhereverItIsKilled) {
  begin_history(3);
  settings_.ship.batch_rows = 300;
  for (int i = 0; i < 2500; ++i) made_->scan();
  begin_shipper().round({.events = true, .samples = true});
  std::mt19937_64 random(3);
  engine_.before = engine_.after = [&] {
    const auto what = random() % 8;
    if (what == 0) throw Killed();
    if (what == 1) throw DestinationError(Refusal::transient, "cut");
    if (what == 2) made_->maintain();
  };
  made_->archive();
  for (int i = 0; i < 60; ++i) {
    try {
      made_->something();
      shipper_->round({.events = true, .samples = true});
    } catch (const Killed&) {
      begin_shipper();
    } catch (const DestinationError&) {
    }
  }
  EXPECT_GT(archived(), 1000);
  engine_.before = engine_.after = {};
  begin_shipper().ship_all();
  expect_all_there(engine_, settings_.history, "node-1");
  EXPECT_EQ(shipper_->state()->lost_samples, 0);
  EXPECT_EQ(shipper_->state()->lost_scans, 0);
}

TEST_F(ShipperTest, SendsTheBatchAgainThatWasOnItsWay) {
  begin_history();
  happen(100);
  begin_shipper().ship_all();
  const auto before = shipper_->state()->forward.samples;
  for (int i = 0; i < 3; ++i) made_->scan();
  engine_.after = [] { throw Killed(); };
  EXPECT_THROW(shipper_->round({.events = false, .samples = true}), Killed);
  made_->scan();
  engine_.after = {};
  begin_shipper();
  bool is_bad = false;
  const auto in_flight = file_->read(is_bad)->in_flight;
  ASSERT_TRUE(in_flight);
  EXPECT_EQ(in_flight->planned.range, (Range{.kind = Kind::samples, .after = before, .to = before + 3}));
  shipper_->round({.events = false, .samples = false});
  EXPECT_EQ(shipper_->state()->forward.samples, before + 3);
  shipper_->ship_all();
  expect_all_there(engine_, settings_.history, "node-1");
}

TEST_F(ShipperTest, SendsAllAgainWhereItsStateIsLost) {
  begin_history();
  happen(100);
  begin_shipper().ship_all();
  end_shipper();
  std::filesystem::remove(state_file_);
  happen(10);
  begin_shipper().ship_all();
  expect_all_there(engine_, settings_.history, "node-1");
  EXPECT_EQ(shipper_->state()->lost_samples, 0);
  end_shipper();
  std::ofstream(state_file_) << "{";
  engine_ = {};
  begin_shipper().ship_all();
  expect_all_there(engine_, settings_.history, "node-1");
  EXPECT_NE(said_.find("can't be understood"), std::string::npos) << said_;
}

TEST_F(ShipperTest, SendsAHistoryThatWasBegunAnewBesideTheOneBefore) {
  begin_history();
  happen(100);
  begin_shipper().ship_all();
  const std::size_t before = engine_.rows("sample").size();
  made_.reset();
  std::filesystem::rename(settings_.history, directory_.path() / "aside.db");
  begin_history(2);
  happen(100);
  const std::size_t rows = rows_of(settings_.history, "node-1", "sample").size();
  shipper_->ship_all();
  EXPECT_EQ(engine_.rows("sample").size(), before + rows);
  EXPECT_EQ(engine_.rows("node").size(), 2U);
  expect_all_there(engine_, settings_.history, "node-1",
                   {"cgroup", "cgroup_limit", "reclaim", "oom_kill", "oom_process", "oom_node", "stuck", "cooldown",
                    "service_event", "scan", "sample", "sample_hour"});
  EXPECT_NE(said_.find("begun anew"), std::string::npos) << said_;
}

/// A container of one workload, which was made, found, or whatever.
std::string container(int number, const std::string& first_seen_by, int first_seen_at_us, const std::string& workload) {
  const std::string id = std::to_string(number);
  return "INSERT OR REPLACE INTO cgroup (cgroup_id, path, inode, first_seen_at_us, last_seen_at_us, kind, "
         "container_id, pod_uid, "
         "container, workload, first_seen_by) VALUES (" +
         id + ", '/pod/" + id + "', " + id + ", " + std::to_string(first_seen_at_us) + ", 900, 'container', '" + id +
         "', 'uid', 'app', " + workload + ", '" + first_seen_by +
         "'); INSERT OR REPLACE INTO change (kind, row_id) VALUES (1, " + id + ");";
}

TEST_F(ShipperTest, SendsWhatIsARestart) {
  begin_history();
  made_.reset();
  exec(container(101, "found", 100, "'shop/web/app'") + container(102, "made", 200, "'shop/web/app'") +
       container(103, "found", 300, "'shop/web/app'") + container(104, "made", 400, "'other'") +
       container(105, "made", 50, "NULL") + container(106, "renamed", 500, "'shop/web/app'"));
  begin_shipper().ship_all();
  const auto sent = [&] {
    std::string ids;
    for (const auto& [key, row] : engine_.rows("restart")) {
      const std::size_t at = row.find("cgroup_id=") + std::string_view("cgroup_id=").size();
      ids += row.substr(at, row.find(' ', at) + 1 - at);
    }
    return ids;
  };
  EXPECT_EQ(sent(), "102 ") << "nothing had ended before the one that was found";
  exec("UPDATE cgroup SET vanished_at_us = 250, vanished_by = 'removed' WHERE cgroup_id = 101;" +
       container(103, "found", 300, "'shop/web/app'") + container(105, "made", 50, "'other'") +
       container(104, "made", 400, "'other'"));
  shipper_->ship_all();
  EXPECT_EQ(sent(), "102 103 104 ");
  EXPECT_EQ(number("SELECT group_concat(cgroup_id, '') = '102103104' FROM (SELECT cgroup_id FROM (" +
                   report::with_parts("SELECT * FROM (restart)") + ") ORDER BY 1)"),
            1)
      << "as the node says";

  exec("DELETE FROM cgroup WHERE cgroup_id IN (101, 105);" + container(102, "made", 200, "'shop/web/app'"));
  shipper_->ship_all();
  EXPECT_EQ(number("SELECT count(*) FROM (" + report::with_parts("SELECT * FROM (restart)") + ")"), 0);
  EXPECT_EQ(sent(), "102 103 104 ") << "the node has no earlier ones any more, but has told of them";
}

TEST_F(ShipperTest, SendsASalvagedHistoryAsTheSame) {
  begin_history();
  happen(100);
  begin_shipper().ship_all();
  happen(20);
  const std::filesystem::path salvaged = directory_.path() / "salvaged.db";
  made_->history().carry_over_to(salvaged);
  made_.reset();
  std::filesystem::rename(salvaged, settings_.history);
  shipper_->ship_all();
  expect_all_there(engine_, settings_.history, "node-1", {"scan", "sample", "cgroup_limit"});
  EXPECT_EQ(engine_.rows("node").size(), 1U);
}

TEST_F(ShipperTest, GoesOnWhereASalvagedHistoryHasLostItsEnd) {
  begin_history();
  for (int i = 0; i < 10; ++i) made_->scan();
  begin_shipper().ship_all();
  exec("DELETE FROM sample WHERE scan_id > 5; DELETE FROM scan WHERE scan_id > 5");
  shipper_->round({});
  made_->scan();
  shipper_->ship_all();
  EXPECT_EQ(shipper_->state()->forward.samples, 6);
  expect_all_there(engine_, settings_.history, "node-1", {"scan", "sample"});
}

const std::vector<std::string> kAllTables{"cgroup",        "cgroup_limit", "reclaim", "oom_kill",
                                          "oom_process",   "oom_node",     "stuck",   "cooldown",
                                          "service_event", "scan",         "sample",  "sample_hour"};

TEST_F(ShipperTest, SendsAHistoryThatWasRestoredFromABackup) {
  for (const int more_scans : {0, 200}) {  // it has fewer scans than were sent, or more
    SCOPED_TRACE(more_scans);
    said_.clear();
    end_shipper();
    std::filesystem::remove(state_file_);
    engine_ = {};
    remove_history();
    begin_history();
    happen(100);
    begin_shipper().ship_all();
    back_up(std::to_string(more_scans));
    for (int i = 0; i < 3; ++i) {
      made_->scan();
      made_->name();
      made_->logged_kill();
      made_->event();
    }
    shipper_->ship_all();
    restore_history(std::to_string(more_scans));
    happen(20);
    for (int i = 0; i < more_scans; ++i) made_->scan();
    shipper_->ship_all();
    expect_all_there(engine_, settings_.history, "node-1", kAllTables);
    EXPECT_NE(said_.find("restored from a backup"), std::string::npos) << said_;
    EXPECT_EQ(engine_.rows("node").size(), 1U);
    EXPECT_EQ(shipper_->state()->lost_samples, 0);

    said_.clear();
    happen(20);
    begin_shipper().ship_all();
    expect_all_there(engine_, settings_.history, "node-1", kAllTables);
    EXPECT_EQ(said_, "");
  }
}

TEST_F(ShipperTest, SendsAHistoryThatWasRestoredTogetherWithItsState) {
  begin_history();
  happen(100);
  begin_shipper().ship_all();
  back_up("backup");
  happen(100);
  shipper_->ship_all();
  end_shipper();
  restore_history("backup");
  std::filesystem::copy_file(directory_.path() / "backup.json", state_file_,
                             std::filesystem::copy_options::overwrite_existing);
  happen(20);
  begin_shipper().ship_all();
  expect_all_there(engine_, settings_.history, "node-1", kAllTables);
  EXPECT_NE(said_.find("sent later than the state"), std::string::npos) << said_;
}

TEST_F(ShipperTest, SendsAHistoryThatWasRestoredWithoutAState) {
  begin_history();
  happen(100);
  back_up("backup");
  begin_shipper().ship_all();
  happen(100);
  shipper_->ship_all();
  end_shipper();
  std::filesystem::remove(state_file_);
  restore_history("backup");
  happen(20);
  begin_shipper().ship_all();
  expect_all_there(engine_, settings_.history, "node-1", kAllTables);
}

TEST_F(ShipperTest, LeavesARowOutThatTheEngineRefusesForGood) {
  begin_history();
  settings_.ship.batch_rows = 1000;
  for (int i = 0; i < 50; ++i) made_->scan();
  exec("UPDATE scan SET late_us = 'x' WHERE scan_id IN (7, 30)");
  engine_.refuses = [](std::string_view table, std::string_view rows) {
    if (table == "scan" && rows.find("\tx\t") != std::string_view::npos)
      throw DestinationError(Refusal::bad_rows, "the engine can't read it");
  };
  begin_shipper();
  for (int i = 0; i < 3; ++i) EXPECT_THROW(shipper_->ship_all(), DestinationError);
  begin_shipper().ship_all();  // it remembers how often
  EXPECT_EQ(engine_.rows("scan").size(), 48U);
  EXPECT_EQ(engine_.rows("sample").size(), 50U * MadeUpHistory::kCgroups);
  EXPECT_EQ(shipper_->state()->refused_rows, 2);
  EXPECT_NE(said_.find("a row of table scan is left out: the engine can't read it"), std::string::npos) << said_;
  const std::string node = engine_.rows("node").begin()->second;
  EXPECT_NE(node.find("refused_rows=2 "), std::string::npos) << node;
}

TEST_F(ShipperTest, LeavesNothingOutWhereTheEngineRefusesAll) {
  begin_history();
  for (int i = 0; i < 50; ++i) made_->scan();
  engine_.refuses = [](std::string_view table, std::string_view) {
    if (table == "scan") throw DestinationError(Refusal::bad_rows, "the table is another one");
  };
  begin_shipper();
  for (int i = 0; i < 6; ++i) EXPECT_THROW(shipper_->ship_all(), DestinationError);
  EXPECT_EQ(shipper_->state()->refused_rows, 0);
  engine_.refuses = {};
  shipper_->ship_all();
  expect_all_there(engine_, settings_.history, "node-1");
}

TEST_F(ShipperTest, CountsWhatWasDeletedBeforeItWasSent) {
  begin_history();
  settings_.ship.batch_rows = 100;
  settings_.ship.batch_bytes = 2000;  // two scans
  for (int i = 0; i < 20; ++i) made_->scan();
  begin_shipper().round({.events = false, .samples = false});
  for (int i = 0; i < 5; ++i) made_->scan();
  // Of the backfill two scans' samples; of what is new one scan's samples, and all of another.
  exec("DELETE FROM sample WHERE scan_id IN (19, 20, 22, 23); DELETE FROM scan WHERE scan_id = 23");
  shipper_->ship_all();
  EXPECT_EQ(shipper_->state()->lost_samples, 2 * 4 + 4);
  EXPECT_EQ(shipper_->state()->lost_scans, 1);
  const std::string node = engine_.rows("node").begin()->second;
  EXPECT_NE(node.find("lost_samples=12 lost_rows=1 "), std::string::npos) << node;
}

TEST_F(ShipperTest, HasSentOrLostEachSampleWhereRetentionIsFaster) {
  begin_history();
  for (int i = 0; i < 10; ++i) made_->scan();
  begin_shipper().round({.events = false, .samples = false});
  std::int64_t scan_count = 10;
  for (int i = 0; i < 6; ++i, ++scan_count) made_->scan(24 * kHour);
  made_->maintain(kMinute);
  ASSERT_LT(number("SELECT count(*) FROM sample"), scan_count * std::int64_t{MadeUpHistory::kCgroups});
  shipper_->ship_all();
  EXPECT_EQ(std::ssize(engine_.rows("sample")) + shipper_->state()->lost_samples,
            scan_count * std::int64_t{MadeUpHistory::kCgroups});
  EXPECT_GT(shipper_->state()->lost_samples, 0);
  EXPECT_EQ(shipper_->state()->lost_scans, 0);
  expect_all_there(engine_, settings_.history, "node-1");
}

TEST_F(ShipperTest, DoesNotCountWhatWasDeletedAfterItWasSent) {
  begin_history();
  for (int i = 0; i < 10; ++i) made_->scan();
  begin_shipper().ship_all();
  exec("DELETE FROM sample WHERE scan_id < 5");
  made_->scan();
  shipper_->ship_all();
  EXPECT_EQ(shipper_->state()->lost_samples, 0);
}

TEST_F(ShipperTest, TellsOfKillsThatAnotherRowCounts) {
  begin_history();
  for (int i = 0; i < 30; ++i) {
    made_->scan();
    made_->kill(1);
  }
  begin_shipper().ship_all();
  made_->maintain(10 * kMinute);
  ASSERT_LT(number("SELECT count(*) FROM oom_kill"), 30) << "some are counted by another row";
  shipper_->ship_all();
  expect_all_there(engine_, settings_.history, "node-1");
  std::int64_t sum = 0;
  for (const auto& [key, row] : engine_.rows("oom_kill")) {
    const std::size_t at = row.find("kill_count=") + std::string_view("kill_count=").size();
    sum += std::stoll(row.substr(at));
  }
  EXPECT_EQ(sum, 30);
}

TEST_F(ShipperTest, SendsAllUnderANewName) {
  begin_history();
  happen(50);
  begin_shipper().ship_all();
  settings_.node = "node-2";
  begin_shipper().ship_all();
  EXPECT_EQ(engine_.rows("node").size(), 2U);
  EXPECT_EQ(engine_.rows("sample").size(), 2 * rows_of(settings_.history, "node-2", "sample").size());
  EXPECT_NE(said_.find("called node-1 and is now called node-2"), std::string::npos) << said_;
}

TEST_F(ShipperTest, SendsNothingWhereItsStateCanNotBeWritten) {
  begin_history();
  happen(50);
  begin_shipper().ship_all();
  happen(50);
  const int before = engine_.insert_count;
  std::filesystem::create_directory(state_file_.string() + ".new");  // in the way
  EXPECT_THROW(shipper_->ship_all(), std::system_error);
  EXPECT_EQ(engine_.insert_count, before);
  std::filesystem::remove(state_file_.string() + ".new");
  shipper_->ship_all();
  expect_all_there(engine_, settings_.history, "node-1");
}

TEST_F(ShipperTest, KeepsInsertsSmall) {
  begin_history();
  settings_.ship.batch_rows = 100'000;
  settings_.ship.batch_bytes = 1 << 16;
  for (int i = 0; i < 500; ++i) made_->scan();
  begin_shipper().ship_all();
  EXPECT_LT(engine_.largest_bytes, std::size_t{(1 << 16) + 1000});
  expect_all_there(engine_, settings_.history, "node-1");
}

TEST_F(ShipperTest, TellsWhenAFailureBeginsAndWhenItEndsAndStopsWhenItIsTold) {
  begin_history();
  happen(20);
  settings_.ship.events_every_us = settings_.ship.samples_every_us = 1000;
  const test::Pipe stop = test::make_pipe();
  int count = 0;
  bool is_bad = false;
  engine_.before = [&] {
    if (count == 1) {
      const auto failing = file_->read(is_bad)->failing;
      EXPECT_EQ(failing ? failing->why : "", "the server is away");
    }
    if (++count <= 2) throw DestinationError(Refusal::transient, "the server is away");
    if (count > 20 && ::write(stop[1].get(), "x", 1) != 1) ADD_FAILURE() << "the pipe is broken";
  };
  begin_shipper().run(stop[0].get());
  const std::size_t begin = said_.find("the history can't be sent: the server is away; next attempt in ");
  EXPECT_NE(begin, std::string::npos) << said_;
  EXPECT_EQ(said_.find("the server is away", begin + 40), std::string::npos) << said_;
  EXPECT_NE(said_.find("the history is sent again, after 2 failed attempts"), std::string::npos) << said_;
  EXPECT_EQ(file_->read(is_bad)->failing, std::nullopt);
}

TEST_F(ShipperTest, DoesNotComplainOfARequestThatTheStopHasEnded) {
  begin_history();
  settings_.ship.events_every_us = settings_.ship.samples_every_us = 1000;
  const test::Pipe stop = test::make_pipe();
  engine_.before = [&] {
    if (::write(stop[1].get(), "x", 1) != 1) ADD_FAILURE() << "the pipe is broken";
    throw DestinationError(Refusal::transient, "stopped");
  };
  begin_shipper().run(stop[0].get());
  EXPECT_EQ(engine_.insert_count, 1);
  EXPECT_EQ(said_, "");
}

TEST_F(ShipperTest, TriesAgainWhereTheHistoryIsNotThereYet) {
  EXPECT_THROW(begin_shipper().round({}), store::StoreError);
  begin_history();
  happen(20);
  shipper_->ship_all();
  expect_all_there(engine_, settings_.history, "node-1");
}

}  // namespace
}  // namespace cgmm::fleet
