// SPDX-License-Identifier: Apache-2.0
// The hierarchy goes away under the service and comes back, in a mount namespace of this test's own.
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>

#include "real/real_test.hpp"

namespace cgmm::test {
namespace {

class RealUnmount : public RealTest {
 protected:
  void SetUp() override {
    RealTest::SetUp();
    if (IsSkipped()) return;
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: a mount namespace can't be had here ***";
    }
    mount_ = v1_memory_mount().value();
  }
  void TearDown() override {
    if (!mount_.empty() && !std::filesystem::exists(mount_ / "cgroup.procs")) mount_anew();
    RealTest::TearDown();
  }
  void mount_anew() const {
    EXPECT_EQ(::mount("cgroup", mount_.c_str(), "cgroup", 0, "memory"), 0) << std::strerror(errno);
  }
  std::int64_t parent_events(const std::string& kind) const {
    return number("SELECT count(*) FROM service_event WHERE kind = '" + kind + "' AND fault = 'parent'");
  }

  std::filesystem::path mount_;
};

TEST_F(RealUnmount, IsAFaultInWhichScansGoOnAndNoCgroupIsTakenForGone) {
  tree().make("a");
  tree().make("b");
  auto service = start_service();
  ASSERT_TRUE(wait_for_scans(2));
  ASSERT_EQ(::umount2(mount_.c_str(), MNT_DETACH), 0) << std::strerror(errno);
  ASSERT_TRUE(eventually([&] { return parent_events("fault_begin") == 1; }));
  ASSERT_TRUE(wait_for_scans(3)) << "scans go on, with nothing in them";
  EXPECT_EQ(number("SELECT cgroup_count FROM scan ORDER BY scan_id DESC LIMIT 1"), 0);
  EXPECT_EQ(number("SELECT error_count FROM scan ORDER BY scan_id DESC LIMIT 1"), 1);
  mount_anew();
  ASSERT_TRUE(eventually([&] { return parent_events("fault_end") == 1; }));
  EXPECT_EQ(number("SELECT cgroup_count FROM scan ORDER BY scan_id DESC LIMIT 1"), 2);
  EXPECT_EQ(number("SELECT count(*) FROM cgroup"), 2) << "the same two";
  EXPECT_EQ(number("SELECT count(*) FROM cgroup WHERE vanished_at_us IS NOT NULL"), 0);
  EXPECT_EQ(event_count("fault_begin"), 1);
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(), 0);
}

}  // namespace
}  // namespace cgmm::test
