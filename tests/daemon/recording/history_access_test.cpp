// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/history_access.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

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

}  // namespace
}  // namespace cgmm::daemon
