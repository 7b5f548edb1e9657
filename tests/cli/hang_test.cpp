// SPDX-License-Identifier: Apache-2.0
// A kernel that does not come back from a reclaim. A FIFO stands in for it: without a reader opening it
// blocks, and full it blocks the write.
#include <fcntl.h>
#include <sys/stat.h>

#include <tuple>

#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

using std::chrono::seconds;

enum class Blocks { open, write };

class Hanging : public CliTest, public ::testing::WithParamInterface<std::tuple<Kind, Blocks>> {
 protected:
  void SetUp() override {
    cgroups().put("/over", files_of(kind(), kOver));
    cgroups().remove_file("/over", lever_of(kind()));
    const std::string fifo = cgroups().root() + "/over/" + lever_of(kind());
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    if (std::get<1>(GetParam()) == Blocks::open) return;
    full_ = ::open(fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ASSERT_GE(full_, 0);
    while (::write(full_, "x", 1) == 1) {
    }
  }
  ~Hanging() override {
    if (full_ >= 0) ::close(full_);
  }

  static Kind kind() { return std::get<0>(GetParam()); }
  void make_the_kernel_well() {
    cgroups().remove_file("/over", lever_of(kind()));
    cgroups().put_file("/over", lever_of(kind()), "");
  }
  bool wait_for_reclaim() const {
    return eventually([&] { return number_so_far("SELECT count(*) FROM reclaim WHERE outcome = 'started'") == 1; });
  }
  std::int64_t scans_in_the_log() const {
    const std::string said = content_of(log());
    std::int64_t count = 0;
    for (auto at = said.find(" debug: scan: "); at != std::string::npos; at = said.find(" debug: scan: ", at + 1)) {
      ++count;
    }
    return count;
  }

 private:
  int full_ = -1;
};

INSTANTIATE_TEST_SUITE_P(Fake, Hanging,
                         ::testing::Combine(::testing::Values(Kind::v1, Kind::v2),
                                            ::testing::Values(Blocks::open, Blocks::write)),
                         [](const auto& test) {
                           return name_of(std::get<0>(test.param)) +
                                  (std::get<1>(test.param) == Blocks::open ? "_open" : "_write");
                         });

TEST_P(Hanging, TheScansGoOnAndTheStopComesWithinTwoSeconds) {
  auto service = start({"--log-level", "debug"});
  ASSERT_TRUE(wait_for_reclaim());
  EXPECT_TRUE(wait_for_scans(4));
  EXPECT_EQ(number("SELECT count(*) FROM reclaim WHERE outcome = 'started'"), 1) << "it still hangs";

  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(seconds{2}), 0);
  EXPECT_EQ(scan_count(), scans_in_the_log()) << "the last scan is on record";
  EXPECT_EQ(number("SELECT count(*) FROM reclaim WHERE outcome IN ('started', 'interrupted')"), 1);
  EXPECT_EQ(event_count("stop"), 1);
}

TEST_P(Hanging, TheNextRunFindsItInterruptedAndKeepsItsCooldown) {
  {
    auto service = start();
    ASSERT_TRUE(wait_for_reclaim());
    service.signal(SIGTERM);
    ASSERT_EQ(service.wait_for_exit(seconds{2}), 0);
  }
  make_the_kernel_well();
  scan();
  EXPECT_EQ(text("SELECT outcome FROM reclaim"), "interrupted");
  EXPECT_EQ(reclaim_count(), 1);
  EXPECT_EQ(cgroups().file("/over", lever_of(kind())), "");
  EXPECT_EQ(event_count("crash_found"), 0);
}

TEST_P(Hanging, KilledInTheMiddleItIsInterruptedAndKeepsItsCooldown) {
  {
    auto service = start();
    ASSERT_TRUE(wait_for_reclaim());
    service.kill();
  }
  make_the_kernel_well();
  scan();
  EXPECT_EQ(text("SELECT outcome FROM reclaim"), "interrupted");
  EXPECT_EQ(cgroups().file("/over", lever_of(kind())), "");
  EXPECT_EQ(event_count("crash_found"), 1);
}

TEST_P(Hanging, TheTimeLimitOfOneReclaimEndsItAndTheNextOneIsMade) {
  write_config("threshold = '25%'\ncooldown = '1h'\nreclaim_timeout = '300ms'\n");
  FakeMemory less = kOver;
  less.file_bytes -= kMiB;
  cgroups().put("/next", files_of(kind(), less));
  auto service = start();
  ASSERT_TRUE(
      eventually([&] { return number_so_far("SELECT count(*) FROM reclaim WHERE outcome <> 'started'") == 2; }));
  EXPECT_EQ(text("SELECT outcome || ' ' || stopped_by FROM v_reclaim WHERE path = '/over'"), "partial timeout");
  EXPECT_GE(number("SELECT duration_us FROM v_reclaim WHERE path = '/over'"), 300'000);
  EXPECT_NE(cgroups().file("/next", lever_of(kind())), "");
}

TEST_P(Hanging, ASignalEndsTheWaitForTheLastReclaimOfTheLastCycle) {
  auto service = start({"--cycles", "2"});
  ASSERT_TRUE(wait_for_reclaim());
  ASSERT_TRUE(eventually([&] { return scan_count() == 2; }));
  EXPECT_TRUE(service.running()) << "what was found due is still reclaimed";
  service.signal(SIGINT);
  EXPECT_EQ(service.wait_for_exit(seconds{2}), 0);
}

}  // namespace
}  // namespace cgmm::test
