// SPDX-License-Identifier: Apache-2.0
// Where containers are: layouts.json has the directories of a memory hierarchy, and which of them are containers. A new
// layout is a piece of data. CGMM_LAYOUTS names another file of the same form.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "core/container.hpp"
#include "kernel/tree.hpp"
#include "support/fake_cgroups.hpp"

namespace cgmm::kernel {
namespace {

using Json = nlohmann::json;
using core::CgroupKind;

Json layouts() {
  const char* const other = std::getenv("CGMM_LAYOUTS");
  std::ifstream file(other != nullptr ? other : CGMM_SOURCE_DIR "/tests/kernel/layouts.json");
  return Json::parse(file);
}

/// Only what the layout says of it.
void expect_identity(const Json& expected, const core::ContainerIdentity& identity) {
  const auto expect = [&](const char* key, const std::string& value) {
    if (!expected.contains(key)) return;
    EXPECT_EQ(value, expected.at(key)) << key << " of " << expected.at("path");
  };
  expect("runtime", identity.runtime);
  expect("container_id", identity.container_id);
  expect("pod_uid", identity.pod_uid);
  expect("qos_class", identity.qos_class);
}

TEST(Layouts, EachContainerIsFoundWhereverItIs) {
  for (const Json& layout : layouts()) {
    SCOPED_TRACE(layout.at("name").get<std::string>());
    test::FakeCgroups cgroups;
    const bool is_v1 = layout.at("hierarchy") == "v1";
    for (const std::string path : layout.at("paths"))
      cgroups.put(path, is_v1 ? test::v1_files({}) : test::v2_files({}));
    std::map<std::string, Json> expected;
    for (const Json& one : layout.at("containers")) expected[one.at("path")] = one;
    Tree tree(open_hierarchy(cgroups.root()));
    std::set<std::string> found;
    std::set<std::string> recorded;
    for (const FoundCgroup& one : tree.walk().cgroups) {
      const std::string path = one.path.string();
      recorded.insert(path);
      if (one.kind != CgroupKind::container) continue;
      found.insert(path);
      EXPECT_TRUE(expected.contains(path)) << path << " is no container";
      if (expected.contains(path)) expect_identity(expected.at(path), core::identity_of(path, 0));
    }
    for (const auto& [path, one] : expected) EXPECT_TRUE(found.contains(path)) << path << " is a container";
    for (const std::string path : layout.at("paths")) {  // nothing is unseen: it is recorded, or is in a container
      const auto container = core::recognise_container(path);
      EXPECT_TRUE(recorded.contains(container ? path.substr(0, container->path_length) : path)) << path;
    }
  }
}

TEST(Layouts, APodIsRecognisedByItsOwnDirectory) {
  const std::string uid = "0f5b1c2d-1111-2222-3333-444455556666";
  const std::string escaped = "0f5b1c2d_1111_2222_3333_444455556666";
  for (const std::string& path :
       {"/kubepods/burstable/pod" + uid, "/kubepods.slice/kubepods-pod" + escaped + ".slice"}) {
    EXPECT_TRUE(core::is_pod(path)) << path;
    EXPECT_EQ(core::identity_of(path, 0).pod_uid, uid) << path;
    EXPECT_EQ(core::identity_of(path, 0).container_id, "") << path;
  }
  EXPECT_TRUE(core::is_pod("/machine.slice/machine-libpod_pod_" + std::string(64, 'c') + ".slice"));
  EXPECT_TRUE(core::is_pod("/libpod_parent/" + std::string(64, 'c')));
  for (const std::string& path :
       {std::string("/kubepods"), std::string("/kubepods.slice/kubepods-burstable.slice"),
        "/kubepods/burstable/pod" + uid + "/init", "/pod" + uid, std::string("/"), std::string("/libpod_parent"),
        std::string("/libpod_parent/conmon"), "/docker/" + std::string(64, 'c')})
    EXPECT_FALSE(core::is_pod(path)) << path;
}

}  // namespace
}  // namespace cgmm::kernel
