// SPDX-License-Identifier: Apache-2.0
// `parent = "auto"` on the real v1 hierarchy.
#include <nlohmann/json.hpp>
#include <set>

#include "real/real_auto.hpp"

namespace cgmm::test {
namespace {

using Json = nlohmann::json;

const std::string kPod = "/kubepods/burstable/pod0f5b1c2d-1111-2222-3333-444455556666";

TEST_F(RealAuto, EveryLayoutOfV1IsFound) {
  std::ifstream file(CGMM_SOURCE_DIR "/tests/kernel/layouts.json");
  for (const Json& layout : Json::parse(file)) {
    if (layout.at("hierarchy") != "v1") continue;
    SCOPED_TRACE(layout.at("name").get<std::string>());
    for (const std::string path : layout.at("paths")) tree().make(path.substr(1));
    auto service = start_auto({"--cycles", "1"});
    ASSERT_EQ(service.wait_for_exit(), 0);
    std::set<std::string> expected;
    for (const Json& one : layout.at("containers")) expected.insert(one.at("path"));
    EXPECT_EQ(texts("SELECT path FROM cgroup WHERE kind = 'container'"), expected);
    EXPECT_EQ(number("SELECT cgroup_count FROM scan"), number("SELECT count(*) FROM cgroup"));
    tree().empty();
    std::filesystem::remove(database());
    for (const char* const end : {"-wal", "-shm"}) std::filesystem::remove(database().string() + end);
  }
}

/// podman#28355: the cache of a container that has ended counts against its pod for ever.
TEST_F(RealAuto, TheRemainderOfAnEndedContainerIsRecordedReclaimedAndObserved) {
  const std::string pod = kPod.substr(1);
  tree().make(pod, 160 * kMiB);
  {
    const Workload first(tree().make(pod + "/" + std::string(64, 'a')), file("ended"), 80 * kMiB);
  }
  tree().remove(pod + "/" + std::string(64, 'a'));
  const Workload second(tree().make(pod + "/" + std::string(64, 'b')), file("running"), 4 * kMiB);
  auto service = start_auto({"--interval", "200ms", "--threshold", "25%", "--cooldown", "1h"});
  const std::string of_pod = " WHERE path = '" + kPod + "'";
  ASSERT_TRUE(eventually([&] {
    return scan_count() > 0 && number("SELECT count(*) FROM v_reclaim" + of_pod + " AND outcome = 'done'") == 1;
  }));
  EXPECT_GE(number("SELECT max(file_bytes) FROM v_sample" + of_pod), std::int64_t{78 * kMiB});
  EXPECT_GE(number("SELECT file_before_bytes FROM v_reclaim" + of_pod), std::int64_t{78 * kMiB});
  EXPECT_GE(number("SELECT freed_bytes FROM v_reclaim" + of_pod), std::int64_t{56 * kMiB});
  EXPECT_EQ(number("SELECT threshold_bytes FROM v_reclaim" + of_pod), std::int64_t{40 * kMiB});
  ASSERT_TRUE(wait_for_scans(3));
  EXPECT_LT(number("SELECT file_bytes FROM v_sample" + of_pod + " ORDER BY at_us DESC LIMIT 1"),
            std::int64_t{26 * kMiB})
      << "half the threshold is to stay";
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(), 0);
  EXPECT_EQ(number("SELECT count(*) FROM reclaim_effect"), 1);
}

/// A reclaim of the pod would take the cache of its container, which most of the cache is.
TEST_F(RealAuto, ARemainderThatIsLessThanTheContainersIsOnlyRecorded) {
  const std::string pod = kPod.substr(1);
  tree().make(pod, 160 * kMiB);
  {
    const Workload first(tree().make(pod + "/" + std::string(64, 'a')), file("ended"), 44 * kMiB);
  }
  tree().remove(pod + "/" + std::string(64, 'a'));
  const Workload second(tree().make(pod + "/" + std::string(64, 'b')), file("running"), 60 * kMiB);
  std::ofstream(config(), std::ios::app) << "[[rule]]\ncgroup = \"*bbbb\"\nreclaim = false\n";
  auto service = start_auto({"--interval", "200ms", "--threshold", "25%"});
  ASSERT_TRUE(wait_for_scans(5));
  EXPECT_GE(number("SELECT max(file_bytes) FROM v_sample WHERE path = '" + kPod + "'"), std::int64_t{40 * kMiB});
  EXPECT_EQ(number("SELECT count(*) FROM reclaim"), 0);
}

TEST_F(RealAuto, AServiceIsReclaimedUntilAContainerHasBeenSeenAlsoAfterARestart) {
  Workload service_cgroup(tree().make("system.slice/web.service", 64 * kMiB), file("data"), 32 * kMiB);
  const auto run = [&] {
    auto service = start_auto({"--cycles", "2", "--interval", "200ms", "--threshold", "25%", "--cooldown", "0s"});
    ASSERT_EQ(service.wait_for_exit(), 0);
  };
  run();
  const std::int64_t before = number("SELECT count(*) FROM reclaim");
  EXPECT_GE(before, 1);
  const std::string container = "docker/" + std::string(64, 'c');
  tree().make(container);
  run();
  tree().remove(container);
  service_cgroup.read_again();
  run();
  EXPECT_EQ(number("SELECT count(*) FROM reclaim"), before);
  EXPECT_GE(number("SELECT reclaimable_cache_bytes FROM v_sample WHERE path LIKE '%web.service' ORDER BY at_us DESC"),
            std::int64_t{24 * kMiB})
      << "recorded all the same";
}

}  // namespace
}  // namespace cgmm::test
