// SPDX-License-Identifier: Apache-2.0
#include "daemon/reclaim/reclaim_loop.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "daemon/sampling/sampler.hpp"
#include "support/eventually.hpp"
#include "support/fake_cgroups.hpp"

namespace cgmm::daemon {
namespace {

class ReclaimLoopTest : public testing::Test {
 protected:
  ReclaimLoopTest() {
    tree_.put("/web", test::minimal_v1({.file_bytes = 60 << 20, .limit_bytes = 100 << 20}));
    Sampler sampler(kernel::open_hierarchy(tree_.root()), kernel::Watch::automatic, {});
    candidates_.put({.hierarchy = sampler.hierarchy(), .cgroups = sampler.scan(wall_now_us()).candidates});
    queue_.end_waits();  // nobody records
  }
  bool was_reclaimed() const { return tree_.file("/web", "memory.force_empty") == "1"; }

  test::FakeCgroups tree_;
  RecordQueue queue_;
  Mailbox<Candidates> candidates_;
  StatusBoard board_;
};

TEST_F(ReclaimLoopTest, GoesOnWithoutTheCooldownsOfAHistoryThatIsNotOpenedInTime) {
  ReclaimLoop loop(queue_, candidates_, board_, std::chrono::milliseconds{1});
  std::thread thread([&] { loop.run(); });
  EXPECT_TRUE(test::eventually([&] { return was_reclaimed(); }));
  candidates_.close();
  thread.join();
}

TEST_F(ReclaimLoopTest, ReclaimsNothingBeforeTheCooldownsAreKnown) {
  ReclaimLoop loop(queue_, candidates_, board_, std::chrono::hours{1});
  std::thread thread([&] { loop.run(); });
  EXPECT_FALSE(candidates_.idle()) << "what is due waits";
  EXPECT_FALSE(was_reclaimed());
  board_.hand_over({});
  EXPECT_TRUE(test::eventually([&] { return was_reclaimed(); }));
  candidates_.close();
  thread.join();
}

}  // namespace
}  // namespace cgmm::daemon
