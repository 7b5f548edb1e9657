// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/signals.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <cerrno>
#include <chrono>

namespace cgmm::daemon {
namespace {

using Clock = std::chrono::steady_clock;

class AlarmTest : public ::testing::Test {
 protected:
  AlarmTest() {
    struct sigaction nothing{};
    nothing.sa_handler = [](int) {};
    ::sigaction(SIGUSR2, &nothing, nullptr);
  }
  /// Whether a call that blocks for so long was ended by a signal.
  static bool interrupted(int milliseconds) { return ::poll(nullptr, 0, milliseconds) < 0 && errno == EINTR; }
};

TEST_F(AlarmTest, EndsABlockedCallAfterItsTimeAndNotBefore) {
  Alarm alarm;
  const auto began = Clock::now();
  alarm.set(30'000);
  EXPECT_TRUE(interrupted(60'000));
  EXPECT_GE(Clock::now() - began, std::chrono::milliseconds{30});
  EXPECT_TRUE(interrupted(60'000)) << "it goes on until it is disarmed: the first may come right before the call";
}

TEST_F(AlarmTest, DisarmedItIsSilent) {
  Alarm alarm;
  alarm.set(20'000);
  alarm.set(0);
  EXPECT_FALSE(interrupted(100));
}

}  // namespace
}  // namespace cgmm::daemon
