// SPDX-License-Identifier: Apache-2.0
// The Kubernetes manifests: valid, strictly, and as modest as they are said to be.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "image/kubelet.hpp"
#include "image/manifests.hpp"
#include "support/program.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::test {
namespace {

const std::filesystem::path kManifests = CGMM_SOURCE_DIR "/packaging/kubernetes";

class Manifests : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = missing_for_manifests())
      GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: " << *reason << " ***";
  }
};

TEST_F(Manifests, AreWhatTheSchemaOfTheApiDescribes) {
  for (const Json& result :
       check_manifests({kManifests / "base", kManifests / "overlays/kernel-log", kManifests / "overlays/record-only",
                        kManifests / "overlays/fleet", kManifests / "overlays/serve",
                        kManifests / "base/daemonset.yaml", kManifests / "base/serviceaccount.yaml"})) {
    EXPECT_TRUE(result.contains("objects")) << result;
  }
}

std::set<std::string> containers_of(const Json& objects) {
  const Json daemon_set = object_of_kind(objects, "DaemonSet");
  std::set<std::string> names;
  for (const Json& one : daemon_set.at("spec").at("template").at("spec").at("containers")) names.insert(one.at("name"));
  return names;
}

/// Two of them that do not go together would be seen in a pair.
TEST_F(Manifests, OfComponentsCanBeCombined) {
  const TempDir files;
  const std::vector<std::string> names{"kernel-log", "record-only", "fleet", "serve-tls"};
  std::vector<std::vector<std::string>> all;
  for (const std::string& first : names) {
    for (const std::string& second : names) {
      if (first != second) all.push_back({first, second});
    }
  }
  for (const char* const serve : {"serve", "serve-token", "serve-tls"}) {
    all.push_back({"kernel-log", "record-only", "fleet", serve});
    all.push_back({serve, "fleet", "record-only", "kernel-log"});
  }
  std::vector<std::filesystem::path> overlays;
  for (const auto& each : all) overlays.push_back(overlay_with(each, files.path() / std::to_string(overlays.size())));
  const std::vector<Json> results = check_manifests(overlays);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string which = content_of(overlays[i] / "kustomization.yaml");
    ASSERT_TRUE(results[i].contains("objects")) << which << results[i];
    std::set<std::string> expected{"cgroup-memory-manager"};
    for (const std::string& each : all[i]) {
      if (each == "fleet") expected.insert("ship");
      if (each.starts_with("serve")) expected.insert("serve");
    }
    EXPECT_EQ(containers_of(results[i].at("objects")), expected) << which;
  }
}

TEST_F(Manifests, OfFleetTakeTheOperatorsConfiguration) {
  const TempDir files;
  const auto directory = overlay_with({"serve", "fleet"}, files.path() / "mine");
  std::ofstream(directory / "config.toml") << "max_size = \"1GiB\"\n";
  std::ofstream(directory / "kustomization.yaml", std::ios::app)
      << "configMapGenerator: [{name: cgroup-memory-manager, namespace: kube-system, behavior: replace, "
         "files: [config.toml]}]\n"
      << "images: [{name: cgroup-memory-manager, newName: registry.example/cgmm}]\n";
  const Json objects = render(directory);
  EXPECT_EQ(object_of_kind(objects, "ConfigMap").at("data").at("config.toml"), "max_size = \"1GiB\"\n");
  const Json daemon_set = object_of_kind(objects, "DaemonSet");
  const Json& containers = daemon_set.at("spec").at("template").at("spec").at("containers");
  EXPECT_EQ(containers.size(), 3U);
  for (const Json& one : containers)
    EXPECT_TRUE(one.at("image").get<std::string>().starts_with("registry.example/cgmm:")) << one;
}

TEST_F(Manifests, WithAMistakeAreRefused) {
  const std::string good = content_of(kManifests / "base/daemonset.yaml");
  const std::pair<const char*, const char*> mistakes[] = {
      {"failureThreshold: 5", "failureTreshold: 5"},  // a key that nobody knows, deep down
      {"terminationGracePeriodSeconds:", "terminationGracePeriod:"},
      {"updateStrategy:", "strategy:"},  // a Deployment's
      {"memory: 64Mi", "memory: lots"},
      {"runAsUser: 0", "runAsUser: root"},
      {"readOnlyRootFilesystem: true", "readOnlyRootFilesystem: \"yes\""},
      {"  selector:\n", "  selector_:\n"},
      {"kind: DaemonSet", "kind: DemonSet"},
      {"privileged: false", "privileged: false\n            privileged: true"},
  };
  const TempDir files;
  std::vector<std::filesystem::path> bad_files;
  for (const auto& [right, wrong] : mistakes) {
    std::string bad = good;
    const auto at = bad.find(right);
    ASSERT_NE(at, std::string::npos) << right;
    bad.replace(at, std::string(right).size(), wrong);
    bad_files.push_back(files.path() / (std::to_string(bad_files.size()) + ".yaml"));
    std::ofstream(bad_files.back()) << bad;
  }
  const std::vector<Json> results = check_manifests(bad_files);
  for (std::size_t i = 0; i < results.size(); ++i) EXPECT_TRUE(results[i].contains("mistakes")) << mistakes[i].second;
  EXPECT_EQ(
      results.front().at("mistakes"),
      Json::array({"DaemonSet /spec/template/spec/containers/0/livenessProbe: must NOT have additional properties "
                   "(failureTreshold)"}));
}

