// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/reloader.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <future>
#include <stdexcept>

namespace cgmm::daemon {
namespace {

class ReloaderTest : public testing::Test {
 protected:
  void TearDown() override { let_it_end(); }  // also where an assertion has failed
  void let_it_end() {
    if (!has_ended_) may_end_.set_value();
    has_ended_ = true;
  }
  /// Until one is over and nothing follows.
  bool await_over() {
    for (;;) {
      pollfd over{reloader_.fd(), POLLIN, 0};
      if (::poll(&over, 1, /*ms=*/30'000) != 1) return false;
      if (reloader_.look()) return true;
    }
  }

  RecordQueue queue_;
  bool has_ended_ = false;
  std::int64_t now_us_ = 1'000'000;
  std::promise<void> may_end_;
  std::shared_future<void> end_ = may_end_.get_future().share();
  std::atomic<int> count_{0};
  Clocks clocks_{.steady = [this] { return now_us_; }};
  Reloader reloader_{[this] {
                       ++count_;
                       end_.wait();
                     },
                     queue_, clocks_};
};

TEST_F(ReloaderTest, NobodyWaitsForIt) {
  EXPECT_FALSE(reloader_.look());
  reloader_.begin();
  EXPECT_FALSE(reloader_.look()) << "it is under way";
  let_it_end();
  EXPECT_TRUE(await_over());
  EXPECT_FALSE(reloader_.look()) << "it is told once";
  EXPECT_EQ(count_, 1);
}

TEST_F(ReloaderTest, WhatIsAskedForMeanwhileFollowsOnce) {
  reloader_.begin();
  reloader_.begin();
  reloader_.begin();
  let_it_end();
  EXPECT_TRUE(await_over());
  EXPECT_EQ(count_, 2) << "what has changed since the first began is read by the second";
}

TEST_F(ReloaderTest, OneThatLastsIsAFaultUntilItIsOver) {
  reloader_.begin();
  now_us_ += 4'000'000;
  EXPECT_FALSE(reloader_.look());
  EXPECT_TRUE(queue_.faults().empty());
  EXPECT_EQ(reloader_.ms_until_look(), 1001);
  now_us_ += 1'000'000;
  EXPECT_FALSE(reloader_.look());
  ASSERT_EQ(queue_.faults().size(), 1U);
  EXPECT_EQ(queue_.faults()[0].name, "configuration");
  let_it_end();
  EXPECT_TRUE(await_over());
  EXPECT_TRUE(queue_.faults().empty());
}

TEST_F(ReloaderTest, TheEndOfTheServiceDoesNotWaitForIt) {
  EXPECT_TRUE(reloader_.interrupt(std::chrono::steady_clock::now())) << "none is under way";
  await_signals();
  reloader_.begin();
  EXPECT_FALSE(reloader_.interrupt(std::chrono::steady_clock::now()));
  let_it_end();
  EXPECT_TRUE(reloader_.interrupt(std::chrono::steady_clock::now() + std::chrono::seconds{30}));
}

TEST(Reload, ThatThrowsIsOverAllTheSame) {
  RecordQueue queue;
  Reloader reloader([] { throw std::runtime_error("no memory"); }, queue);
  reloader.begin();
  pollfd over{reloader.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&over, 1, /*ms=*/30'000), 1);
  EXPECT_TRUE(reloader.look());
}

}  // namespace
}  // namespace cgmm::daemon
