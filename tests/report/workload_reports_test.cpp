// SPDX-License-Identifier: Apache-2.0
// What the reports say where the node has told what containers are called: restarts and replicas of one workload add
// up, and a name finds them as well as a path. A replica of "web" was restarted; "cron" is no container.
#include <gtest/gtest.h>

#include "report/catalog.hpp"
#include "report/format/render.hpp"
#include "support/made_history.hpp"

namespace cgmm::report {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kSecondUs = 1'000'000;

class WorkloadReports : public testing::Test {
 protected:
  WorkloadReports() {
    const char* const paths[] = {"/kubepods/a", "/kubepods/b", "/kubepods/c"};
    const char* const pods[] = {"web-7d9c5b8f6d-x2x4z", "web-7d9c5b8f6d-b4b5c", "web-7d9c5b8f6d-b4b5c"};
    for (int i = 0; i < 3; ++i) {
      history_.add_cgroup(i + 1, paths[i], "shop/web/app", 100 * kMiB);
      history_.exec("UPDATE cgroup SET namespace = 'shop', pod = '" + std::string(pods[i]) +
                    "', container = 'app' WHERE cgroup_id = " + std::to_string(i + 1));
    }
    history_.add_cgroup(4, "/system.slice/cron.service", "/system.slice/cron.service", 100 * kMiB);
    for (int at_s = 10; at_s <= 20; at_s += 10) {
      history_.add_scan(at_s * kSecondUs);
      for (const int id : {1, at_s == 10 ? 2 : 3, 4}) history_.add_sample(at_s * kSecondUs, id, 10 * 1024 * id);
    }
    history_.add_scan(21 * kSecondUs, /*is_partial=*/true);
    history_.add_sample(21 * kSecondUs, 4, 99 * 1024);
    for (int id = 1; id <= 3; ++id) {
      history_.exec(
          "INSERT INTO reclaim (cgroup_id, started_at_us, duration_us, method, threshold_bytes, freed_bytes, outcome) "
          "VALUES (" +
          std::to_string(id) + ", 15000000, 1000, 'memory.reclaim', 1, " + std::to_string(id * kMiB) + ", 'done')");
    }
    history_.exec(
        "INSERT INTO reclaim_effect (reclaim_id, observed_for_us, refaulted_bytes, verdict) VALUES "
        "(1, 1, 524288, 'effective'), (3, 1, 99999999, 'churn')");
  }

  std::string run(const std::string& name, const std::string& glob = "*") {
    const core::Table table =
        history_.run(find_report({}, name).value().sql,
                     {{"since_us", std::int64_t{0}}, {"until_us", 100 * kSecondUs}, {"cgroup_glob", glob}});
    return render(table, Format::csv, {});
  }

