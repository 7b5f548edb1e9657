// SPDX-License-Identifier: Apache-2.0
// Rules by workload on real cgroups: they hold for pods that are made anew, and nothing is reclaimed before the names
// are known.
#include "real/real_test.hpp"

namespace cgmm::test {
namespace {

namespace fs = std::filesystem;

class WorkloadRule : public RealTest {
 protected:
  struct Container {
    std::string pod_uid, id;
    std::string cgroup() const { return "kubepods/burstable/pod" + pod_uid + "/" + id; }
  };

  static Container container(char digit) {
    return {"0f5b1c2d-1111-2222-3333-44445555666" + std::string(1, digit), std::string(64, digit)};
  }

  /// With page cache over its threshold. The kubelet would make its log later.
  Workload start(const Container& one) { return {tree().make(one.cgroup()), file(one.id), 8 * kMiB}; }

  void make_log(const Container& one, const std::string& pod, const std::string& name) const {
    fs::create_directories(logs() / "pods" / ("shop_" + pod + "_" + one.pod_uid));
    fs::create_directories(logs() / "containers");
    fs::create_symlink("/nowhere", logs() / "containers" / (pod + "_shop_" + name + "-" + one.id + ".log"));
  }
  fs::path logs() const { return file("logs"); }
};

TEST_F(WorkloadRule, HoldsForPodsMadeAnewAndForNamesThatBecomeKnownLater) {
  write_config("threshold = '4MiB'\ncooldown = '1s'\ncontainer_logs = '" + logs().string() +
               "'\n[[rule]]\nworkload = 'shop/db/*'\nreclaim = false\n");
  const Container database = container('a'), web = container('b'), next_database = container('c');
  fs::create_directories(logs() / "pods");
  ServiceProcess service = start_service();
  const Workload databases_work = start(database), webs_work = start(web);
  ASSERT_TRUE(wait_for_scans(4));
  EXPECT_EQ(number("SELECT count(*) FROM reclaim"), 0) << "nobody knows whether one of them is the database";
  make_log(database, "db-0", "pg");
  make_log(web, "web-7d9c5b8f6d-x2x4z", "app");
  EXPECT_TRUE(eventually([&] { return finished_reclaim_count(web.cgroup()) > 0; }));
  const Workload next_work = start(next_database);
  make_log(next_database, "db-1", "pg");
  ASSERT_TRUE(wait_for_scans(8));
  EXPECT_EQ(text("SELECT group_concat(DISTINCT workload) FROM v_reclaim"), "shop/web/app");
  EXPECT_EQ(number("SELECT count(DISTINCT path) FROM v_sample WHERE workload = 'shop/db/pg'"), 2);
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(std::chrono::minutes{1}), 0);
}

}  // namespace
}  // namespace cgmm::test
