// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/history_access.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "store/file/salvage.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kNow = 1'000;

class Standing : public testing::Test {
 protected:
  /// What a new history has of it: path and end of each cooldown.
  std::string recorded() {
    const std::string file = directory_.path() / (std::to_string(++files_) + ".db");
    store::History history(file);
    history.begin();
    records.record_in(history, kNow);
    history.commit();
    std::string text;
    SQLite::Statement row(history_of(file),
                          "SELECT path, until_us FROM cooldown JOIN cgroup USING (cgroup_id) ORDER BY 1");
    while (row.executeStep()) text += row.getColumn(0).getString() + " " + row.getColumn(1).getString() + "\n";
    return text;
  }
  static core::CgroupCooldown cooldown(const std::string& path, std::int64_t until_us) {
    return {{path, 1}, {.last_reclaim_at_us = 1, .until_us = until_us}};
  }
  void note(const std::vector<Record>& batch) { records.note(batch, kNow); }

  StandingRecords records;

 private:
  SQLite::Database& history_of(const std::string& file) {
    return *database_.emplace_back(std::make_unique<SQLite::Database>(file, SQLite::OPEN_READONLY));
  }
  test::TempDir directory_;
  std::vector<std::unique_ptr<SQLite::Database>> database_;
  int files_ = 0;
};

TEST_F(Standing, TheLastCooldownOfACgroupCounts) {
  note({cooldown("/a", 2000), cooldown("/b", 2000), cooldown("/b", 3000)});
  EXPECT_EQ(recorded(), "/a 2000\n/b 3000\n");
}

TEST_F(Standing, CooldownsThatAreOverAreForgotten) {
  note({cooldown("/over", kNow), cooldown("/holds", 2000)});
  EXPECT_EQ(recorded(), "/holds 2000\n");
}

TEST_F(Standing, WhatAnEarlierRunHasLeftGivesWayToThisOnes) {
  note({cooldown("/a", 2000)});
  core::Handover handover;
  handover.cooldowns[{"/a", 1}] = {.last_reclaim_at_us = 1, .until_us = 9000, .strikes = 0};
  handover.cooldowns[{"/b", 1}] = {.last_reclaim_at_us = 1, .until_us = 9000, .strikes = 0};
  records.note(handover);
  EXPECT_EQ(recorded(), "/a 2000\n/b 9000\n");
}

/// It is too big for being looked through at the start, and nothing reads what is damaged.
TEST(HistoryAccess, DamageInsideABigOneIsFoundBetweenBatchesAndMended) {
  const test::TempDir directory;
  const std::filesystem::path path = directory.path() / "history.db";
  std::int64_t page = 0;
  {
    store::HistoryFile file(path);
    file.begin(kNow, "one");
    file.history().transact([&] { file.history().record(core::Scan{.started_at_us = kNow}); });
    file.history().end_run(kNow, "");
    SQLite::Database database(path.string(), SQLite::OPEN_READWRITE);
    database.exec("CREATE TABLE filler AS SELECT randomblob(70000000)");
    page = database.execAndGet("SELECT rootpage FROM sqlite_schema WHERE name = 'sample_hour'").getInt64();
  }
  {
    std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
    out.seekp((page - 1) * 2048);
    out.write(std::string(2048, '\0').data(), 2048);
  }
  RecordQueue queue;
  store::HistoryFile file(path);
  HistoryAccess access(file, queue, {});
  access.start();
  EXPECT_TRUE(queue.faults().empty());
  for (int batch = 0; batch < 30 && queue.faults().empty(); ++batch) access.make_ready();
  ASSERT_EQ(queue.faults().size(), 1U);
  EXPECT_EQ(queue.faults()[0].name, "history");
  EXPECT_EQ(queue.faults()[0].detail.find("the history can't be written: it is damaged: SQLite's quick_check says: "),
            0U)
      << queue.faults()[0].detail;
  EXPECT_TRUE(access.is_sound()) << "a new one is begun";
  EXPECT_EQ(store::those_put_aside(path, store::Aside::corrupt).size(), 1U);
  EXPECT_EQ(SQLite::Database(path.string()).execAndGet("SELECT count(*) FROM scan").getInt(), 1);
  EXPECT_EQ(SQLite::Database(path.string()).execAndGet("PRAGMA quick_check").getString(), "ok");
}

}  // namespace
}  // namespace cgmm::daemon
