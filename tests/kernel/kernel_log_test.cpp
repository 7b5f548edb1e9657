// SPDX-License-Identifier: Apache-2.0
#include "kernel/kernel_log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <fstream>
#include <limits>
#include <string>
#include <system_error>
#include <vector>

#include "support/temp_dir.hpp"

namespace cgmm::kernel {
namespace {

using Start = KernelLog::Start;
using What = KernelLog::Read::What;

class KernelLogFile : public testing::Test {
 protected:
  std::string path() const { return directory_.path() / "kmsg"; }
  void append(const std::string& text) const { std::ofstream(path(), std::ios::app) << text; }

 private:
  test::TempDir directory_;
};

/// All that can be read now, one word a read: a record's text, "lost N".
std::vector<std::string> all_of(KernelLog& log) {
  std::vector<std::string> result;
  for (KernelLog::Read read = log.read(); read.what != What::nothing; read = log.read()) {
    result.push_back(read.what == What::record ? read.record.text : "lost " + std::to_string(read.lost_count));
  }
  return result;
}

using Strings = std::vector<std::string>;

TEST_F(KernelLogFile, ReadsARegularFileAndWhatIsAddedToIt) {
  append("6,1,10,-;one\n SUBSYSTEM=net\n DEVICE=n2\n6,2,20,-;two\n");
  KernelLog log(path(), Start::beginning);
  EXPECT_EQ(all_of(log), (Strings{"one", "two"}));
  EXPECT_EQ(all_of(log), Strings{});
  EXPECT_FALSE(log.can_be_polled());
  append("6,3,30,-;thr");
  EXPECT_EQ(all_of(log), Strings{});
  append("ee\n 4,4,4,-;no record\n6,4,40,-;four\n");
  EXPECT_EQ(all_of(log), (Strings{"three", "four"}));
}

TEST_F(KernelLogFile, SaysWhatItIsIfItIsNotTheKernelsLog) {
  EXPECT_EQ(KernelLog("/dev/null").what_else(), "device 1:3 and not the kernel's log (device 1:11)");
  append("");
  EXPECT_EQ(KernelLog(path()).what_else(), "no device: it may be a copy of the kernel log, but is not the log itself");
  if (::access("/dev/kmsg", R_OK) != 0) GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: /dev/kmsg can't be read";
  struct stat status{};
  if (::stat("/dev/kmsg", &status) != 0 || status.st_rdev != makedev(1, 11))
    GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: /dev/kmsg is not the kernel's log here";
  EXPECT_EQ(KernelLog("/dev/kmsg").what_else(), "");
}

TEST_F(KernelLogFile, StartsAtTheEndWhenTold) {
  append("6,1,10,-;one\n");
  KernelLog log(path(), Start::end);
  EXPECT_EQ(all_of(log), Strings{});
  append("6,2,20,-;two\n");
  EXPECT_EQ(all_of(log), Strings{"two"});
}

TEST_F(KernelLogFile, TellsHowManyRecordsWereLost) {
  append(
      "6,7,10,-;seven\n6,8,10,-;eight\n6,12,10,-;twelve\n6,13,10,-;thirteen\n6,2,10,-;of another "
      "boot\n6,4,10,-;four\n");
  KernelLog log(path(), Start::beginning);
  EXPECT_EQ(all_of(log),
            (Strings{"seven", "eight", "lost 3", "twelve", "thirteen", "of another boot", "lost 1", "four"}));
}

TEST_F(KernelLogFile, SkipsWhatIsNoRecord) {
  append("garbage\n\n6,1,10,-;one\n" + std::string(100'000, 'x') + "\n6,2,10,-;two\n" + std::string(20'000, ' ') +
         "\n6,3,10,-;three\n" + std::string(3, '\0') + "\n6,4,10,-;four\n");
  KernelLog log(path(), Start::beginning);
  EXPECT_EQ(all_of(log), (Strings{"one", "two", "three", "four"}));
}

TEST_F(KernelLogFile, ReadsALongLog) {
  std::string text;
  for (int i = 0; i < 20'000; ++i)
    text += "6," + std::to_string(i) + ",10,-;" + std::string(static_cast<std::size_t>(i % 900), 'x') + "\n";
  append(text);
  KernelLog log(path(), Start::beginning);
  EXPECT_EQ(all_of(log).size(), 20'000U);
}

TEST_F(KernelLogFile, ReadsAPipeAsItComes) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  KernelLog log(path(), Start::end);
  EXPECT_EQ(log.read().what, What::nothing);  // nobody writes
  const int writer = ::open(path().c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(writer, 0);
  EXPECT_EQ(log.read().what, What::nothing);  // nothing was written
  const auto write = [&](const std::string& text) {
    EXPECT_EQ(::write(writer, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  };
  write("6,1,10,-;one\n6,2,20,-;tw");
  EXPECT_EQ(all_of(log), Strings{"one"});
  write("o\n KEY=value\n");
  EXPECT_EQ(all_of(log), Strings{"two"});
  ::close(writer);
  EXPECT_EQ(log.read().what, What::nothing);
}

TEST(KernelLog, NamesThePathThatItCantOpen) {
  const auto error_of = [](const std::string& path) {
    try {
      KernelLog log(path, Start::end);
    } catch (const std::system_error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(error_of("/nonexistent/kmsg"), "/nonexistent/kmsg: No such file or directory");
  EXPECT_EQ(error_of("/tmp"), "/tmp: Is a directory");
}

TEST(KernelLog, ReturnsFromWhatNeverEnds) {
  KernelLog log("/dev/zero", Start::beginning);
  EXPECT_EQ(log.read().what, What::nothing);
}

TEST(KernelLog, NamesTheBoot) {
  const std::string id = KernelLog::boot_id();
  EXPECT_EQ(id.size(), 36U) << id;
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef-"), std::string::npos) << id;
}

TEST(RealKernelLog, ReturnsALineOfOurOwnAsWrittenByUserSpace) {
  const int writer = ::open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
  const int reader = ::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const int error = errno;
  if (reader >= 0) ::close(reader);
  if (writer < 0 || reader < 0) {
    if (writer >= 0) ::close(writer);
    GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: /dev/kmsg: " << std::system_category().message(error) << " ***";
  }
  KernelLog log("/dev/kmsg", Start::end);
  EXPECT_TRUE(log.can_be_polled());
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t now_us = now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
  const std::string name = "cgmm test " + std::to_string(::getpid()) + " " + std::to_string(now.tv_nsec);
  const std::string line = "<4>" + name + " \\x41\tb\xc3\xa9\n";  // without its end it would come with the next one
  ASSERT_EQ(::write(writer, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  ::close(writer);
  for (int others = 0; others < 1000; ++others) {
    const KernelLog::Read read = log.read();
    if (read.what == What::nothing) {
      pollfd readable{.fd = log.fd(), .events = POLLIN, .revents = 0};
      ASSERT_EQ(::poll(&readable, 1, 5000), 1) << "the line did not come";
      continue;
    }
    if (!read.record.text.starts_with(name)) continue;
    EXPECT_EQ(read.record.text, name + " \\x41\tb\xc3\xa9");
    EXPECT_EQ(read.record.priority & 7U, 4U);
    EXPECT_NE(read.record.priority >> 3, 0U) << "user space must not pass for the kernel";
    EXPECT_NEAR(static_cast<double>(read.record.at_us), static_cast<double>(now_us), 60e6);
    return;
  }
  FAIL() << "the line did not come";
}

TEST(RealKernelLog, CanBeReadFromItsBeginning) {
  std::optional<KernelLog> log;
  try {
    log.emplace("/dev/kmsg", Start::beginning);
  } catch (const std::system_error& error) {
    GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: " << error.what() << " ***";
  }
  EXPECT_EQ(log->read().what, What::record);
}

}  // namespace
}  // namespace cgmm::kernel
