// SPDX-License-Identifier: Apache-2.0
// Reclaimer::run(): when its thread begins to reclaim.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "daemon/reclaim/reclaimer.hpp"
#include "daemon/sampling/sampler.hpp"
#include "support/eventually.hpp"
#include "support/fake_cgroups.hpp"

namespace cgmm::daemon {
namespace {

class ReclaimerRun : public testing::Test {
 protected:
  ReclaimerRun() {
    tree_.put("/web", test::minimal_v1({.file_bytes = 60 << 20, .limit_bytes = 100 << 20}));
    core::Policy policy;
    policy.defaults.policy = core::ReclaimPolicy::target;  // due at once
    Sampler sampler(kernel::open_hierarchy(tree_.root()), policy);
    candidates_.put({.hierarchy = sampler.hierarchy(), .cgroups = sampler.scan(wall_now_us()).candidates});
    queue_.end_waits();  // nobody records
  }
  ~ReclaimerRun() override {
    candidates_.close();
    thread_.join();
  }
  void run(std::chrono::milliseconds wait_for_cooldowns) {
    thread_ = std::thread([this, wait_for_cooldowns] {
      thread_id_ = ::gettid();
      reclaimer_.run(candidates_, wait_for_cooldowns);
    });
  }
  bool was_reclaimed() const { return tree_.file("/web", "memory.force_empty") == "1"; }
  /// Whether its thread can't go on by itself.
  bool is_waiting() const {
    std::ifstream file("/proc/self/task/" + std::to_string(thread_id_) + "/stat");
    const std::string stat{std::istreambuf_iterator<char>(file), {}};
    const std::size_t name_end = stat.rfind(')');
    return name_end != std::string::npos && stat.substr(name_end + 2, 1) == "S";
  }

  test::FakeCgroups tree_;
  RecordQueue queue_;
  Mailbox<Candidates> candidates_;
  StatusBoard board_;
  Reclaimer reclaimer_{{}, queue_, board_};
  std::atomic<pid_t> thread_id_ = 0;
  std::thread thread_;
};

TEST_F(ReclaimerRun, GoesOnWithoutTheCooldownsOfAHistoryThatIsNotOpenedInTime) {
  run(std::chrono::milliseconds{1});
  EXPECT_TRUE(test::eventually([&] { return was_reclaimed(); }));
}

TEST_F(ReclaimerRun, ReclaimsNothingBeforeTheCooldownsAreKnown) {
  run(std::chrono::hours{1});
  ASSERT_TRUE(test::eventually([&] { return is_waiting(); })) << "it has come as far as it can";
  EXPECT_TRUE(candidates_.has_newer()) << "what is due is not even taken";
  EXPECT_FALSE(was_reclaimed());
  board_.hand_over({});
  EXPECT_TRUE(test::eventually([&] { return was_reclaimed(); }));
}

}  // namespace
}  // namespace cgmm::daemon
