// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/worker.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>

#include "daemon/service/signals.hpp"
#include "support/pipe.hpp"

namespace cgmm::daemon {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

TEST(WorkersTest, WhatAThreadThrowsIsKeptAndEndsThatThreadOnly) {
  std::atomic<int> failed_count{0};
  std::atomic<bool> other_ran{false};
  Workers workers({{"fails", [] { throw std::runtime_error("something"); }}, {"works", [&] { other_ran = true; }}},
                  [&] { ++failed_count; });
  EXPECT_TRUE(workers.await_end(0, seconds{30}));
  EXPECT_TRUE(workers.await_end(1, seconds{30}));
  EXPECT_EQ(failed_count, 1);
  EXPECT_THROW(std::rethrow_exception(workers.failure()), std::runtime_error);
  EXPECT_TRUE(other_ran);
}

TEST(WorkersTest, ASignalEndsACallThatBlocks) {
  await_signals();
  test::Pipe pipe = test::make_pipe();
  Workers workers({{"blocks",
                    [&] {
                      char byte = 0;
                      EXPECT_EQ(::read(pipe[0].get(), &byte, 1), -1);
                    }}},
                  [] {});
  EXPECT_FALSE(workers.await_end(0, {}));
  EXPECT_TRUE(workers.interrupt(0, steady_clock::now() + seconds{30}));
}

}  // namespace
}  // namespace cgmm::daemon
