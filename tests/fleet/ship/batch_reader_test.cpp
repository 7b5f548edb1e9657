// SPDX-License-Identifier: Apache-2.0
#include "fleet/ship/batch_reader.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <set>

#include "fleet/ship/embedded.hpp"
#include "fleet/ship/fake_engine.hpp"
#include "fleet/ship/made_up_history.hpp"
#include "store/error.hpp"

namespace cgmm::fleet {
namespace {

using Incidents = BatchReader::Incidents;

class BatchReaderTest : public testing::Test {
 protected:
  BatchReader reader(std::int64_t rows = 20'000) const {
    config::Ship settings;
    settings.batch_rows = rows;
    return {made_.file(), "node-1", settings};
  }
  std::string query(std::string_view sql) const {
    const auto table = store::Reader(made_.file()).run(sql);
    std::string line;
    append_cell(line, table.rows.at(0).at(0));
    return line;
  }
  std::int64_t number(std::string_view sql) const { return std::stoll(query(sql)); }

  test::TempDir directory_;
  MadeUpHistory made_{directory_.path() / "history.db"};
};

TEST_F(BatchReaderTest, KnowsHowFarTheHistoryReaches) {
  EXPECT_EQ(reader().ends(0).newest, (Cursors{.changes = 1, .samples = 0, .hours = 0}));
  for (int i = 0; i < 3; ++i) made_.scan(kHour);
  made_.maintain();
  const Ends ends = reader().ends(0);
  EXPECT_EQ(ends.history_id, query("SELECT value FROM node WHERE key = 'history_id'"));
  EXPECT_EQ(ends.newest.changes, number("SELECT max(revision) FROM change"));
  EXPECT_EQ(ends.newest.samples, 3);
  EXPECT_EQ(ends.newest.hours, 2);
  EXPECT_EQ(ends.newest_hour_at_us, kNoon + 2 * kHour);
  EXPECT_EQ(reader().samples_up_to(2), 2 * std::int64_t{MadeUpHistory::kCgroups});
}

TEST_F(BatchReaderTest, SendsAHourOfWhichAllIsOnRecord) {
  made_.scan(kHour);
  made_.scan();
  made_.scan(kHour);
  made_.maintain();
  const std::int64_t end = reader().ends(0).newest.hours;
  ASSERT_EQ(end, 2);
  const Planned planned{.range = {.kind = Kind::hours, .after = kNoon + kHour - 1, .to = kNoon + kHour}, .cursor = 2};
  EXPECT_EQ(reader().next(Kind::hours, 0, end), planned);
  EXPECT_EQ(reader().next(Kind::hours, 1, end), planned) << "after the clock was set back, the same hour again";
  EXPECT_EQ(reader().next(Kind::hours, 2, end), std::nullopt);
  EXPECT_EQ(reader().next_old_hours(0, kNoon + 9 * kHour)->range.to, kNoon + kHour);
  EXPECT_EQ(reader().next_old_hours(kNoon + kHour, kNoon + 9 * kHour), std::nullopt);
}

TEST_F(BatchReaderTest, CutsBatchesBetweenScans) {
  for (int i = 0; i < 10; ++i) made_.scan();
  const BatchReader small = reader(8);  // a scan is five rows
  const auto first = small.next(Kind::samples, 0, 10);
  EXPECT_EQ(first, (Planned{.range = {.kind = Kind::samples, .after = 0, .to = 2}, .cursor = 2}));
  EXPECT_EQ(small.next(Kind::samples, 9, 10)->range.to, 10);
  EXPECT_EQ(small.next(Kind::samples, 0, 1)->range.to, 1);
  EXPECT_EQ(small.next(Kind::samples, 10, 10), std::nullopt);
  EXPECT_EQ(reader().next(Kind::samples, 0, 10)->range.to, 10);
  const auto changes = small.next(Kind::changes, 0, 1000);
  EXPECT_EQ(changes->range.to, number("SELECT revision FROM change ORDER BY revision LIMIT 1 OFFSET 4"))
      << "there are only five";
}

TEST_F(BatchReaderTest, GivesTheSameBytesOfTheSameRange) {
  for (int i = 0; i < 100; ++i) made_.something();
  const Ends ends = reader().ends(0);
  for (const Kind kind : {Kind::changes, Kind::samples}) {
    const Range range{
        .kind = kind, .after = 0, .to = kind == Kind::changes ? ends.newest.changes : ends.newest.samples};
    const auto one = reader().read(range, ends.history_id, Incidents::with_samples);
    const auto two = reader().read(range, ends.history_id, Incidents::with_samples);
    ASSERT_EQ(one->pieces.size(), two->pieces.size());
    ASSERT_GT(one->pieces.size(), 1U);
    for (std::size_t i = 0; i < one->pieces.size(); ++i)
      EXPECT_EQ(one->pieces[i].gzipped_rows, two->pieces[i].gzipped_rows) << one->pieces[i].table;
  }
}

TEST_F(BatchReaderTest, LeavesOutWhatHasChangedSince) {
  made_.scan();
  made_.reclaim();
  const Ends ends = reader().ends(0);
  const Range range{.kind = Kind::changes, .after = 0, .to = ends.newest.changes};
  made_.effect();
  const auto batch = reader().read(range, ends.history_id, Incidents::without_samples);
  ASSERT_FALSE(batch->pieces.empty());
  for (const Piece& piece : batch->pieces) EXPECT_NE(piece.table, "reclaim");
}

TEST_F(BatchReaderTest, SendsTheSamplesBeforeAKillWithIt) {
  for (int i = 0; i < 100; ++i) made_.scan();
  made_.logged_kill();
  const Ends ends = reader().ends(0);
  FakeEngine engine;
  const Range range{.kind = Kind::changes, .after = 0, .to = ends.newest.changes};
  const auto batch = reader().read(range, ends.history_id, Incidents::with_samples);
  for (const Piece& piece : batch->pieces) engine.insert(piece.table, piece.columns, piece.gzipped_rows);
  EXPECT_EQ(engine.taken["sample"], 61) << "of one cgroup, of ten minutes";
  const Rows all = rows_of(made_.file(), "node-1", "sample");
  for (const auto& [key, row] : engine.rows("sample")) EXPECT_EQ(all.at(key), row);
}

TEST_F(BatchReaderTest, NoticesAnotherHistory) {
  made_.scan();
  const Range range{.kind = Kind::samples, .after = 0, .to = 1};
  EXPECT_EQ(reader().read(range, "another", Incidents::without_samples), std::nullopt);
}

TEST_F(BatchReaderTest, CountsWhatScansHadAndWhatIsThere) {
  for (int i = 0; i < 3; ++i) made_.scan();
  const Range range{.kind = Kind::samples, .after = 0, .to = 3};
  const auto batch = reader().read(range, reader().ends(0).history_id, Incidents::without_samples);
  EXPECT_EQ(batch->scan_count, 3);
  EXPECT_EQ(batch->sample_count, 12);
  EXPECT_EQ(batch->recorded_sample_count, 12);
}

TEST_F(BatchReaderTest, SendsTheNode) {
  made_.store(core::NodeFacts{{{"kernel", std::string("6.1")}, {"page_size_bytes", std::int64_t{4096}}}});
  made_.scan();
  const core::Parameters facts{{"machine_id", {}},
                               {"cluster", std::string("prod")},
                               {"zone", std::string()},
                               {"pool", std::string()},
                               {"clock_difference_us", {}},
                               {"lost_samples", std::int64_t{3}},
                               {"refused_rows", std::int64_t{0}},
                               {"lost_rows", std::int64_t{0}},
                               {"now_us", std::int64_t{99}}};
  FakeEngine engine;
  for (const Piece& piece : reader().read_node(facts)) engine.insert(piece.table, piece.columns, piece.gzipped_rows);
  ASSERT_EQ(engine.rows("node").size(), 1U);
  const std::string at = std::to_string(kNoon + 10 * kSecond);
  EXPECT_EQ(engine.rows("node").begin()->second,
            "node=node-1 history_id=" + reader().ends(0).history_id +
                " machine_id=\\N cluster=prod zone= pool= kernel=6.1 version=\\N page_size_bytes=4096 hierarchy=\\N "
                "first_at_us=" +
                at + " last_at_us=" + at +
                " clock_difference_us=\\N lost_samples=3 lost_rows=0 refused_rows=0 interval_us=\\N memory_bytes=\\N "
                "kernel_log=\\N shipped_at_us=99 ");
}

TEST_F(BatchReaderTest, SaysWhatToDoWithAHistoryOfAnEarlierVersion) {
  made_.history().begin();
  made_.history().rollback();
  SQLite::Database(made_.file().string(), SQLite::OPEN_READWRITE).exec("DELETE FROM node WHERE key = 'history_id'");
  try {
    reader().ends(0);
    FAIL() << "it has no history_id";
  } catch (const ShipError& error) {
    EXPECT_NE(std::string(error.what()).find("start the service of this version"), std::string::npos) << error.what();
  }
  const BatchReader missing(directory_.path() / "none.db", "n", {});
  EXPECT_THROW(missing.ends(0), store::StoreError);
}

TEST(ShippedTables, AreReadByTheirKeysHoweverLongTheHistoryIs) {
  test::TempDir directory;
  const MadeUpHistory made(directory.path() / "history.db");
  SQLite::Database database(made.file().string());
  for (const core::EmbeddedText& text : kShipped) {
    if (text.name == "plan_old_samples") continue;  // counts them all, once
    SQLite::Statement plan(database, "EXPLAIN QUERY PLAN " + shipped_sql(text.name));
    while (plan.executeStep()) {
      const std::string step = plan.getColumn(3).getString();
      // What is made up in the query has other names.
      static const std::set<std::string> kTables = {"h", "t", "k", "s", "n", "c", "e", "r", "v"};
      EXPECT_FALSE(step.starts_with("SCAN ") && kTables.contains(split(step, ' ').at(1))) << text.name << ": " << step;
    }
  }
}

TEST(ShippedTables, HaveTheirKeysInTheRows) {
  test::TempDir directory;
  MadeUpHistory made(directory.path() / "history.db");
  std::set<std::string> tables;
  for (const core::EmbeddedText& text : kShipped) {
    if (text.name.starts_with("plan_")) continue;
    tables.insert(std::string(text.name));
  }
  tables.erase("incident_sample");
  tables.erase("counted_kill");
  for (const auto& [table, keys] : kKeys) EXPECT_EQ(tables.erase(table), 1U) << table;
  EXPECT_TRUE(tables.empty()) << *tables.begin();
}

}  // namespace
}  // namespace cgmm::fleet
