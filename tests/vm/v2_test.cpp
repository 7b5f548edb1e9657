// SPDX-License-Identifier: Apache-2.0
// What only cgroup v2 has, a reclaim in steps: guest/v2.sh, beside its everyday run.
#include "vm/nodes.hpp"
#include "vm/vm.hpp"

namespace cgmm::test {
namespace {

class V2 : public VmTest, public ::testing::WithParamInterface<Node> {
 protected:
  void SetUp() override { use(vm_run(GetParam().name, GetParam().kernel, GetParam().scenario)); }

  /// In microseconds since the cgroup was made.
  std::int64_t stalled_us(const std::string& moment, const std::string& cgroup = "pressed") const {
    const std::string some = kernel(cgroup, moment).content("memory.pressure");
    return std::stoll(some.substr(some.find("total=") + 6));
  }
};

INSTANTIATE_TEST_SUITE_P(Vm, V2, ::testing::Values(kV2On61, kV2On612),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(V2, KilledInTheMiddleOfAReclaimItSaysSoAndItsCooldownHolds) {
  const auto db = history("killed");
  const auto usage_before = db.number("SELECT usage_before_bytes FROM reclaim");
  const auto usage_when_killed = std::stoll(result("killed/usage_when_killed"));
  ASSERT_LT(usage_when_killed, usage_before - 4 * kMiB) << "the kernel had begun";
  ASSERT_GT(kernel("killed", "after").number("memory.stat", "file"), 16 * kMiB) << "and was not done";

  EXPECT_EQ(db.number("SELECT count(*) FROM reclaim"), 1);
  EXPECT_EQ(db.text("SELECT outcome FROM reclaim"), "interrupted");
  EXPECT_EQ(db.number("SELECT count(*) FROM service_event WHERE kind = 'crash_found'"), 1);
  EXPECT_GE(db.number("SELECT count(*) FROM v_sample WHERE reclaimable_cache_bytes >= 16777216 AND at_us > "
                      "(SELECT max(at_us) FROM service_event WHERE kind = 'start')"),
            4)
      << "scans in which only the cooldown held it back";
  EXPECT_EQ(db.number("SELECT until_us - last_reclaim_at_us FROM cooldown"), 3'600'000'000);
}

TEST_P(V2, AReclaimIsLeftEarlyWhenTheCgroupsTasksWaitForMemory) {
  const auto db = history("pressed_10");
  EXPECT_EQ(db.number("SELECT count(*) FROM cgroup WHERE kind = 'container'"), 1)
      << "what is nested in a container belongs to it";
  EXPECT_EQ(db.number("SELECT count(*) FROM reclaim"), 1);
  EXPECT_EQ(db.text("SELECT outcome || ' ' || stopped_by FROM reclaim"), "partial pressure");
  EXPECT_EQ(db.number("SELECT requested_bytes FROM reclaim"), 60 * kMiB);
  const auto steps = db.number("SELECT step_count FROM reclaim");
  EXPECT_LT(steps, 5) << "the target needs five; on a busy machine a step may pass before the wait shows";
  EXPECT_GE(kernel("pressed", "after_10").number("memory.stat", "file"), (72 - 16 * steps) * kMiB)
      << "steps of 12 MiB, of which 6.1 makes up to 16, from 80 MiB, of which others take some";
  EXPECT_GT(db.number("SELECT psi_some_us FROM reclaim"), 0);
  EXPECT_LE(db.number("SELECT psi_some_us FROM reclaim"), stalled_us("after_10") - stalled_us("before_10"));
}

TEST_P(V2, AReclaimOfWhatIsReadAllTheTimeIsLeftEarly) {
  const auto db = history("rereading");
  EXPECT_EQ(db.number("SELECT count(*) FROM reclaim"), 1);
  EXPECT_EQ(db.text("SELECT outcome || ' ' || stopped_by FROM reclaim"), "partial pressure");
  EXPECT_TRUE(nearly_equal(db.number("SELECT requested_bytes FROM reclaim"), 40 * kMiB, kMiB));
  EXPECT_LT(db.number("SELECT freed_bytes FROM reclaim"), 38 * kMiB);
  const std::int64_t stalled = stalled_us("after", "rereading") - stalled_us("before", "rereading");
  EXPECT_GT(stalled, 0) << "else the scenario is not what it seems";
  EXPECT_GT(db.number("SELECT psi_some_us FROM reclaim"), 0);
  EXPECT_LE(db.number("SELECT psi_some_us FROM reclaim"), stalled) << "the kernel's own count of a longer time";
  EXPECT_GT(kernel("rereading", "after").number("memory.stat", "workingset_refault_file"), 0);
}

TEST_P(V2, AtABoundOf100PercentItGoesOnUnderTheSamePressure) {
  const auto db = history("pressed_100");
  EXPECT_EQ(db.text("SELECT outcome || ' ' || stopped_by FROM reclaim"), "done target");
  EXPECT_GE(db.number("SELECT step_count FROM reclaim"), 2);
  EXPECT_GT(db.number("SELECT psi_some_us FROM reclaim"), db.number("SELECT duration_us / 10 FROM reclaim"));
  EXPECT_LE(db.number("SELECT psi_some_us FROM reclaim"), stalled_us("after_100") - stalled_us("before_100"));
  EXPECT_LE(kernel("pressed", "after_100").number("memory.stat", "file"), 20 * kMiB);
}

}  // namespace
}  // namespace cgmm::test