TEST_F(Manifests, AskForLittle) {
  const Json daemon_set = object_of_kind(render(kManifests / "base"), "DaemonSet");
  const Json pod = daemon_set.at("spec").at("template").at("spec");
  const Json container = pod.at("containers").at(0);
  // The Rust program's were 300m and 512Mi.
  EXPECT_LE(millicores_of(container.at("resources").at("requests").at("cpu")), 30);
  EXPECT_LE(memory_of(container.at("resources").at("limits").at("memory")), 64 << 20);

  EXPECT_EQ(container.at("securityContext").at("readOnlyRootFilesystem"), true);
  EXPECT_EQ(container.at("securityContext").at("privileged"), false);
  EXPECT_EQ(container.at("securityContext").at("capabilities"), (Json{{"drop", {"ALL"}}, {"add", {"DAC_OVERRIDE"}}}));
  for (const char* shared : {"hostPID", "hostNetwork", "hostIPC"}) EXPECT_FALSE(pod.contains(shared)) << shared;
  EXPECT_EQ(pod.at("automountServiceAccountToken"), false);
  for (const Json& mount : container.at("volumeMounts")) {
    const bool written_to = mount.at("name") == "cgroup" || mount.at("name") == "history" || mount.at("name") == "run";
    EXPECT_EQ(mount.value("readOnly", false), !written_to) << mount;
  }
}

TEST_F(Manifests, RecordOnlyMayWriteToNoCgroupAndHasNoCapability) {
  const Json daemon_set = object_of_kind(render(kManifests / "overlays/record-only"), "DaemonSet");
  const Json container = daemon_set.at("spec").at("template").at("spec").at("containers").at(0);
  EXPECT_EQ(container.at("args"), Json{"--dry-run"});
  EXPECT_EQ(container.at("securityContext").at("capabilities"), (Json{{"drop", {"ALL"}}}));
  EXPECT_EQ(container.at("securityContext").at("readOnlyRootFilesystem"), true);
  for (const Json& mount : container.at("volumeMounts")) {
    const bool written_to = mount.at("name") == "history" || mount.at("name") == "run";
    EXPECT_EQ(mount.value("readOnly", false), !written_to) << mount;
  }
}

/// Of a pod.
Json container_named(const Json& pod, const std::string& name) {
  for (const Json& one : pod.at("containers")) {
    if (one.at("name") == name) return one;
  }
  throw std::runtime_error("no container " + name);
}

TEST_F(Manifests, ServeIsAUserOfItsOwnThatWritesNothing) {
  const Json objects = render(kManifests / "overlays/serve");
  const Json pod = object_of_kind(objects, "DaemonSet").at("spec").at("template").at("spec");
  const Json base = object_of_kind(render(kManifests / "base"), "DaemonSet").at("spec").at("template").at("spec");
  const Json serve = container_named(pod, "serve");
  EXPECT_EQ(container_named(pod, "cgroup-memory-manager"), base.at("containers").at(0))
      << "the service is as in the base";
  EXPECT_EQ(serve.at("image"), base.at("containers").at(0).at("image"));
  const Json annotations =
      object_of_kind(objects, "DaemonSet").at("spec").at("template").at("metadata").at("annotations");
  EXPECT_EQ(annotations.at("kubectl.kubernetes.io/default-container"), "cgroup-memory-manager")
      << "kubectl exec means the service where no container is named";
  EXPECT_EQ(serve.at("securityContext").at("capabilities"), (Json{{"drop", {"ALL"}}}));
  EXPECT_EQ(serve.at("securityContext").at("readOnlyRootFilesystem"), true);
  EXPECT_EQ(serve.at("securityContext").at("runAsNonRoot"), true);
  for (const Json& mount : serve.at("volumeMounts")) EXPECT_EQ(mount.value("readOnly", false), true) << mount;
  const std::string monitor = content_of(kManifests / "components/serve/pod_monitor.yaml");
  EXPECT_NE(monitor.find("port: " + serve.at("ports").at(0).at("name").get<std::string>()), std::string::npos);
  const Json labels =
      object_of_kind(render(kManifests / "base"), "DaemonSet").at("spec").at("template").at("metadata").at("labels");
  EXPECT_NE(monitor.find("app.kubernetes.io/name: " + labels.at("app.kubernetes.io/name").get<std::string>()),
            std::string::npos);
}

