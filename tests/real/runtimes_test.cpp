// SPDX-License-Identifier: Apache-2.0
// Containers as real runtimes make them: recognised by their paths, and their OOM kills have their names. A runtime
// that is not installed, or can't run here, is skipped with what it says.
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <regex>
#include <string>
#include <vector>

#include "real/real_auto.hpp"
#include "real/real_container.hpp"

namespace cgmm::test {
namespace {

using Json = nlohmann::json;

struct Runtime {
  std::string name;  // for run_container.sh
  std::vector<std::string> programs;
  std::string path;            // a regular expression; in () the container's id
  std::string word;            // on record
  std::string kind_of_parent;  // "": it is the root
};
void PrintTo(const Runtime& runtime, std::ostream* stream) { *stream << runtime.name; }

bool is_installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

class RealRuntime : public RealAuto, public ::testing::WithParamInterface<Runtime> {
 protected:
  void SetUp() override {
    RealAuto::SetUp();
    if (IsSkipped()) return;
    if (::access("/dev/kmsg", R_OK) != 0) GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: no /dev/kmsg ***";
    for (const std::string& program : GetParam().programs) {
      if (!is_installed(program))
        GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: " << program << " is not installed ***";
    }
  }
  std::string incident(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "incident");
    arguments.insert(arguments.end(), {"--database", database(), "--config", config()});
    const Answer answer = run_program(arguments);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    return answer.out;
  }
};

TEST_P(RealRuntime, MakesAContainerThatIsRecognisedAndWhoseKillHasItsName) {
  RealContainer container(GetParam().name, tree());
  if (!container.has_started()) {
    GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: " << GetParam().name
                 << " does not run here: " << container.last_words() << " ***";
  }
  const std::string path = container.path();
  std::cout << GetParam().name << " made " << path << "\n";
  std::smatch parts;
  ASSERT_TRUE(std::regex_match(path, parts, std::regex(GetParam().path))) << path;
  const std::string id = parts[1];

  auto service = start_auto({"--interval", "200ms"});
  ASSERT_TRUE(wait_for_scans(2));
  const std::string where = " WHERE path = '" + path + "'";
  EXPECT_EQ(
      text("SELECT kind || ' of ' || ifnull(runtime, 'no runtime') || ': ' || container_id FROM v_cgroup" + where),
      "container of " + GetParam().word + ": " + id);
  EXPECT_EQ(number("SELECT limit_bytes FROM v_cgroup" + where), std::int64_t{64 * kMiB});
  EXPECT_EQ(text("SELECT kind FROM v_cgroup WHERE path = '" + path.substr(0, path.rfind('/')) + "'"),
            GetParam().kind_of_parent);

  ASSERT_TRUE(container.feed());
  ASSERT_TRUE(container.has_ended()) << container.output();
  ASSERT_TRUE(eventually([&] { return number("SELECT count(*) FROM v_oom_kill" + where) > 0; })) << container.output();
  ASSERT_TRUE(wait_for_scans(3));
  EXPECT_EQ(
      text("SELECT group_concat(source || ' ' || victim_comm || ' ' || cause || ' ' || container_id) FROM v_oom_kill" +
           where),
      "kernel_log tail anon_growth " + id);
  EXPECT_EQ(number("SELECT count(*) FROM oom_kill WHERE source = 'counter'"), 0) << "it is not counted twice";

  // People read the short id.
  const std::string kill = text("SELECT oom_kill_id FROM v_oom_kill" + where);
  const std::string list = incident({"list", "--cgroup", path, "--format", "json"});
  const Json rows = Json::parse(list);
  ASSERT_EQ(rows.size(), std::size_t{1}) << list;
  EXPECT_EQ(rows[0].at("path"), path);
  EXPECT_NE(rows[0].at("cgroup").get<std::string>().find(id.substr(0, 12)), std::string::npos) << list;
  const std::string shown = incident({"show", kill});
  const std::string who = shown.substr(std::min(shown.find("\nwho "), shown.size()), 200);
  EXPECT_TRUE(std::regex_search(who, std::regex("^\nwho +tail \\(pid [0-9]+\\) in .*container " + id.substr(0, 12))))
      << shown;
}

const std::string kId = "([0-9a-f]{64})";

INSTANTIATE_TEST_SUITE_P(
    Each, RealRuntime,
    ::testing::Values(
        Runtime{"runc", {"runc"}, "/kubepods/burstable/pod[-0-9a-f]{36}/" + kId, "no runtime", "pod"},
        Runtime{"crun", {"crun"}, "/kubepods/burstable/pod[-0-9a-f]{36}/" + kId, "no runtime", "pod"},
        Runtime{"containerd", {"containerd", "ctr", "runc"}, "/default/(web)", "containerd", "inner"},
        Runtime{"docker", {"dockerd", "docker", "runc"}, "/docker/" + kId, "docker", "inner"},
        Runtime{"podman", {"podman", "runc"}, "/libpod_parent/libpod-" + kId, "podman", "inner"},
        Runtime{"podman_pod", {"podman", "runc"}, "/libpod_parent/[0-9a-f]{64}/libpod-" + kId, "podman", "pod"},
        Runtime{"buildah", {"buildah", "runc"}, "/buildah-buildah([0-9]+)", "buildah", ""},
        Runtime{"lxc", {"lxc-start"}, "/lxc\\.payload\\.(web)", "lxc", ""}),
    [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace cgmm::test
