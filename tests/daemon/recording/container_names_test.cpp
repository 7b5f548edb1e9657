// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/container_names.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/temp_dir.hpp"
#include "support/tracked.hpp"

namespace cgmm::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNow = 1'700'000'000'000'000;
const std::string kUid = "0f5b1c2d-1111-2222-3333-444455556666";
const std::string kPod(178, 'p');  // so long that the kubelet leaves 61 digits of the id

/// An id that ends in these three digits, which the kubelet cuts off.
std::string id(const std::string& end) { return std::string(61, 'a') + end; }

core::CgroupRef cgroup(const std::string& container_id) {
  return test::tracked(1, {"/kubepods/burstable/pod" + kUid + "/" + container_id, 1});
}

class CutNames : public testing::Test {
 protected:
  CutNames() {
    fs::create_directories(dir_.path() / "containers");
    fs::create_directories(dir_.path() / "pods" / ("shop_" + kPod + "_" + kUid));
    const std::string name = (kPod + "_shop_nginx-" + id("001")).substr(0, 251) + ".log";
    fs::create_symlink("/var/log/pods/not/here/0.log", dir_.path() / "containers" / name);
  }
  /// The container's name that each gets, with a space after it.
  std::string names_of(const std::vector<core::CgroupRef>& appeared) {
    ContainerNames names{kernel::ContainerLogs(dir_.path()), kernel::RuntimeNames("off")};
    std::string text;
    for (const core::NamedCgroup& one : names.look_up({}, appeared, kNow)) text += one.names.container + " ";
    return text;
  }
  test::TempDir dir_;
};

TEST_F(CutNames, AreThoseOfTheOneContainerOfThePodThatTheyFit) {
  EXPECT_EQ(names_of({cgroup(id("001")), cgroup(std::string(64, 'b'))}), "nginx  ");
}

TEST_F(CutNames, AreNobodysWhenTwoContainersThatAppearTogetherFit) {
  EXPECT_EQ(names_of({cgroup(id("001")), cgroup(id("002"))}), "  ") << "the pod's name is known all the same";
}

/// What the sampler is told: "path-end=workload" for each, with "..." where more may come.
std::string told(std::vector<core::NamesOf> news) {
  std::string text;
  for (const core::NamesOf& one : news) {
    text += one.id.path.substr(one.id.path.size() - 3) + "=" + one.names.pod_namespace + "/" + one.names.container +
            (one.is_final ? " " : "... ");
  }
  return text;
}

core::Scan scan(bool is_partial = false) { return {.is_partial = is_partial}; }

TEST_F(CutNames, AreToldAsSoonAsTheyAreKnownAndThatThereIsNone) {
  ContainerNames names{kernel::ContainerLogs(dir_.path()), kernel::RuntimeNames("off")};
  const std::vector<core::CgroupRef> appeared = {
      cgroup(id("001")), cgroup(std::string(64, 'b')), test::tracked(2, {"/docker/" + std::string(64, 'c'), 2}),
      test::tracked(3, {"/kubepods/burstable/pod" + kUid, 3}), test::tracked(4, {"/system.slice/x.service", 4})};
  names.look_up({}, appeared, kNow);
  EXPECT_EQ(told(names.take_news()), "001=shop/nginx bbb=shop/... 666=shop/ ");
  const std::vector<Record> scans = {scan(), scan(true)};
  const std::vector<Record> many(100, Record(scan()));
  names.look_up(many, {}, kNow + core::kLookForNames_us);
  EXPECT_EQ(told(names.take_news()), "") << "scans that waited for the disk are one try";
  for (int i = 1; i < 9; ++i) names.look_up(scans, {}, kNow + i);
  EXPECT_EQ(told(names.take_news()), "") << "it has not been long";
  names.look_up(scans, {}, kNow + core::kLookForNames_us + 9);
  EXPECT_EQ(told(names.take_news()), "bbb=shop/ ccc=/ ") << "nobody looks for them any more";
}

TEST(NamesOfContainers, AreFinalAtOnceWhereTheNodeHasNone) {
  ContainerNames names{kernel::ContainerLogs("off"), kernel::RuntimeNames("off")};
  names.look_up({}, std::vector{cgroup(id("001"))}, kNow);
  EXPECT_EQ(told(names.take_news()), "001=/ ");
}

class NamesOfRuntimes : public testing::Test {
 protected:
  NamesOfRuntimes() { fs::create_directories(docker()); }
  fs::path docker() const { return dir_.path() / "docker"; }
  void put(const std::string& container_id, const std::string& name) const {
    fs::create_directories(docker() / container_id);
    std::ofstream(docker() / container_id / "config.v2.json") << R"({"Name": "/)" << name << R"("})";
  }
  ContainerNames names() const {
    return {kernel::ContainerLogs("auto", {dir_.path() / "no-logs"}),
            kernel::RuntimeNames("auto", {.docker = {docker()}, .podman = {}})};
  }
  test::TempDir dir_;
};

TEST_F(NamesOfRuntimes, AreFoundForAContainerThatIsInNoPod) {
  put(id("001"), "web");
  put(id("002"), "pause");
  ContainerNames one = names();
  const auto found =
      one.look_up({}, std::vector{test::tracked(1, {"/docker/" + id("001"), 1}), cgroup(id("002"))}, kNow);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(core::workload_of(found[0].names, found[0].container, found[0].id.path), "web");
  EXPECT_EQ(told(one.take_news()), "001=/web 002=/ ") << "one in a pod has its name from the kubelet";
}

TEST_F(NamesOfRuntimes, ThatComeLaterAreLookedForWithTheNextScans) {
  ContainerNames one = names();
  one.look_up({}, std::vector{test::tracked(1, {"/docker/" + id("001"), 1})}, kNow);
  EXPECT_EQ(told(one.take_news()), "");
  put(id("001"), "web");
  const std::vector<Record> scans = {scan()};
  one.look_up(scans, {}, kNow + 1'000'000);
  EXPECT_EQ(told(one.take_news()), "001=/web ");
}

}  // namespace
}  // namespace cgmm::daemon
