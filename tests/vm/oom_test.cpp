// SPDX-License-Identifier: Apache-2.0
// Real OOM kills: guest/oom.sh. Each is on record once, with the right victim, cgroup and cause.
#include <map>
#include <sstream>
#include <string>

#include "vm/nodes.hpp"
#include "vm/vm.hpp"

namespace cgmm::test {
namespace {

class Oom : public VmTest, public ::testing::WithParamInterface<Node> {
 protected:
  void SetUp() override { use(vm_run(GetParam().name, GetParam().kernel, GetParam().scenario)); }

  bool v1() const { return GetParam().hierarchy == "v1"; }
  std::string victim(const std::string& name) const {
    std::istringstream words(result("victims"));
    for (std::string one, pid; words >> one >> pid;) {
      if (one == name) return pid;
    }
    return "no victim";
  }
  /// Every row there is of it.
  std::string kills(const std::string& name,
                    const std::string& columns = "source, victim_pid, victim_comm, cause") const {
    SQLite::Database db(result_path("oom/history.db"), SQLite::OPEN_READWRITE);
    SQLite::Statement query(db, "SELECT " + columns + " FROM v_oom_kill WHERE path = ?");
    query.bind(1, cgroups().at(name));
    std::string rows;
    while (query.executeStep()) {
      for (int i = 0; i < query.getColumnCount(); ++i) rows += (i == 0 ? "" : " ") + query.getColumn(i).getString();
      rows += "\n";
    }
    return rows;
  }
  std::string logged(const std::string& name, const std::string& cause) const {
    return "kernel_log " + victim(name) + " workload " + cause + "\n";
  }
  std::string seen(const std::string& name) const {
    return history("oom").text("SELECT seen_count || ' of ' || counted_count FROM oom_kill" + of(history("oom"), name));
  }
};

INSTANTIATE_TEST_SUITE_P(Vm, Oom, ::testing::Values(kV2On61, kV2On612, kV1On61),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(Oom, EveryVictimWasKilledAndIsOnRecordOnce) {
  std::istringstream words(result("deaths"));
  std::int64_t count = 0;
  for (std::string name, status; words >> name >> status; ++count) EXPECT_EQ(status, "137") << name;
  EXPECT_EQ(count, v1() ? 7 : 8);
  EXPECT_EQ(history("oom").number("SELECT count(*) FROM oom_kill"), count);
  EXPECT_EQ(history("oom").number("SELECT count(*) FROM oom_kill WHERE cgroup_id IS NULL"), 0);
}

TEST_P(Oom, AProcessThatGrowsHasTheSecondsBeforeItsKillOnRecord) {
  EXPECT_EQ(kills("oom_grower"), logged("oom_grower", "anon_growth"));
  const auto db = history("oom");
  const std::string killed_at = "(SELECT killed_at_us FROM oom_kill" + of(db, "oom_grower") + ")";
  EXPECT_GE(db.number("SELECT count(*) FROM v_sample" + of(db, "oom_grower") + " AND at_us BETWEEN " + killed_at +
                      " - 5000000 AND " + killed_at),
            3);
  EXPECT_EQ(db.number("SELECT limit_bytes FROM oom_kill" + of(db, "oom_grower")), 256 * kMiB);
  EXPECT_TRUE(nearly_equal(db.number("SELECT usage_bytes FROM oom_kill" + of(db, "oom_grower")), 256 * kMiB, kMiB));
}

TEST_P(Oom, ATmpfsFillerIsToldByItsSharedMemory) {
  EXPECT_EQ(kills("oom_filler"), logged("oom_filler", "shmem"));
  EXPECT_GE(history("oom").number("SELECT shmem_bytes FROM oom_kill" + of(history("oom"), "oom_filler")), 28 * kMiB);
}

TEST_P(Oom, APodsLimitIsToldFromTheContainersOwn) {  // it is alone there, so the cause is its own
  EXPECT_EQ(kills("oom_shared"), logged("oom_shared", "anon_growth"));
  const std::string path = cgroups().at("oom_shared");
  EXPECT_EQ(kills("oom_shared", "limit_path, limit_bytes"),
            path.substr(0, path.rfind('/')) + " " + std::to_string(32 * kMiB) + "\n");
}

TEST_P(Oom, AGroupIsOneKillOfSeveralProcesses) {
  if (v1()) GTEST_SKIP() << "cgroup v1 has no memory.oom.group";
  EXPECT_EQ(kills("oom_grouped", "source, process_count, cause"), "kernel_log 4 anon_growth\n");
  EXPECT_EQ(kills("oom_grouped", "group_path"), cgroups().at("oom_grouped") + "\n");
}

TEST_P(Oom, TwoAtOnceAreTwo) {
  EXPECT_EQ(kills("oom_one"), logged("oom_one", "anon_growth"));
  EXPECT_EQ(kills("oom_two"), logged("oom_two", "anon_growth"));
}

TEST_P(Oom, ACgroupThatIsGoneAMomentLaterKeepsItsKill) {
  EXPECT_EQ(kills("oom_brief"), logged("oom_brief", "anon_growth"));
  EXPECT_EQ(result("scenario.log").find("still there"), std::string::npos);
}

TEST_P(Oom, AKillWhileTheServiceWasDownIsFoundInTheLog) {
  EXPECT_EQ(kills("oom_down"), logged("oom_down", "anon_growth"));
  EXPECT_EQ(
      history("oom").number("SELECT killed_at_us BETWEEN (SELECT max(at_us) FROM service_event WHERE kind = 'stop' "
                            "AND at_us < (SELECT max(at_us) FROM service_event WHERE kind = 'start')) - 1000000 AND "
                            "(SELECT max(at_us) FROM service_event WHERE kind = 'start') FROM oom_kill" +
                            of(history("oom"), "oom_down")),
      1);
}

TEST_P(Oom, TheCounterHasShownTheSameKillsAndMadeNoneOfItsOwn) {
  EXPECT_EQ(history("oom").number("SELECT count(*) FROM oom_kill WHERE source = 'counter'"), 0);
  for (const char* name : {"oom_grower", "oom_filler", "oom_one", "oom_two", "oom_down"}) {
    EXPECT_EQ(seen(name), "1 of 1") << name;
  }
  if (!v1()) {
    EXPECT_EQ(seen("oom_grouped").substr(0, 2), seen("oom_grouped").substr(5) + " ");
  }
}

TEST_P(Oom, IncidentTellsOfTheLatest) {
  const std::string told = result("incident.txt");
  EXPECT_EQ(history("oom").number("SELECT count(*) FROM oom_kill"), v1() ? 7 : 8);
  EXPECT_TRUE(told.starts_with("OOM kill " + history("oom").text("SELECT max(oom_kill_id) FROM oom_kill") + " at "))
      << told;
  EXPECT_NE(told.find("who     workload (pid " + victim("oom_down") + ") in container "), std::string::npos) << told;
  EXPECT_NE(told.find("limit of 32.0 MiB"), std::string::npos) << told;
}

}  // namespace
}  // namespace cgmm::test
