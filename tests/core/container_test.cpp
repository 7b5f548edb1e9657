// SPDX-License-Identifier: Apache-2.0
#include "core/container.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cgmm::core {
namespace {

const std::string kId = "3fa91c0000000000000000000000000000000000000000000000000000abcdef";
const std::string kUid = "0f5b1c2d-1111-2222-3333-444455556666";
const std::string kEscapedUid = "0f5b1c2d_1111_2222_3333_444455556666";

struct Case {
  std::string path;
  ContainerIdentity identity;
};

TEST(RecogniseContainer, TellsRuntimePodAndClassOfEveryDriverAndRuntime) {
  const std::vector<Case> cases = {
      {"/kubepods/burstable/pod" + kUid + "/" + kId, {"", kId, kUid, "burstable"}},
      {"/kubepods/besteffort/pod" + kUid + "/" + kId, {"", kId, kUid, "besteffort"}},
      {"/kubepods/pod" + kUid + "/" + kId, {"", kId, kUid, "guaranteed"}},
      {"/kubepods/burstable/pod" + kUid + "/crio-" + kId, {"cri-o", kId, kUid, "burstable"}},
      {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + kEscapedUid + ".slice/cri-containerd-" +
           kId + ".scope",
       {"containerd", kId, kUid, "burstable"}},
      {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + kEscapedUid + ".slice/crio-" + kId +
           ".scope",
       {"cri-o", kId, kUid, "besteffort"}},
      {"/kubepods.slice/kubepods-pod" + kEscapedUid + ".slice/docker-" + kId + ".scope",
       {"docker", kId, kUid, "guaranteed"}},
      {"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod" +
           kEscapedUid + ".slice/cri-containerd-" + kId + ".scope",
       {"containerd", kId, kUid, "burstable"}},
      {"/system.slice/containerd.service/kubepods-burstable-pod" + kEscapedUid + ".slice:cri-containerd:" + kId,
       {"containerd", kId, kUid, "burstable"}},
      {"/kubepods/burstable/pod0123456789abcdef0123456789abcdef/" + kId,  // a static pod's uid is a hash
       {"", kId, "0123456789abcdef0123456789abcdef", "burstable"}},
      {"/docker/" + kId, {"docker", kId, "", ""}},
      {"/system.slice/docker-" + kId + ".scope", {"docker", kId, "", ""}},
      {"/machine.slice/libpod-" + kId + ".scope", {"podman", kId, "", ""}},
      {"/libpod_parent/libpod-" + kId, {"podman", kId, "", ""}},
      {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId + ".scope", {"podman", kId, "", ""}},
      {"/system.slice/web.service/libpod-payload-" + kId, {"podman", kId, "", ""}},
      {"/system.slice/nerdctl-" + kId + ".scope", {"containerd", kId, "", ""}},
  };
  for (const Case& one : cases) {
    const auto found = recognise_container(one.path);
    ASSERT_TRUE(found) << one.path;
    EXPECT_EQ(found->identity.runtime, one.identity.runtime) << one.path;
    EXPECT_EQ(found->identity.container_id, one.identity.container_id) << one.path;
    EXPECT_EQ(found->identity.pod_uid, one.identity.pod_uid) << one.path;
    EXPECT_EQ(found->identity.qos_class, one.identity.qos_class) << one.path;
    EXPECT_EQ(found->path_length, one.path.size()) << one.path;
  }
}

TEST(RecogniseContainer, GivesNestedCgroupsToTheOutermostContainer) {
  const std::string outer = "/docker/" + kId;
  for (const std::string& nested : {std::string("/init"), "/kubepods/burstable/pod" + kUid + "/" + kId,
                                    std::string("/system.slice/docker.service")}) {
    const auto found = recognise_container(outer + nested);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->path_length, outer.size());
  }
}

TEST(RecogniseContainer, LooksForAContainerOnlyBelowAParentThatIsItselfInOne) {
  const std::string parent = "/docker/" + kId + "/kubepods/burstable";
  const auto found = recognise_container(parent + "/pod" + kUid + "/" + kId, parent.size());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->identity.pod_uid, kUid);
  EXPECT_EQ(found->identity.qos_class, "burstable");
}

TEST(RecogniseContainer, SeesNoContainerWhereThereIsNone) {
  for (const std::string& path :
       {std::string(), std::string("/"), std::string("/system.slice/nginx.service"), std::string("/kubepods"),
        "/kubepods/burstable/pod" + kUid, "/some/" + kId.substr(1), std::string("/docker/buildkit"),
        "/system.slice/docker-" + kId.substr(0, 8) + ".scope", std::string("/system.slice/docker-.scope"),
        "/machine.slice/libpod-conmon-" + kId + ".scope", "/kubepods/pod" + kUid + "/crio-conmon-" + kId,
        "/docker/" + kId + "0", std::string("/docker/\n<script>\xff"),
        std::string("/a.slice:lxc.payload.web:1")}) {  // "web-1" is not in it
    EXPECT_FALSE(recognise_container(path)) << path;
  }
}

}  // namespace
}  // namespace cgmm::core