TEST_F(Manifests, ServeWithATokenIsProbedWithoutOne) {
  const TempDir files;
  for (const std::string name : {"serve-token", "serve-tls"}) {
    const Json objects = render(overlay_with({name}, files.path() / name));
    const Json pod = object_of_kind(objects, "DaemonSet").at("spec").at("template").at("spec");
    const Json serve = container_named(pod, "serve");
    const Json probe = serve.at("readinessProbe").at("httpGet");
    EXPECT_EQ(probe.at("path"), "/healthz") << "serve asks for no token there";
    EXPECT_EQ(probe.value("scheme", "HTTP"), name == "serve-tls" ? "HTTPS" : "HTTP");
    EXPECT_EQ(serve.at("args").dump().find("--cert=") != std::string::npos, name == "serve-tls");
    EXPECT_EQ(pod.at("securityContext").at("fsGroup"), 65532) << "so that it may read its token";
    for (const Json& volume : pod.at("volumes")) {
      if (volume.at("name") != "serve-secrets") continue;
      EXPECT_EQ(volume.at("projected").at("defaultMode"), 0440);
      for (const Json& source : volume.at("projected").at("sources"))
        EXPECT_EQ(source.at("secret").at("optional"), true) << "what is missing keeps only serve waiting";
    }
  }
}

TEST_F(Manifests, ShipIsAUserOfItsOwnThatMayReadTheHistoryAndNothingElse) {
  const Json objects = render(kManifests / "overlays/fleet");
  const Json pod = object_of_kind(objects, "DaemonSet").at("spec").at("template").at("spec");
  const auto container = [&](const std::string& name) { return container_named(pod, name); };
  const Json ship = container("ship");
  EXPECT_EQ(ship.at("image"), container("cgroup-memory-manager").at("image"));
  EXPECT_EQ(ship.at("args"), Json{"ship"});
  EXPECT_LE(memory_of(ship.at("resources").at("limits").at("memory")), 64 << 20);
  EXPECT_EQ(ship.at("securityContext").at("capabilities"), (Json{{"drop", {"ALL"}}}));
  EXPECT_EQ(ship.at("securityContext").at("readOnlyRootFilesystem"), true);
  EXPECT_EQ(ship.at("securityContext").at("allowPrivilegeEscalation"), false);
  EXPECT_EQ(ship.at("securityContext").at("runAsNonRoot"), true);
  EXPECT_GT(ship.at("securityContext").at("runAsUser"), 1000);
  EXPECT_EQ(pod.at("securityContext").at("supplementalGroups"), (Json{0, 4})) << "of the history's files";
  EXPECT_EQ(pod.at("securityContext").at("fsGroup"), ship.at("securityContext").at("runAsGroup")) << "its password";
  EXPECT_EQ(ship.at("env").at(0).at("valueFrom").at("fieldRef").at("fieldPath"), "spec.nodeName");
  std::vector<std::string> mounts;
  for (const Json& mount : ship.at("volumeMounts")) {
    mounts.push_back(mount.at("name"));
    EXPECT_EQ(mount.value("readOnly", false), mount.at("name") != "ship-state") << mount;
  }
  EXPECT_EQ(mounts, (std::vector<std::string>{"history", "config", "ship-secrets", "ship-state"}));
  // What is missing of these must not keep the service from its work.
  for (const Json& volume : pod.at("volumes")) {
    if (volume.at("name") == "ship-secrets") {
      EXPECT_EQ(volume.at("projected").at("sources").at(0).at("secret").at("optional"), true);
      EXPECT_EQ(volume.at("projected").at("sources").at(1).at("configMap").at("optional"), true);
    }
  }
  // The service is as in the base, but for where it reads how `ship` does.
  Json service = container("cgroup-memory-manager");
  const Json base = object_of_kind(render(kManifests / "base"), "DaemonSet").at("spec").at("template").at("spec");
  Json& mounted = service.at("volumeMounts");
  std::erase_if(mounted.get_ref<Json::array_t&>(),
                [](const Json& mount) { return mount.at("name") == "ship-state" && mount.value("readOnly", false); });
  EXPECT_EQ(service, base.at("containers").at(0));
}

TEST_F(Manifests, NameTheImageOfThisVersion) {
  const Json daemon_set = object_of_kind(render(kManifests / "base"), "DaemonSet");
  std::string version = run_program({"--version"}).out;  // "cgroup-memory-manager 0.1.0\n"
  version.pop_back();
  version[version.find(' ')] = ':';
  EXPECT_EQ(daemon_set.at("spec").at("template").at("spec").at("containers").at(0).at("image"), version);
}

TEST_F(Manifests, BringAConfigurationThatTheProgramTakes) {
  for (const char* const each : {"base", "overlays/fleet"}) {
    const Json config_map = object_of_kind(render(kManifests / each), "ConfigMap");
    const TempDir files;
    std::ofstream(files.path() / "config.toml") << config_map.at("data").at("config.toml").get<std::string>();
    const Answer answer =
        run_program({"check", "--config", (files.path() / "config.toml").string(), "--format", "csv"});
    EXPECT_NE(answer.out.find("ok,configuration,"), std::string::npos) << answer.out << answer.err;
  }
}

}  // namespace
}  // namespace cgmm::test
