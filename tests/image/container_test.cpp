// SPDX-License-Identifier: Apache-2.0
// The image run by a real container runtime as the manifests say, on this machine's cgroups (v1).
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <string>

#include "image/container.hpp"
#include "image/manifests.hpp"

namespace cgmm::test {
namespace {

namespace fs = std::filesystem;

const fs::path kManifests = CGMM_SOURCE_DIR "/packaging/kubernetes";
const fs::path kRustManifest = CGMM_SOURCE_DIR "/tests/image/rust_daemonset.yaml";

/// kustomize sorts a DaemonSet behind what it needs.
Json& container_of(Json& objects) { return objects.back().at("spec").at("template").at("spec").at("containers").at(0); }

/// Of the pod's container: "done 1 shop web-... app", or "" while there is none.
std::string reclaim_in(const fs::path& history) {
  try {
    const SQLite::Database db(history, SQLite::OPEN_READONLY, 5000);
    SQLite::Statement query(db,
                            "SELECT outcome, freed_bytes >= 3 << 20, namespace, pod, container FROM v_reclaim "
                            "JOIN v_cgroup USING (path) WHERE outcome <> 'started' AND path LIKE ?");
    query.bind(1, "%" + std::string(Node::kContainerId));
    if (!query.executeStep()) return "";
    std::string row;
    for (int i = 0; i < query.getColumnCount(); ++i) row += query.getColumn(i).getString() + " ";
    return row;
  } catch (const SQLite::Exception&) {
    return "";  // no file, or no tables yet
  }
}

class ContainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto& reason : {BuiltImage::missing(), Container::missing(), missing_for_manifests()}) {
      if (reason) GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: " << *reason << " ***";
    }
    node_.emplace();
  }

  static const BuiltImage& image() {
    static const BuiltImage built;
    return built;
  }
  const Node& node() const { return *node_; }

 private:
  std::optional<Node> node_;
};

TEST_F(ContainerTest, ReclaimsAsTheDaemonSetSaysAndItsProbesTellSo) {
  Json objects = render(kManifests / "base");
  const Json& manifest = container_of(objects);
  const Json ready = manifest.at("readinessProbe").at("exec").at("command");
  EXPECT_EQ(manifest.at("livenessProbe").at("exec").at("command"), ready);
  {
    Json only_probe = objects;
    container_of(only_probe)["command"] = ready;
    Container nothing_runs(image(), only_probe, node());
    EXPECT_EQ(nothing_runs.wait_for_exit(), 1) << nothing_runs.output();
  }
  Container container(image(), objects, node());
  EXPECT_TRUE(eventually([&] { return container.exec(ready).exit_code == 0; })) << container.output();
  EXPECT_TRUE(eventually([&] { return !reclaim_in(node().history()).empty(); })) << container.output();
  EXPECT_EQ(reclaim_in(node().history()), "done 1 shop web-7d9c5b8f6d-x2x4z app ");
  EXPECT_NE(container.output().find("cgroup v1 at /host/sys/fs/cgroup/memory\n"), std::string::npos)
      << container.output();
  std::cout << container.exec({"cgmm", "check"}).said << "memory of it: at most "
            << content_of(container.memory_cgroup() / "memory.max_usage_in_bytes") << "of "
            << content_of(container.memory_cgroup() / "memory.limit_in_bytes");
  EXPECT_LT(std::stoll(content_of(container.memory_cgroup() / "memory.max_usage_in_bytes")),
            memory_of(manifest.at("resources").at("limits").at("memory")));
  EXPECT_EQ(content_of(container.memory_cgroup() / "memory.failcnt"), "0\n");
  container.terminate();
  EXPECT_EQ(container.wait_for_exit(), 0) << container.output();
}

/// The DaemonSet for the Rust program is answered by a reclaim of a first dose in its second scan, and a log.
void expect_reclaim_by(Json objects, const BuiltImage& image, const Node& node, bool cgroup_namespace = false) {
  for (const char* argument : {"--cycles", "2"}) {
    Json& container = container_of(objects);
    (container.contains("args") ? container["args"] : container["command"]).push_back(argument);
  }
  Container container(image, objects, node, cgroup_namespace);
  EXPECT_EQ(container.wait_for_exit(), 0) << container.output();
  const std::string outcome = reclaim_in(container.root() / "var/lib/cgroup-memory-manager/history.db");
  EXPECT_TRUE(outcome.starts_with("done 1 ")) << outcome << container.output();
  for (const char* said : {"/host/sys/fs/cgroup/memory", "threshold 25%, interval 10s, cooldown 30s", "info: "}) {
    EXPECT_NE(container.output().find(said), std::string::npos) << said << " is missing in:\n" << container.output();
  }
}

