// SPDX-License-Identifier: Apache-2.0
// A disk that does not come back when the history is opened. A lease stands in for it: whoever opens the file waits
// until its holder gives it back.
#include <fcntl.h>
#include <signal.h>

#include "cli/cli_test.hpp"
#include "support/pipe.hpp"

namespace cgmm::test {
namespace {

using std::chrono::seconds;

/// Nobody else can open the file as long as this lives, or as the kernel lets it: 45 seconds.
class Lease {
 public:
  explicit Lease(const std::string& file) : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    ::signal(SIGIO, SIG_IGN);  // that somebody waits
    if (::fcntl(fd_.get(), F_SETLEASE, F_WRLCK) != 0) throw std::system_error(errno, std::generic_category(), file);
  }
  ~Lease() { ::fcntl(fd_.get(), F_SETLEASE, F_UNLCK); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

 private:
  Fd fd_;
};

class HangingHistory : public CliTest {
 protected:
  HangingHistory() { cgroups().put("/over", v1_files(kOver)); }

  bool was_reclaimed() const { return !cgroups().file("/over", lever_of(Kind::v1)).empty(); }
  std::string lock_file() const { return database().string() + ".lock"; }
  bool says(const std::string& words) const { return content_of(log()).find(words) != std::string::npos; }
  bool wait_for_scans_in_the_log(int count) const {
    return eventually([&] {
      const std::string said = content_of(log());
      int found = 0;
      for (auto at = said.find(" debug: scan: "); at != std::string::npos; at = said.find(" debug: scan: ", at + 1))
        ++found;
      return found >= count;
    });
  }
  static constexpr const char* kWithout = "reclaims go on without the cooldowns of earlier runs";
};

TEST_F(HangingHistory, ScansGoOnAndTheStopComesWithinTwoSeconds) {
  const Lease hang(lock_file());
  auto service = start({"--log-level", "debug"});
  EXPECT_TRUE(wait_for_scans_in_the_log(3));
  EXPECT_FALSE(std::filesystem::exists(database())) << "it still hangs";
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(seconds{2}), 1) << "what was not recorded is lost, and said to be";
}

TEST_F(HangingHistory, WhatWaitedIsOnRecordWhenItComesBackAndCooldownsHold) {
  scan();
  ASSERT_TRUE(was_reclaimed());
  cgroups().put_file("/over", lever_of(Kind::v1), "");
  const std::int64_t before = scan_count();
  std::optional<Lease> hang(lock_file());
  auto service = start({"--log-level", "debug"});
  EXPECT_TRUE(wait_for_scans_in_the_log(3));
  EXPECT_EQ(scan_count(), before);
  hang.reset();
  EXPECT_TRUE(eventually([&] { return scan_count() >= before + 5; }));
  if (!says(kWithout)) {  // the ten seconds were over on a slow machine
    EXPECT_FALSE(was_reclaimed()) << "its cooldown of an hour did not hold";
  }
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(), 0);
}

}  // namespace
}  // namespace cgmm::test
