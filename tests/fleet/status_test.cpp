// SPDX-License-Identifier: Apache-2.0
// What `status` says of `ship`: it reads the state that ship_state writes, in a program without network.
#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "fleet/ship/fake_engine.hpp"
#include "fleet/ship/made_up_history.hpp"
#include "fleet/ship/shipper.hpp"
#include "support/program.hpp"

namespace cgmm::fleet {
namespace {

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class StatusOfShip : public testing::Test {
 protected:
  StatusOfShip() : made_(std::make_unique<MadeUpHistory>(history_, 1)) {
    for (int i = 0; i < 50; ++i) made_->something();
    configure("url = \"http://127.0.0.1:1\"\n");
  }

  void configure(const std::string& more) const {
    std::ofstream(config_) << "database = \"" << history_.string() << "\"\n[ship]\nstate_file = \"" << state_.string()
                           << "\"\n"
                           << more;
  }
  void ship() {
    const StateFile file(state_);
    Shipper shipper({.history = history_, .ship = {}, .node = "n"}, engine_, file,
                    {.wall_now_us = now_us, .clock_difference_us = {}, .info = {}, .warn = [](const std::string&) {}});
    shipper.ship_all();
  }
  ShipState state() const {
    bool is_bad = false;
    return StateFile(state_, StateFile::Mode::only_reads).read(is_bad).value();
  }
  nlohmann::json row() const {
    const auto answer = test::run_program({"status", "--config", config_.string(), "--format", "json"});
    return nlohmann::json::parse(answer.out).at(0);
  }
  std::string words() const { return row()["ship"]; }
  std::string headline() const { return test::run_program({"status", "--short", "--config", config_.string()}).out; }

  test::TempDir directory_;
  std::filesystem::path history_ = directory_.path() / "history.db";
  std::filesystem::path state_ = directory_.path() / "state.json";
  std::filesystem::path config_ = directory_.path() / "config.toml";
  std::unique_ptr<MadeUpHistory> made_;
  FakeEngine engine_;
};

TEST_F(StatusOfShip, SaysWhetherItIsSetUp) {
  configure("");
  EXPECT_EQ(words(), "not set up");
  EXPECT_FALSE(row().contains("ship_sent_at_us"));
  EXPECT_EQ(headline().find("ship"), std::string::npos) << headline();
  configure("url = \"http://127.0.0.1:1\"\n");
  EXPECT_EQ(words(), "nothing was sent yet: there is no " + state_.string());
  std::ofstream(config_, std::ios::app) << "wrong = 1\n";
  EXPECT_FALSE(row().contains("ship")) << "nobody knows";
}

TEST_F(StatusOfShip, SaysHowFarItHasCome) {
  ship();
  EXPECT_TRUE(words().ends_with(" ago; nothing waits")) << words();
  EXPECT_EQ(headline().find("ship"), std::string::npos) << headline();
  made_->scan();
  made_->scan();
  made_->logged_kill();
  const auto behind = row();
  EXPECT_EQ(behind["ship_scans_waiting_count"], 2);
  EXPECT_GE(behind["ship_changes_waiting_count"], 1);
  EXPECT_NE(words().find(" and 2 scans wait, the oldest scan is from "), std::string::npos) << words();
  EXPECT_EQ(behind["ship_lost_scans_count"], 0);
  EXPECT_EQ(behind["ship_failing_since_at_us"], nullptr);
  EXPECT_EQ(behind["ship_sent_at_us"], state().taken_at_us);
}

TEST_F(StatusOfShip, SaysWhyNothingArrivesUntilSomethingDoes) {
  ship();
  made_->scan();
  engine_.before = [] { throw DestinationError(Refusal::permanent, "ClickHouse refuses: no right to INSERT"); };
  EXPECT_THROW(ship(), DestinationError);
  const auto refused = row();
  EXPECT_EQ(refused["ship_failing_why"], "ClickHouse refuses: no right to INSERT");
  EXPECT_GT(refused["ship_failing_since_at_us"], refused["ship_sent_at_us"]);
  EXPECT_NE(words().find(" ago: ClickHouse refuses: no right to INSERT; last sent "), std::string::npos) << words();
  EXPECT_NE(headline().find(" ship: has failed since "), std::string::npos) << headline();
  engine_.before = {};
  ship();
  EXPECT_TRUE(words().ends_with(" ago; nothing waits")) << words();
  EXPECT_EQ(row()["ship_failing_why"], nullptr);
}

TEST_F(StatusOfShip, SaysWhatWasLostAndThatItIsNotAtWork) {
  ship();
  ShipState late = state();
  late.lost_scans = 3;
  late.lost_samples = 1;
  late.taken_at_us = late.node_sent_at_us = now_us() - std::int64_t{7200} * 1'000'000;
  StateFile(state_).write(late);
  EXPECT_TRUE(words().starts_with("not at work; last sent 2h")) << words();
  EXPECT_TRUE(words().ends_with("; 3 scans and 1 sample were deleted before they were sent")) << words();
  EXPECT_NE(headline().find(" ship: not at work; "), std::string::npos) << headline();
}

TEST_F(StatusOfShip, SaysThatAHistoryWasBegunAnew) {
  ship();
  ShipState other = state();
  other.history_id = "another";
  StateFile(state_).write(other);
  EXPECT_EQ(words(), "the history was begun anew, and nothing of it was sent yet");
}

TEST_F(StatusOfShip, SaysWhyItCanNotTell) {
  for (const std::string wrong : {"", "{", "[]", "{\"version\": 1}", "{\"history_id\": 7}"}) {
    std::ofstream(state_) << wrong;
    EXPECT_EQ(words(), "not known: " + state_.string() + " can't be understood") << wrong;
  }
  std::filesystem::remove(state_);
  std::filesystem::create_directory(state_);
  EXPECT_EQ(words(), "not known: can't read " + state_.string() + ": Is a directory");
  if (::geteuid() == 0) return;  // may read all
  std::filesystem::remove(state_);
  ship();
  std::filesystem::permissions(state_, std::filesystem::perms::none);
  EXPECT_EQ(words(), "not known: can't open " + state_.string() + ": Permission denied; root can read it");
}

}  // namespace
}  // namespace cgmm::fleet