TEST_F(ContainerTest, TakesTheManifestOfTheRustProgram) { expect_reclaim_by(render(kRustManifest), image(), node()); }

TEST_F(ContainerTest, ReclaimsWithoutAPlaceForAHistory) {
  Json objects = render(kRustManifest);
  container_of(objects)["securityContext"]["readOnlyRootFilesystem"] = true;
  for (const char* argument : {"--cycles", "2"}) container_of(objects)["command"].push_back(argument);
  Container container(image(), objects, node());
  EXPECT_EQ(container.wait_for_exit(), 0);
  const std::string said = container.output();
  EXPECT_NE(said.find(" info: reclaimed "), std::string::npos) << said;
  EXPECT_NE(said.find("/var/lib/cgroup-memory-manager/history.db can't be used"), std::string::npos) << said;  // aloud
}

TEST_F(ContainerTest, SeesTheNodesCgroupsFromACgroupNamespaceOfItsOwn) {
  Json objects = render(kRustManifest);
  Json& command = container_of(objects).at("command");
  ASSERT_TRUE(command.at(1).get<std::string>().starts_with("--parent="));
  command.erase(1);  // it finds the pods by itself
  expect_reclaim_by(objects, image(), node(), /*cgroup_namespace=*/true);
}

TEST_F(ContainerTest, TakesTheArgumentsOfTheRustProgramWithoutACommand) {
  Json objects = render(kRustManifest);
  Json& container = container_of(objects);
  Json command = container.at("command");
  container.erase("command");
  ASSERT_EQ(command.at(0), "cgroup-memory-manager");
  command.erase(0);
  container["args"] = command;
  expect_reclaim_by(objects, image(), node());
}

TEST_F(ContainerTest, RecordsWhereItMayNotWriteToCgroupsAndCheckSaysWhatItMayDoWhereItMay) {
  const auto check = [&](Json objects) {
    container_of(objects).erase("args");
    container_of(objects)["command"] = {"cgroup-memory-manager", "check", "--dry-run", "--format", "csv"};
    Container container(image(), objects, node());
    container.wait_for_exit();
    return container.output();
  };
  const std::string record_only = check(render(kManifests / "overlays/record-only"));
  EXPECT_NE(record_only.find("ok,access,cgroups can only be read here"), std::string::npos) << record_only;
  const std::string base = check(render(kManifests / "base"));
  EXPECT_NE(base.find("ok,access,\"this container could change limits, freeze or kill"), std::string::npos) << base;
}

/// The overlay's container `ship`, with other arguments.
Json ship_of(Json objects, const Json& arguments) {
  Json& containers = objects.back().at("spec").at("template").at("spec").at("containers");
  if (containers.at(0).at("name") != "ship") std::swap(containers.at(0), containers.at(1));
  containers.at(0)["args"] = arguments;
  const Json secret = {{"kind", "Secret"},
                       {"metadata", {{"name", "cgroup-memory-manager-ship"}}},
                       {"stringData", {{"password", "secret\n"}}}};
  objects.insert(objects.begin(), secret);
  return objects;
}

TEST_F(ContainerTest, ShipReadsTheHistoryOfTheServiceThatRunsAsAUserOfItsOwn) {
  const Json objects = render(kManifests / "overlays/fleet");
  Json of_service = objects;
  Json& containers = of_service.back().at("spec").at("template").at("spec").at("containers");
  if (containers.at(0).at("name") == "ship") std::swap(containers.at(0), containers.at(1));
  Container service(image(), of_service, node());
  ASSERT_TRUE(eventually([&] { return !reclaim_in(node().history()).empty(); })) << service.output();
  const auto say = [&](const Json& arguments) {
    Container ship(image(), ship_of(objects, arguments), node());
    ship.wait_for_exit();
    return ship.output();
  };
  const std::string rows = say({"ship", "--dry-run", "--format", "csv"});
  for (const char* const table : {"cgroup,", "sample,", "reclaim,"})
    EXPECT_NE(rows.find(std::string("\n") + table), std::string::npos) << rows;
  const std::string check = say({"ship", "--check", "--format", "csv"});
  EXPECT_NE(check.find("ok,node,is called node-of-the-test"), std::string::npos) << check;
  EXPECT_NE(check.find("ok,history,"), std::string::npos) << check;
  EXPECT_NE(check.find("problem,connection,"), std::string::npos) << check;
  EXPECT_EQ(check.find("warning,password"), std::string::npos) << check;
  EXPECT_EQ(say({"ship", "--once"}).find("password_file"), std::string::npos) << "it can read its password";
  const Ran status = service.exec({"cgmm", "status", "--format", "csv"});
  EXPECT_NE(status.said.find("nothing was sent yet"), std::string::npos) << status.said;
  service.terminate();
  EXPECT_EQ(service.wait_for_exit(), 0) << service.output();
}

