// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/log.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <sstream>
#include <string>

#include "support/child_process.hpp"
#include "support/full_pipe.hpp"

namespace cgmm::test {
namespace {

using daemon::Log;

constexpr int kMessages = 1000;

/// What a process says on standard error that logs messages 0 to kMessages - 1. `nobody_reads`: not before it has
/// logged the last of them.
std::string said(std::size_t queue_length, bool nobody_reads) {
  FullPipe log;
  Pipe done = make_pipe();
  if (!nobody_reads) log.read_all();
  auto child = ChildProcess::fork_off([&] {
    log.become_standard_error();
    Log messages(/*with_time=*/false, queue_length);
    for (int i = 0; i < kMessages; ++i) spdlog::info("message {}", i);
    if (::write(done[1].get(), "x", 1) != 1) return 1;
    return messages.flush(std::chrono::seconds{30}) ? 0 : 2;
  });
  log.close_writing_end();
  char byte = 0;
  if (nobody_reads) {
    EXPECT_EQ(::read(done[0].get(), &byte, 1), 1) << "whoever logs waits for the reader";
  }
  std::string text;
  EXPECT_TRUE(eventually([&] {
    text += log.read_all();
    return !child.running();
  }));
  EXPECT_EQ(child.wait_for_exit(), 0);
  return text + log.read_all();
}

TEST(Log, WhoReadsGetsEveryMessageInOrder) {
  std::string expected;
  for (int i = 0; i < kMessages; ++i) expected += "info: message " + std::to_string(i) + "\n";
  EXPECT_EQ(said(2 * kMessages, /*nobody_reads=*/false), expected);
}

TEST(Log, WhoReadsLateIsToldHowManyOfTheOldestWereLost) {
  std::istringstream lines(said(/*queue_length=*/10, /*nobody_reads=*/true));
  int printed_count = 0;
  int lost_count = 0;
  int last = -1;
  for (std::string line; std::getline(lines, line);) {
    const auto number_after = [&](const std::string& words) {
      return line.starts_with(words) ? std::atoi(line.c_str() + words.size()) : -1;
    };
    if (const int number = number_after("info: message "); number >= 0) {
      ++printed_count;
      EXPECT_GT(number, last) << "in order";
      last = number;
    } else {
      EXPECT_TRUE(line.ends_with(" messages were lost here: the log was not read in time")) << line;
      lost_count += number_after("warning: ");
    }
  }
  EXPECT_GE(printed_count, 9) << "the newest";
  EXPECT_GT(lost_count, 0);
  EXPECT_EQ(printed_count + lost_count, kMessages);
  EXPECT_EQ(last, kMessages - 1);
}

TEST(Log, TheEndDoesNotWaitForAReaderThatIsGone) {
  FullPipe log;
  auto child = ChildProcess::fork_off([&]() -> int {
    log.become_standard_error();
    {
      Log messages(/*with_time=*/false, 10);
      for (int i = 0; i < kMessages; ++i) spdlog::info("message {}", i);
    }
    std::exit(0);  // as main does it: not even the destructors of statics wait
  });
  EXPECT_EQ(child.wait_for_exit(), 0);
}

}  // namespace
}  // namespace cgmm::test
