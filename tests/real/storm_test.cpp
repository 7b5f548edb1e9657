// SPDX-License-Identifier: Apache-2.0
// Cgroups that come and go while they are being read.
#include "real/real_test.hpp"

namespace cgmm::test {
namespace {

class RealStorm : public RealTest {
 protected:
  static std::ptrdiff_t open_descriptors(pid_t pid) {
    const std::filesystem::directory_iterator fds("/proc/" + std::to_string(pid) + "/fd");
    return std::distance(begin(fds), end(fds));
  }
};

TEST_F(RealStorm, FiveHundredCgroupsComeAndGoWithoutAnErrorOrALeak) {
  constexpr int kStaying = 20, kPassing = 500, kAtATime = 25, kScansInTheStorm = 20;
  for (int i = 0; i < kStaying; ++i) {
    tree().make("stays-" + std::to_string(i));
  }
  auto service = start_service({"--interval", "100ms"});
  ASSERT_TRUE(wait_for_scans(3));
  const auto descriptors_before = open_descriptors(service.pid());

  // Never more than kAtATime of them at once; one in fifty of the first outlives the storm, which goes on
  // until enough scans have been made in it.
  std::vector<std::string> survivors;
  const auto name = [](int i) { return "passes-" + std::to_string(i); };
  const std::int64_t scans_before = scan_count();
  int made = 0;
  for (; made < kPassing || scan_count() < scans_before + kScansInTheStorm; ++made) {
    tree().make(name(made));
    if (const int leaving = made - kAtATime; leaving < 0) {
      continue;
    } else if (leaving < kPassing && leaving % 50 == 0) {
      survivors.push_back(name(leaving));
    } else {
      tree().remove(name(leaving));
    }
  }
  for (int leaving = made - kAtATime; leaving < made; ++leaving) {
    tree().remove(name(leaving));
  }
  ASSERT_TRUE(wait_for_scans(2)) << "the second one began after the storm";
  const std::string last_scan = " AND scan_id = (SELECT max(scan_id) FROM scan)";
  for (const auto& survivor : survivors) {
    EXPECT_EQ(number("SELECT count(*) FROM v_sample" + where_path(survivor) + last_scan), 1) << survivor;
  }
  EXPECT_EQ(number("SELECT cgroup_count FROM scan ORDER BY scan_id DESC LIMIT 1"),
            kStaying + static_cast<std::int64_t>(survivors.size()));
  EXPECT_GT(number("SELECT count(*) FROM cgroup"), kStaying + static_cast<std::int64_t>(survivors.size()))
      << "some were caught on their way through, else this tested nothing";

  for (const auto& survivor : survivors) {
    tree().remove(survivor);
  }
  ASSERT_TRUE(wait_for_scans(2));
  EXPECT_TRUE(eventually([&] { return open_descriptors(service.pid()) <= descriptors_before; }))
      << open_descriptors(service.pid()) << " descriptors, before the storm " << descriptors_before;
  EXPECT_EQ(number("SELECT sum(error_count) FROM scan"), 0);
  EXPECT_EQ(event_count("fault_begin"), 0);
  EXPECT_EQ(number("SELECT count(*) FROM cgroup WHERE vanished_at_us IS NULL"), kStaying);
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(), 0);
}

TEST_F(RealStorm, AThousandAtOnceShiftNoScanAndLeaveNothingBehind) {
  constexpr int kCount = 1000;
  tree().make("stays");
  auto service = start_service({"--interval", "1s"});
  ASSERT_TRUE(wait_for_scans(2));
  const auto descriptors_before = open_descriptors(service.pid());
  for (int i = 0; i < kCount; ++i) tree().make("pod-" + std::to_string(i));
  ASSERT_TRUE(
      eventually([&] { return number("SELECT cgroup_count FROM scan ORDER BY scan_id DESC LIMIT 1") == kCount + 1; }));
  for (int i = 0; i < kCount; ++i) tree().remove("pod-" + std::to_string(i));
  ASSERT_TRUE(eventually([&] { return number("SELECT cgroup_count FROM scan ORDER BY scan_id DESC LIMIT 1") == 1; }));
  EXPECT_TRUE(eventually([&] { return open_descriptors(service.pid()) <= descriptors_before; }))
      << open_descriptors(service.pid()) << " descriptors, before " << descriptors_before;
  EXPECT_EQ(number("SELECT sum(error_count) FROM scan"), 0);
  EXPECT_EQ(number("SELECT count(*) FROM cgroup"), kCount + 1);
  EXPECT_EQ(event_count("fault_begin"), 0);
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(), 0);
  std::ifstream lines(log());
  int named = 0;
  for (std::string line; std::getline(lines, line);) named += line.find("new cgroup: ") != std::string::npos ? 1 : 0;
  EXPECT_LE(named, 100) << "the log counts them, it does not list them";
}

}  // namespace
}  // namespace cgmm::test
