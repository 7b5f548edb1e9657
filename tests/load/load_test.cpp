// SPDX-License-Identifier: Apache-2.0
// The whole service on real cgroups with everything at once: containers come and go, processes are OOM-killed, page
// cache is reclaimed, the configuration is reloaded, the status is asked in a flood, and the log is read slowly. It
// must end in good order with a sound history, and a build with sanitizers must find nothing.
#include "load/load.hpp"

namespace cgmm::test {
namespace {

TEST_F(Load, EverythingAtOnceEndsInGoodOrderWithASoundHistory) {
  constexpr int kScans = 200, kPassed = 100, kKilled = 5, kReloaded = 20, kAnswered = 20;
  ASSERT_EQ(::mkfifo(file("pipe").c_str(), 0600), 0);
  put_config(0);
  ChildProcess reader = ChildProcess::fork_off([&] { return read_log_slowly(); });
  ServiceProcess service(
      {"--config", config(), "--parent", tree().dir(), "--database", database(), "--interval", "100ms"}, file("pipe"),
      with_sanitizers());
  ASSERT_TRUE(wait_for_scans(2));
  {
    std::vector<ChildProcess> drivers;
    drivers.push_back(ChildProcess::fork_off([&] { return churn(); }));
    drivers.push_back(ChildProcess::fork_off([&] { return kill_again_and_again(); }));
    drivers.push_back(ChildProcess::fork_off([&] { return reload(service); }));
    for (int i = 0; i < 3; ++i) drivers.push_back(ChildProcess::fork_off([&] { return ask(); }));
    const auto enough = [&] {
      return !service.running() || (scan_count() >= kScans && done_->passed >= kPassed && done_->killed >= kKilled &&
                                    done_->reloaded >= kReloaded && done_->answered >= kAnswered);
    };
    EXPECT_TRUE(eventually(enough, std::chrono::minutes{3}))
        << scan_count() << " scans, " << done_->passed << " containers, " << done_->killed << " kills, "
        << done_->reloaded << " reloads, " << done_->answered << " answers";
    for (ChildProcess& driver : drivers) EXPECT_TRUE(driver.running()) << "a driver has failed";
    ASSERT_TRUE(service.running());
    EXPECT_EQ(done_->unanswered, 0) << content_of(file("unanswered"));
    // The drivers go on while the service stops: they are killed at the end of this block, after it.
    service.signal(SIGTERM);
    EXPECT_EQ(service.wait_for_exit(std::chrono::minutes{1}), 0);
  }
  EXPECT_EQ(reader.wait_for_exit(), 0);
  expect_good_order();
}

}  // namespace
}  // namespace cgmm::test
