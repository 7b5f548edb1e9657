// SPDX-License-Identifier: Apache-2.0
// What a purge of the Debian package leaves. In a /var/lib of its own, which nobody else sees.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "support/program.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::test {
namespace {

constexpr const char* kOwn = "unshare -m sh -ec 'mount -t tmpfs none /var/lib; ";

/// Runs `before` in a fresh /var/lib, then the purge, and says what is left there; `exit_code` is the purge's.
std::string left_after_purge(const std::string& before, int& exit_code) {
  const TempDir directory;
  const std::string out = directory.path() / "out";
  const std::string postrm = std::string(CGMM_SOURCE_DIR) + "/packaging/debian/cgroup-memory-manager.postrm";
  const std::string command = kOwn + before +
                              "; code=0; sh -s purge || code=$?; cd /var/lib; find . -mindepth 1; exit $code' <'" +
                              postrm + "' >'" + out + "' 2>/dev/null";
  exit_code = std::system(command.c_str());
  return content_of(out);
}

class Postrm : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system((std::string(kOwn) + "true' 2>/dev/null").c_str()) != 0) {
      GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: it takes a mount namespace of its own ***";
    }
  }
  int exit_code_ = -1;
};

TEST_F(Postrm, APurgeTakesTheHistoryAway) {
  EXPECT_EQ(left_after_purge("mkdir /var/lib/cgroup-memory-manager; touch /var/lib/cgroup-memory-manager/history.db",
                             exit_code_),
            "");
  EXPECT_EQ(exit_code_, 0);
}

TEST_F(Postrm, AMountPointIsEmptiedAndStays) {
  EXPECT_EQ(
      left_after_purge("mkdir /var/lib/cgroup-memory-manager; mount -t tmpfs none /var/lib/cgroup-memory-manager; "
                       "touch /var/lib/cgroup-memory-manager/history.db",
                       exit_code_),
      "./cgroup-memory-manager\n");
  EXPECT_EQ(exit_code_, 0);
}

}  // namespace
}  // namespace cgmm::test
