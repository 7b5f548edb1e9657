// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/notify.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "support/notify_socket.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::daemon {
namespace {

TEST(Notifier, TellsASocketOfThatPath) {
  const test::TempDir directory;
  const std::string path = directory.path() / "notify";
  test::NotifySocket socket(path);
  const Notifier notifier({.socket = path.c_str()});
  EXPECT_TRUE(notifier.is_wanted());
  EXPECT_TRUE(notifier.send("READY=1"));
  EXPECT_EQ(socket.next(), "READY=1");
}

TEST(Notifier, TellsASocketOfAnAbstractName) {
  const std::string name = "@cgmm-notify-test-" + std::to_string(::getpid());
  test::NotifySocket socket(name);
  const Notifier notifier({.socket = name.c_str()});
  EXPECT_TRUE(notifier.send("STATUS=two words"));
  EXPECT_EQ(socket.next(), "STATUS=two words");
}

TEST(Notifier, TellsNothingWhereNobodyListens) {
  const std::string too_long = "/" + std::string(200, 'x');
  for (const char* const name : {static_cast<const char*>(nullptr), "", "vsock:2:1", "relative", too_long.c_str()}) {
    const Notifier notifier({.socket = name, .watchdog_usec = "1000000"});
    EXPECT_FALSE(notifier.is_wanted());
    EXPECT_FALSE(notifier.send("READY=1"));
    EXPECT_EQ(notifier.watchdog_us(), std::nullopt);
  }
  EXPECT_FALSE(Notifier({.socket = "/nowhere/at-all"}).send("READY=1"));
}

TEST(Notifier, FailsInsteadOfWaitingForAReaderThatDoesNotRead) {
  const test::TempDir directory;
  const std::string path = directory.path() / "notify";
  const test::NotifySocket socket(path);
  const Notifier notifier({.socket = path.c_str()});
  int told = 0;
  while (told < 100'000 && notifier.send("STATUS=again")) ++told;
  EXPECT_GT(told, 0);
  EXPECT_LT(told, 100'000) << "the socket's buffer has no end?";
}

TEST(Notifier, TheWatchdogIsOursUnlessItsPidIsAnothers) {
  const auto watchdog_us = [](const char* usec, const char* pid) {
    return Notifier({.socket = "/run/notify", .watchdog_usec = usec, .watchdog_pid = pid, .own_pid = 42}).watchdog_us();
  };
  EXPECT_EQ(watchdog_us("30000000", nullptr), 30'000'000);
  EXPECT_EQ(watchdog_us("30000000", "42"), 30'000'000);
  EXPECT_EQ(watchdog_us("30000000", "43"), std::nullopt);
  for (const char* const none : {static_cast<const char*>(nullptr), "", "0", "-1", "30s", "99999999999999999999"}) {
    EXPECT_EQ(watchdog_us(none, nullptr), std::nullopt);
  }
}

}  // namespace
}  // namespace cgmm::daemon
