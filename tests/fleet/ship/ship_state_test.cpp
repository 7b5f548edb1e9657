// SPDX-License-Identifier: Apache-2.0
#include "fleet/ship/ship_state.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <system_error>

#include "support/temp_dir.hpp"

namespace cgmm::fleet {
namespace {

ShipState full_state() {
  return {.history_id = "0123",
          .node = "node-1",
          .timeline = 16,
          .forward = {1, 2, 3},
          .sent_at_us = 17,
          .backfill = {4, 5, 6},
          .backfill_end = {7, 8, std::int64_t{1} << 60},
          .backfill_samples_left = 9,
          .in_flight = InFlight{.lane = Lane::backfill,
                                .planned = {.range = {.kind = Kind::hours, .after = 10, .to = 11}, .cursor = 12},
                                .refused_count = 18},
          .lost_samples = 13,
          .lost_scans = 14,
          .refused_rows = 19,
          .failing = Failing{.since_us = 20, .why = "the server is away"},
          .node_sent_at_us = 15,
          .taken_at_us = 16};
}

class StateFileTest : public testing::Test {
 protected:
  void put(const std::string& text) const { std::ofstream(file_) << text; }

  test::TempDir directory_;
  std::filesystem::path file_ = directory_.path() / "state.json";
  bool is_bad_ = false;
};

TEST_F(StateFileTest, GivesBackWhatWasWritten) {
  const StateFile file(file_);
  EXPECT_EQ(file.read(is_bad_), std::nullopt);
  EXPECT_FALSE(is_bad_);
  file.write(full_state());
  EXPECT_EQ(file.read(is_bad_), full_state());
  ShipState other;
  file.write(other);
  EXPECT_EQ(file.read(is_bad_), other);
}

TEST_F(StateFileTest, TellsWhatIsNoState) {
  const std::string good = to_json(full_state());
  ASSERT_TRUE(state_from_json(good));
  for (std::size_t size = 0; size + 2 < good.size(); ++size)
    EXPECT_EQ(state_from_json(good.substr(0, size)), std::nullopt) << size;
  for (const std::string wrong : {"[]", "{}", "7", "{\"version\": 2}", "{\"version\": 1}"}) {
    put(wrong);
    EXPECT_EQ(StateFile(file_).read(is_bad_), std::nullopt) << wrong;
    EXPECT_TRUE(is_bad_) << wrong;
  }
  std::string strange = good;
  strange.replace(strange.find("hours\","), 5, "weeks");
  EXPECT_EQ(state_from_json(strange), std::nullopt);
}

TEST_F(StateFileTest, ReadsTheStateOfAnEarlierVersion) {
  ShipState earlier = full_state();
  earlier.taken_at_us = earlier.refused_rows = 0;
  std::string text = to_json(earlier);
  for (const std::string line : {" \"refused_rows\": 0,\n", ",\n \"taken_at_us\": 0"}) {
    ASSERT_NE(text.find(line), std::string::npos) << line << text;
    text.erase(text.find(line), line.size());
  }
  EXPECT_EQ(state_from_json(text), earlier) << text;
}

TEST_F(StateFileTest, IsForOneProcess) {
  const StateFile file(file_);
  EXPECT_THROW(StateFile{file_}, ShipError);
  EXPECT_NO_THROW(StateFile(file_, StateFile::Mode::only_reads));
}

TEST_F(StateFileTest, LeavesTheFileAloneWhereItOnlyReads) {
  StateFile(file_).write(full_state());
  const StateFile file(file_, StateFile::Mode::only_reads);
  file.write({});
  EXPECT_EQ(file.read(is_bad_), full_state());
}

TEST_F(StateFileTest, StaysAsItWasWhereItCanNotBeWritten) {
  const StateFile file(file_);
  file.write(full_state());
  std::filesystem::create_directory(file_.string() + ".new");  // in the way
  try {
    file.write({});
    FAIL() << "it was written";
  } catch (const std::system_error& error) {
    EXPECT_NE(std::string(error.what()).find(file_.string()), std::string::npos) << error.what();
  }
  EXPECT_EQ(file.read(is_bad_), full_state());
}

}  // namespace
}  // namespace cgmm::fleet
