// SPDX-License-Identifier: Apache-2.0
// A real cgroup that is out of memory with its OOM killer disabled: it is an incident that begins and ends, also
// across a restart of the service.
#include "real/real_test.hpp"
#include "support/hungry.hpp"

namespace cgmm::test {
namespace {

class RealStuck : public RealTest {
 protected:
  std::string rows() const {
    return scan_count() == 0
               ? ""
               : text("SELECT group_concat(kind || ' ' || ifnull(ended_by, 'goes on'), '; ') FROM v_stuck" +
                      where_path("web"));
  }
};

TEST_F(RealStuck, ACgroupThatStandsStillIsOneIncidentUntilTheKillerIsEnabled) {
  auto service = start_service();
  const auto cgroup = tree().make("web", 32 * kMiB);
  write_cgroup_file(cgroup / "memory.oom_control", "1");
  Hungry victim(cgroup, 1000 * kMiB);
  ASSERT_TRUE(wait_for_scans(2));
  EXPECT_EQ(rows(), "");
  victim.feed();
  EXPECT_TRUE(eventually([&] { return rows() == "under_oom goes on"; })) << rows();
  EXPECT_EQ(number("SELECT limit_bytes FROM v_stuck" + where_path("web")), std::int64_t{32 * kMiB});
  EXPECT_EQ(number("SELECT count(*) FROM v_oom_kill" + where_path("web")), 0);

  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(), 0);
  EXPECT_EQ(rows(), "under_oom goes on") << "a stop does not end it";
  auto again = start_service();
  ASSERT_TRUE(wait_for_scans(3));
  EXPECT_EQ(rows(), "under_oom goes on") << "it is the same";

  write_cgroup_file(cgroup / "memory.oom_control", "0");
  ASSERT_TRUE(victim.was_killed());
  EXPECT_TRUE(eventually([&] { return rows() == "under_oom over"; })) << rows();
  EXPECT_EQ(number("SELECT ended_at_us >= last_seen_at_us AND last_seen_at_us > began_at_us FROM v_stuck"), 1);
}

}  // namespace
}  // namespace cgmm::test
