// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/container_names.hpp"

#include <gtest/gtest.h>

#include <filesystem>
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
    ContainerNames names{kernel::ContainerLogs(dir_.path())};
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

}  // namespace
}  // namespace cgmm::daemon