/// The overlay's DaemonSet with this container as its first.
Json with_first(Json objects, const std::string& name) {
  Json& containers = objects.back().at("spec").at("template").at("spec").at("containers");
  if (containers.at(0).at("name") != name) std::swap(containers.at(0), containers.at(1));
  return objects;
}

TEST_F(ContainerTest, ServeAnswersBesideTheServiceAsAUserOfItsOwn) {
  const Json objects = render(kManifests / "overlays/serve");
  Container service(image(), with_first(objects, "cgroup-memory-manager"), node());
  ASSERT_TRUE(eventually([&] { return !reclaim_in(node().history()).empty(); })) << service.output();
  Json of_serve = with_first(objects, "serve");
  const Json& manifest = container_of(of_serve);
  const Json& probe = manifest.at("readinessProbe").at("httpGet");
  const Json& port = manifest.at("ports").at(0);
  ASSERT_EQ(probe.at("port"), port.at("name"));
  Container serve(image(), of_serve, node());
  const auto get = [&](const std::string& path) { return serve.get(path, port.at("containerPort")); };
  EXPECT_TRUE(eventually([&] { return get(probe.at("path")).ends_with("ok\n"); })) << serve.output();
  const std::string page = get("/report/all_reclaims");
  EXPECT_TRUE(page.starts_with("HTTP/1.1 200 OK")) << page;
  EXPECT_NE(page.find("<a href=\"/cgroup/shop/web-7d9c5b8f6d-x2x4z/app\">"), std::string::npos) << page;
  const std::string metrics = get("/metrics");
  EXPECT_NE(
      metrics.find(
          "\ncgmm_reclaims_total{namespace=\"shop\",workload=\"shop/web/app\",container=\"app\",qos=\"burstable\","
          "outcome=\"done\"} "),
      std::string::npos)
      << metrics;
  EXPECT_NE(metrics.find("\ncgmm_container_usage_bytes{"), std::string::npos) << metrics;
  EXPECT_TRUE(get("/status").starts_with("HTTP/1.1 200 OK"));
  EXPECT_EQ(content_of(serve.memory_cgroup() / "memory.failcnt"), "0\n");
  EXPECT_LT(std::stoll(content_of(serve.memory_cgroup() / "memory.max_usage_in_bytes")),
            memory_of(manifest.at("resources").at("limits").at("memory")));
  for (Container* const container : {&serve, &service}) {
    container->terminate();
    EXPECT_EQ(container->wait_for_exit(), 0) << container->output();
  }
}

TEST_F(ContainerTest, ReadsTheKernelsLogWhenItIsPrivilegedAndNotOtherwise) {
  if (::access("/dev/kmsg", R_OK) != 0)
    GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: /dev/kmsg can't be read here ***";
  Json with_log = render(kManifests / "overlays/kernel-log");
  const auto kernel_log_of = [&](Json objects) {
    container_of(objects)["command"] = {"cgroup-memory-manager", "check", "--format", "csv"};
    Container container(image(), objects, node());
    container.wait_for_exit();
    const std::string said = container.output();
    const auto line = said.find("kernel log");
    if (line == std::string::npos) throw std::runtime_error("no kernel log in: " + said);
    return said.substr(said.rfind('\n', line) + 1, said.find('\n', line) - said.rfind('\n', line) - 1);
  };
  EXPECT_TRUE(kernel_log_of(with_log).starts_with("ok,")) << kernel_log_of(with_log);
  // The same mount with the powers of the base, and CAP_SYSLOG: that it takes more than that is why there is an
  // overlay.
  Json base = render(kManifests / "base");
  container_of(with_log)["securityContext"] = container_of(base).at("securityContext");
  container_of(with_log)["securityContext"]["capabilities"]["add"].push_back("SYSLOG");
  EXPECT_TRUE(kernel_log_of(with_log).starts_with("warning,")) << kernel_log_of(with_log);
}

}  // namespace
}  // namespace cgmm::test
