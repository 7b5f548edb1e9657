// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/standing_records.hpp"

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
  static core::Reclaim reclaim(std::int64_t id, const std::string& path, std::int64_t until_us) {
    return {
        .reclaim_id = id, .id = {path, 1}, .cooldown = core::Cooldown{.last_reclaim_at_us = 1, .until_us = until_us}};
  }
  static core::Effect effect(std::int64_t reclaim_id, std::int64_t until_us) {
    return {.reclaim_id = reclaim_id, .cooldown = core::Cooldown{.last_reclaim_at_us = 1, .until_us = until_us}};
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

TEST_F(Standing, AnEffectChangesTheCooldownOfItsReclaim) {
  note({reclaim(1, "/a", 2000), reclaim(2, "/b", 2000), reclaim(3, "/c", 2000), effect(2, 3000)});
  EXPECT_EQ(recorded(), "/a 2000\n/b 3000\n/c 2000\n");
}

TEST_F(Standing, AnEffectOfAReclaimBeforeTheLastIsOlderThanItsCooldown) {
  note({reclaim(1, "/a", 2000), reclaim(2, "/a", 2500), effect(1, 3000)});
  EXPECT_EQ(recorded(), "/a 2500\n");
  note({effect(2, 4000)});
  EXPECT_EQ(recorded(), "/a 4000\n");
}

TEST_F(Standing, CooldownsThatAreOverAreForgottenAndTheirEffectsToo) {
  std::vector<Record> batch;
  for (std::int64_t id = 1; id <= 2000; ++id) batch.emplace_back(reclaim(id, "/" + std::to_string(id), kNow - 1));
  batch.emplace_back(reclaim(2001, "/holds", 2000));
  note(batch);
  note({effect(1, 5000), effect(2001, 6000)});
  EXPECT_EQ(recorded(), "/holds 6000\n");
}

TEST_F(Standing, WhatAnEarlierRunHasLeftGivesWayToThisOnes) {
  note({reclaim(1, "/a", 2000)});
  core::Handover handover;
  handover.cooldowns[{"/a", 1}] = {.last_reclaim_at_us = 1, .until_us = 9000, .strikes = 0};
  handover.cooldowns[{"/b", 1}] = {.last_reclaim_at_us = 1, .until_us = 9000, .strikes = 0};
  records.note(handover);
  EXPECT_EQ(recorded(), "/a 2000\n/b 9000\n");
}

}  // namespace
}  // namespace cgmm::daemon
