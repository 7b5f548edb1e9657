// SPDX-License-Identifier: Apache-2.0
#include "serve/program.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string>
#include <system_error>

namespace cgmm::serve {
namespace {

using namespace std::chrono_literals;
using End = ProgramAnswer::End;

ProgramAnswer shell(const std::string& script, const ProgramBounds& bounds = {}) {
  return run_program("/bin/sh", {"-c", script}, bounds);
}

TEST(Program, WhatItSaysAndHowItEnds) {
  const ProgramAnswer answer = shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(answer.end, End::exited);
  EXPECT_EQ(answer.exit_code, 3);
  EXPECT_EQ(answer.out, "out\n");
  EXPECT_EQ(answer.err, "err\n");
  EXPECT_EQ(shell("cat").out, "") << "there is nothing to read";
}

TEST(Program, HasNoOtherFileOfTheServers) {
  const int inherited = ::open("/dev/null", O_RDONLY);  // not O_CLOEXEC
  EXPECT_EQ(shell("[ ! -e /proc/$$/fd/" + std::to_string(inherited) + " ]").exit_code, 0);
  ::close(inherited);
}

TEST(Program, BoundsHold) {
  EXPECT_EQ(shell("exec sleep 60", {.most_time = 100ms}).end, End::too_slow);
  const ProgramAnswer big = shell("head -c 5000 /dev/zero; exec sleep 60", {.most_bytes = 4096});
  EXPECT_EQ(big.end, End::too_big);
  EXPECT_EQ(shell("head -c 4096 /dev/zero", {.most_bytes = 4096}).out.size(), 4096u);
  EXPECT_EQ(shell("kill -9 $$").end, End::killed);
  EXPECT_LE(shell("head -c 1000000 /dev/zero >&2").err.size(), 65536u);
}

TEST(Program, IsKilledWhenTheServerStops) {
  const int stop = ::eventfd(1, EFD_CLOEXEC);
  EXPECT_EQ(shell("exec sleep 60", {.stop_fd = stop}).end, End::killed);
  ::close(stop);
}

TEST(Program, IsKilledWhenNobodyWantsItsAnswerAnyMore) {
  EXPECT_EQ(shell("exec sleep 60", {.is_wanted = [] { return false; }}).end, End::killed);
  EXPECT_EQ(shell("echo out", {.is_wanted = [] { return true; }}).out, "out\n");
}

TEST(Program, OneThatIsNotThereIsASentence) {
  try {
    run_program("/none/program", {}, {});
    FAIL() << "it was started";
  } catch (const std::system_error& error) {
    EXPECT_EQ(std::string(error.what()), "can't start /none/program: No such file or directory");
  }
}

}  // namespace
}  // namespace cgmm::serve
