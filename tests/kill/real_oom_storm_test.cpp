// SPDX-License-Identifier: Apache-2.0
// Two hundred real OOM kills in ten seconds, with the service killed and started again in the middle: each is on record
// once.
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <sstream>

#include "real/real_test.hpp"
#include "support/hungry.hpp"
#include "support/shown.hpp"

namespace cgmm::test {
namespace {

using std::chrono::milliseconds;

class RealOomStorm : public RealTest {
 protected:
  static constexpr std::int64_t kCgroups = 20, kKills = 200;
  static constexpr auto kLasts = std::chrono::seconds{10};

  void SetUp() override {
    RealTest::SetUp();
    if (!IsSkipped() && ::access("/dev/kmsg", R_OK) != 0)
      GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: no /dev/kmsg ***";
  }

  /// By the kernel's counter.
  std::int64_t counted(const std::string& cgroup) {
    std::istringstream words(content_of(tree().dir() / cgroup / "memory.oom_control"));
    std::string key;
    for (std::int64_t value = 0; words >> key >> value;) {
      if (key == "oom_kill") return value;
    }
    throw std::runtime_error("memory.oom_control has no oom_kill");
  }

  struct Victim {
    pid_t pid;
    std::string cgroup;
  };

  /// Evenly over ten seconds. `in_the_middle` is called once, at a random moment.
  template <typename InTheMiddle>
  std::vector<Victim> make_kills(InTheMiddle in_the_middle) {
    const auto begin = std::chrono::steady_clock::now();
    const std::int64_t middle = std::uniform_int_distribution<std::int64_t>(kKills / 5, kKills * 4 / 5)(random_);
    std::vector<Victim> victims;
    for (std::int64_t i = 0; i < kKills; ++i) {
      if (i == middle) in_the_middle();
      const std::string name = "c" + std::to_string(i % kCgroups);
      Hungry hungry(tree().dir() / name, 4000 * kMiB);
      hungry.feed();
      EXPECT_TRUE(hungry.was_killed());
      victims.push_back({hungry.pid(), name});
      std::this_thread::sleep_until(begin + kLasts * (i + 1) / kKills);
    }
    return victims;
  }

  std::mt19937 random_{std::random_device{}()};
};

/// The kernel names the cgroup of ten kills in five seconds only. Kills elsewhere on the machine are none of ours.
TEST_F(RealOomStorm, EveryKillIsOnRecordOnceAlthoughTheServiceIsKilledInTheMiddle) {
  const char* const more = std::getenv("CGMM_OOM_ROUNDS");
  const int rounds = more != nullptr ? std::atoi(more) : 1;
  for (std::int64_t i = 0; i < kCgroups; ++i) tree().make("c" + std::to_string(i), 8 * kMiB);
  std::int64_t all = 0, named = 0;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::optional<ServiceProcess> service(start_service());
    ASSERT_TRUE(wait_for_scans(2));
    const std::string before = std::to_string(number("SELECT ifnull(max(oom_kill_id), 0) FROM oom_kill"));
    const std::vector<Victim> victims = make_kills([&] {
      service->kill();
      service.emplace(start_service());
    });
    std::string wrong, ours;
    for (const Victim& victim : victims) {
      const std::string pid = std::to_string(victim.pid), path = tree().path_of(victim.cgroup);
      ours += (ours.empty() ? "" : ",") + pid;
      wrong += (wrong.empty() ? "" : " OR ") + ("(victim_pid = " + pid) + " AND coalesce(path, victim_path, '" + path +
               "') <> '" + path + "')";
    }
    const std::string of_ours = " FROM v_oom_kill WHERE oom_kill_id > " + before + " AND victim_pid IN (" + ours + ")";
    // A process may have been seen where it was before it moved into its cgroup: that is taken back some seconds later.
    const auto is_settled = [&] {
      return number("SELECT count(*)" + of_ours) == kKills &&
             number("SELECT count(*) FROM v_oom_kill WHERE oom_kill_id > " + before + " AND (" + wrong + ")") == 0 &&
             number("SELECT count(*) FROM oom_kill WHERE source = 'counter' OR cgroup_by IS NULL") == 0;
    };
    EXPECT_TRUE(eventually(is_settled));
    ASSERT_TRUE(wait_for_scans(3));
    EXPECT_TRUE(is_settled()) << number("SELECT count(*)" + of_ours) << " rows, "
                              << number("SELECT count(*) FROM oom_kill WHERE source = 'counter'")
                              << " by a counter alone, "
                              << text("SELECT group_concat(victim_pid || ' ' || path) FROM v_oom_kill WHERE " + wrong)
                              << " wrong";
    EXPECT_EQ(number("SELECT sum(kill_count)" + of_ours), kKills);
    EXPECT_EQ(number("SELECT count(DISTINCT victim_pid)" + of_ours), kKills);
    all += kKills;
    named += number("SELECT count(*)" + of_ours + " AND path IS NOT NULL");
    service->signal(SIGTERM);
    ASSERT_EQ(service->wait_for_exit(), 0);
  }
  std::int64_t kernels = 0;
  for (std::int64_t i = 0; i < kCgroups; ++i) {
    const std::string name = "c" + std::to_string(i);
    kernels += counted(name);
    EXPECT_LE(number("SELECT sum(kill_count) FROM v_oom_kill" + where_path(name)), counted(name)) << name;
  }
  EXPECT_EQ(kernels, all);
  show("oom_storm", std::to_string(rounds) + " rounds: the kernel counted " + std::to_string(kernels) +
                        " kills, and as many are on record, each once; of " + std::to_string(named) +
                        " the cgroup is known");
}

}  // namespace
}  // namespace cgmm::test