  test::MadeHistory history_;
};

TEST_F(WorkloadReports, WhatWasFreedIsAddedUpOverReplicasAndRestarts) {
  EXPECT_EQ(run("freed_by_workload"),
            "workload,cgroups,reclaims,freed_bytes,average_freed_bytes,refaulted_bytes,reclaiming_us,last_reclaim_at,"
            "last_reclaim_at_us,"
            "restarts\n"
            "shop/web/app,3,3,6291456,2097152,3670016,3000,1970-01-01T00:00:15.000000Z,15000000,0\n");
}

TEST_F(WorkloadReports, MemoryIsThatOfTheReplicasInTheLastScanOfAll) {
  EXPECT_EQ(
      run("memory_by_workload"),
      "workload,running,seen,usage_bytes,anon_bytes,reclaimable_cache_bytes,shmem_bytes,fullest_pct,restarts,measured\n"
      "/system.slice/cron.service,1,1,41943040,41943040,0,0,40,0,samples\n"
      "shop/web/app,2,3,41943040,41943040,0,0,30,0,samples\n");
}

/// A pod with a sandbox and a container, and a pod of whose containers no name is known.
class Pods : public WorkloadReports {
 protected:
  Pods() {
    add(11, "/kubepods/p1", "shop/db", "kind = 'pod', pod_uid = 'u1'");
    add(12, "/kubepods/p1/sandbox", "shop/db", "kind = 'container', pod_uid = 'u1'");
    add(13, "/kubepods/p1/pg", "shop/db/pg", "kind = 'container', pod_uid = 'u1', container = 'pg'");
    add(14, "/kubepods/p1/pg2", "shop/db/pg", "kind = 'container', pod_uid = 'u1', container = 'pg'");
    add(21, "/kubepods/p2", "pod/u2", "kind = 'pod', pod_uid = 'u2'");
    add(22, "/kubepods/p2/a", "pod/u2", "kind = 'container', pod_uid = 'u2'");
    add(23, "/kubepods/p2/b", "pod/u2", "kind = 'container', pod_uid = 'u2'");
    history_.add_scan(40 * kSecondUs);
    for (const int id : {11, 12, 14, 21, 22, 23}) history_.add_sample(40 * kSecondUs, id, 1024 * id);
  }
  /// In the order in which they began.
  void add(int id, const std::string& path, const std::string& workload, const std::string& what) {
    history_.add_cgroup(id, path, workload, 100 * kMiB);
    history_.exec("UPDATE cgroup SET first_seen_at_us = " + std::to_string(id * kSecondUs) + ", " + what +
                  " WHERE cgroup_id = " + std::to_string(id));
  }
};

TEST_F(Pods, AndTheContainersBelowThemWithoutANameAreOneReplica) {
  EXPECT_EQ(
      run("memory_by_workload", "*/p?*"),
      "workload,running,seen,usage_bytes,anon_bytes,reclaimable_cache_bytes,shmem_bytes,fullest_pct,restarts,measured\n"
      "pod/u2,1,1,69206016,69206016,0,0,66,,samples\n"
      "shop/db,1,1,24117248,24117248,0,0,23,,samples\n"
      "shop/db/pg,1,2,14680064,14680064,0,0,14,1,samples\n");
  const std::string growth = run("growth", "*/p?*");
  EXPECT_NE(growth.find("pod/u2,new,69206016,0,1,0,69206016,"), std::string::npos) << growth;
}

TEST_F(Pods, DoNotRestartNorDoSlices) {
  for (const int id : {31, 32}) add(id, "/a.slice", "/a.slice", "kind = 'inner'");
  EXPECT_EQ(run("restarts"),
            "workload,restarts,oom_kills,running,last_began_at,last_began_at_us\n"
            "shop/db/pg,1,0,2,1970-01-01T00:00:14.000000Z,14000000\n");
}

TEST_F(Pods, LoseNoKillAndNoReclaim) {
  for (const int id : {11, 12, 21, 22, 23}) {
    history_.add_kill(id, 50 * kSecondUs);
    history_.exec(
        "INSERT INTO reclaim (cgroup_id, started_at_us, duration_us, method, threshold_bytes, freed_bytes, outcome) "
        "VALUES (" +
        std::to_string(id) + ", 45000000, 1000, 'memory.reclaim', 1, 1048576, 'done')");
  }
  const std::string freed = run("freed_by_workload"), kills = run("kills_by_workload");
  EXPECT_NE(freed.find("\npod/u2,1,3,3145728,"), std::string::npos) << freed;
  EXPECT_NE(freed.find("\nshop/db,1,2,2097152,"), std::string::npos) << freed;
  EXPECT_NE(kills.find("\npod/u2,3,3,"), std::string::npos) << kills;
  EXPECT_NE(kills.find("\nshop/db,2,2,"), std::string::npos) << kills;
}

TEST_F(WorkloadReports, GrowthIsBetweenMediansSoThatOneSpikeDoesNotCount) {
  history_.add_cgroup(5, "/old", "shop/old/app", 100 * kMiB);
  history_.add_cgroup(6, "/new", "shop/new/app", 100 * kMiB);
  for (int i = 0; i < 10; ++i) {
    const std::int64_t at_us = (30 + 10 * i) * kSecondUs;
    history_.add_scan(at_us);
    history_.add_sample(at_us, 1, i == 1 || i == 8 ? 500'000 : 10'000, i < 5 ? 0 : 2000);
    history_.add_sample(at_us, 2, i < 5 ? 10'000 : 15'000);
    history_.add_sample(at_us, i < 5 ? 5 : 6, 3000);
  }
  const core::Table table = history_.run(
      find_report({}, "growth").value().sql,
      {{"since_us", 25 * kSecondUs}, {"until_us", 1000 * kSecondUs}, {"cgroup_glob", std::string("shop*")}});
  EXPECT_EQ(render(table, Format::csv, {}),
            "workload,change,growth_bytes,replicas_before,replicas_after,usage_before_bytes,usage_after_bytes,"
            "anon_growth_bytes,cache_growth_bytes,restarts,measured\n"
            "shop/web/app,grew,5120000,2,2,20480000,25600000,3072000,2048000,0,samples\n"
            "shop/new/app,new,3072000,0,1,0,3072000,3072000,0,0,samples\n"
            "shop/old/app,gone,-3072000,1,0,3072000,0,-3072000,0,0,samples\n");
}

TEST_F(WorkloadReports, ANameFindsACgroupAsWellAsItsPath) {
  for (const char* const glob : {"/kubepods/a", "shop/web-7d9c5b8f6d-x2x4z/app", "*x2x4z*"}) {
    EXPECT_NE(run("freed_by_cgroup", glob).find("\nshop/web-7d9c5b8f6d-x2x4z/app,1,1048576,"), std::string::npos)
        << glob;
    EXPECT_NE(run("history", glob).find("shop/web-7d9c5b8f6d-x2x4z/app,/kubepods/a,"), std::string::npos) << glob;
  }
  EXPECT_EQ(run("freed_by_cgroup", "shop").find("x2x4z"), std::string::npos);
}

}  // namespace
}  // namespace cgmm::report
