// SPDX-License-Identifier: Apache-2.0
// Killed at random instants on real cgroups, whose page cache tells what the kernel was made to do.
#include <random>

#include "real/real_test.hpp"
#include "support/shown.hpp"

namespace cgmm::test {
namespace {

using std::chrono::milliseconds;

class RealKill : public RealTest {
 protected:
  static constexpr auto kLimit = 64 * kMiB;
  static constexpr auto kCache = 32 * kMiB;  // twice the threshold

  bool is_dropped(const std::string& cgroup) {
    std::istringstream stat(content_of(tree().dir() / cgroup / "memory.stat"));
    std::string key;
    std::uint64_t value = 0;
    while (stat >> key >> value) {
      if (key == "total_cache") return value < kCache * 3 / 4;
    }
    throw std::runtime_error("memory.stat has no total_cache");
  }
};

TEST_F(RealKill, EveryReclaimThatTheKernelMadeIsOnRecordAndCooldownsHold) {
  write_config(
      "policy = 'target'\nthreshold = '25%'\ninterval = '100ms'\ncooldown = '1ms'\nadaptive = false\nkernel_log = "
      "'off'\n[[rule]]\ncgroup "
      "= '*/long'\ncooldown = '1h'\n");
  Workload brief(tree().make("brief", kLimit), file("brief"), kCache);
  Workload lasting(tree().make("long", kLimit), file("long"), kCache);
  constexpr int kRounds = 40;
  int made = 0;
  std::int64_t on_record = 0;
  bool long_was_made = false;
  std::mt19937 random{std::random_device{}()};
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    brief.read_again();
    lasting.read_again();
    const std::int64_t before = on_record;
    {
      auto service = start_service({"--interval", "100ms"});
      std::this_thread::sleep_for(milliseconds(std::uniform_int_distribution<int>(5, 300)(random)));
      service.kill();
    }
    if (scan_count() == 0) continue;  // no history, or an empty one
    ASSERT_EQ(text("PRAGMA integrity_check"), "ok");
    on_record = reclaim_count("brief");
    if (is_dropped("brief")) {
      ++made;
      ASSERT_GT(on_record, before) << "the kernel made a reclaim that is not on record";
    }
    if (is_dropped("long")) {
      ASSERT_FALSE(std::exchange(long_was_made, true)) << "its cooldown of an hour did not hold";
      ASSERT_EQ(reclaim_count("long"), 1);
    }
  }
  EXPECT_GT(made, kRounds / 8) << "else this tested nothing";
  show("kill_real", std::to_string(kRounds) + " rounds on real cgroups: " + std::to_string(made) +
                        " times the kernel had been made to reclaim, each on record; a cooldown of an hour held");
}

}  // namespace
}  // namespace cgmm::test
