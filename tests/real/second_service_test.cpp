// SPDX-License-Identifier: Apache-2.0
// Two services with a history each: only one of them reclaims, else neither would know of the other's cooldowns.
#include "real/real_test.hpp"

namespace cgmm::test {
namespace {

class SecondService : public RealTest {
 protected:
  /// With another history, for one scan. `parent`: below the test's own directory.
  ServiceProcess second(const std::string& parent, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"--config",   config(),          "--parent", tree().dir().string() + parent,
                                       "--database", file("second.db"), "--cycles", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return ServiceProcess(arguments, file("second.log"));
  }
  void expect_refused(const std::string& parent) {
    auto service = second(parent);
    EXPECT_EQ(service.wait_for_exit(), 1) << service.output();
    EXPECT_NE(service.output().find("cgroup-memory-manager: another cgroup-memory-manager, with another history, "
                                    "reclaims in " +
                                    tree().dir().string() + parent + ", or above or below it"),
              std::string::npos)
        << service.output();
  }
};

TEST_F(SecondService, OfTheSameCgroupsIsRefusedWithASentence) {
  tree().make("pods/web");
  tree().make("other/db");
  {
    ServiceProcess first(
        {"--config", config(), "--parent", tree().dir() / "pods", "--database", database(), "--interval", "200ms"},
        log());
    ASSERT_TRUE(wait_for_scans(1));
    for (const char* const parent : {"/pods", "", "/pods/web"}) expect_refused(parent);
    EXPECT_EQ(second("/other").wait_for_exit(), 0) << "those are other cgroups";
    EXPECT_EQ(second("/pods", {"--dry-run"}).wait_for_exit(), 0) << "it reclaims nothing";
    EXPECT_TRUE(wait_for_scans(1)) << "the first one goes on";
    first.signal(SIGKILL);
    ASSERT_TRUE(first.wait_for_exit());
  }
  EXPECT_EQ(second("").wait_for_exit(), 0) << "the kernel has released the lock";
}

TEST_F(SecondService, ThatWasADryRunReclaimsOnlyWhenTheFirstHasEnded) {
  tree().make("web");
  auto first = start_service();
  ASSERT_TRUE(wait_for_scans(1));
  write_config("dry_run = true");
  ServiceProcess other(
      {"--config", config(), "--parent", tree().dir(), "--database", file("second.db"), "--interval", "200ms"},
      file("second.log"));
  const auto says = [&](const std::string& words) { return other.output().find(words) != std::string::npos; };
  ASSERT_TRUE(eventually([&] { return says(" new cgroup: "); })) << other.output();
  EXPECT_FALSE(says("another cgroup-memory-manager")) << other.output();
  write_config("");
  other.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return says("another cgroup-memory-manager, with another history"); }))
      << other.output();
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait_for_exit(), 0);
  EXPECT_TRUE(eventually([&] { return says("no other cgroup-memory-manager reclaims here any more"); }))
      << other.output();
}

}  // namespace
}  // namespace cgmm::test
