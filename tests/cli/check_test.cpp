// SPDX-License-Identifier: Apache-2.0
// `check`: what is right with this machine and what is not.
#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "cli/cli_test.hpp"
#include "support/old_history.hpp"

namespace cgmm::test {
namespace {

class Check : public CliTest {
 protected:
  Check() { cgroups().put("/web", v1_files(kOver)); }
  static std::map<std::string, nlohmann::json> by_item(const nlohmann::json& findings) {
    std::map<std::string, nlohmann::json> items;
    for (const auto& finding : findings) items[finding["item"]] = finding;
    return items;
  }
};

TEST_F(Check, CheckSaysWhatIsRightOnEveryKindOfTree) {
  for (const Kind kind : {Kind::v1, Kind::v2, Kind::minimal_v1}) {
    FakeCgroups tree;
    tree.put("/web", files_of(kind, kOver));
    tree.put("/kubepods/pod8a3f0a43-7f6c-4b6e-9d0e-0d3b1f1f7a11/" + std::string(64, 'a'), files_of(kind, kOver));
    const Answer text = ask({"check", "--parent", tree.root()});
    EXPECT_EQ(text.exit_code, 0) << text.out;
    EXPECT_EQ(text.err, "");
    auto items = by_item(rows_of({"check", "--parent", tree.root(), "--threshold", "40%"}));
    const std::string version = kind == Kind::v2 ? "v2" : "v1";
    EXPECT_EQ(items["hierarchy"]["detail"],
              "cgroup " + version + " at " + tree.root() + " (a copied or fake tree, not the kernel's)");
    EXPECT_EQ(items["cgroups"]["detail"],
              "1 container (1 whose path names no runtime, in 1 pod), 1 service or session, 2 directories above them");
    EXPECT_EQ(items["reclaim"]["result"], "ok") << items["reclaim"];
    EXPECT_EQ(items["policy"]["detail"],
              "reclaim page cache at 40%, for 10s at most, observed for 5m; at most every 1h, which is "
              "max_cooldown or "
              "more already; 0 rules");
    EXPECT_EQ(items.contains("bounds"), kind != Kind::v2);
    EXPECT_EQ(items["database"]["detail"], database().string() + " is made at the first start");
    EXPECT_EQ(tree.file("/web", lever_of(kind)), "") << "it tries nothing out on a cgroup";
  }
  EXPECT_FALSE(std::filesystem::exists(database()));
}

TEST_F(Check, CheckCountsThePodsThatAreKeptForAContainerThatARuleExcludes) {
  FakeCgroups tree;
  const std::string pod = "/kubepods/pod8a3f0a43-7f6c-4b6e-9d0e-0d3b1f1f7a11";
  tree.put(pod, v1_files(kOver));
  tree.put(pod + "/" + std::string(64, 'a'), v1_files(kOver));
  tree.put(pod + "/" + std::string(64, 'b'), v1_files(kOver));
  const auto scope = [&](const std::string& rules) {
    write_config("parent = '" + tree.root() + "'\ndatabase = '" + database().string() + "'\n" + rules);
    const Answer answer = program({"check", "--config", config(), "--format", "json"});
    return by_item(nlohmann::json::parse(answer.out))["reclaim_scope"]["detail"].get<std::string>();
  };
  EXPECT_EQ(scope(""),
            "3 cgroups are reclaimed when due, 1 only recorded: \"auto\" is containers and their pods where "
            "there are containers");
  EXPECT_EQ(scope("[[rule]]\ncgroup = '*bbb'\nreclaim = false\n"),
            "1 cgroup is reclaimed when due, 3 only recorded: \"auto\" is containers and their pods where there are "
            "containers; 1 pod or other inner cgroup is only recorded because a rule excludes a cgroup below");
}

TEST_F(Check, ConfigOnlySaysWhetherAReloadWouldTakeTheConfiguration) {
  const auto asked = [&](const std::string& toml) {
    write_config(toml);
    return program({"check", "--config-only", "--config", config()});
  };
  const std::string parent = "parent = '" + cgroups().root() + "'\n";
  const Answer right = asked(parent + "database = '/nowhere/history.db'\n");
  EXPECT_EQ(right.exit_code, 0) << right.err;
  EXPECT_NE(right.out.find("configuration: " + config().string()), std::string::npos) << right.out;
  EXPECT_EQ(right.out.find("database"), std::string::npos) << right.out;

  const Answer wrong = asked(parent + "treshold = '10%'\n");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_NE(wrong.err.find(": treshold = \"10%\": expected a known key"), std::string::npos) << wrong.err;

  const Answer nowhere = asked("parent = '/nowhere'\n");
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_NE(nowhere.out.find("/nowhere"), std::string::npos) << nowhere.out;

  asked(parent);
  std::filesystem::permissions(config(), std::filesystem::perms::others_write, std::filesystem::perm_options::add);
  EXPECT_EQ(program({"check", "--config-only", "--config", config()}).exit_code, 1) << "others may write to it";
}

TEST_F(Check, CheckTellsOfAKernelThatCannotReclaimAndOfAParentThatIsNotThere) {
  cgroups().remove_file("/web", "memory.force_empty");
  auto items = by_item(rows_of({"check", "--parent", cgroups().root()}));
  EXPECT_EQ(items["reclaim"]["result"], "warning");

  const Answer answer = ask({"check", "--parent", file("nope"), "--format", "json"});
  EXPECT_EQ(answer.exit_code, 1);
  items = by_item(nlohmann::json::parse(answer.out));
  EXPECT_EQ(items["hierarchy"]["result"], "problem");
  EXPECT_EQ(items["hierarchy"]["advice"], "name the parent with --parent");
}

TEST_F(Check, ACgroupWithoutTheMemoryControllerIsNotTakenForAnOldKernel) {
  FakeCgroups tree;
  tree.put("/a", {{"cgroup.controllers", "cpuset\n"}});
  tree.put("/web", files_of(Kind::v2, kOver));
  auto items = by_item(rows_of({"check", "--parent", tree.root()}));
  EXPECT_EQ(items["memory controller"]["result"], "warning");
  EXPECT_EQ(items["memory controller"]["detail"], "1 cgroup has no memory controller: not recorded");
  EXPECT_EQ(items["reclaim"]["result"], "ok") << items["reclaim"];
}

TEST_F(Check, CheckTellsWhereKillsAndNamesComeFrom) {
  const auto result = [&](const std::string& toml, const std::string& item) {
    write_config(toml);
    auto items = by_item(rows_of({"check", "--parent", cgroups().root()}));
    return items[item]["result"].get<std::string>() + ": " + items[item]["detail"].get<std::string>();
  };
  EXPECT_EQ(result("kernel_log = '/nowhere/kmsg'", "kernel log").substr(0, 45),
            "warning: /nowhere/kmsg: No such file or direc");
  EXPECT_EQ(result("kernel_log = '/etc/passwd'", "kernel log").substr(0, 34), "warning: /etc/passwd is no device:");
  EXPECT_EQ(result("kernel_log = 'off'", "kernel log").substr(0, 8), "ok: off:");
  EXPECT_EQ(result("", "kernel log").substr(0, 47), "ok: off: it says nothing of a copied or fake tr");
  EXPECT_EQ(result("container_logs = 'off'", "names"), "ok: containers go by their ids: container_logs is off");
  EXPECT_EQ(result("container_logs = '/nowhere'", "names").substr(0, 40), "warning: containers go by their ids: /no");
  const std::string logs = file("log");
  std::filesystem::create_directories(logs + "/containers");
  EXPECT_EQ(result("container_logs = '" + logs + "'", "names"), "ok: of pods and containers from " + logs);
  EXPECT_EQ(result("watch_max = 0", "near-limit sampling").substr(0, 26), "ok: no cgroup is sampled b");
  EXPECT_EQ(result("watch_over = '90%'", "near-limit sampling").substr(0, 34), "ok: up to 20 cgroups over 90% of t");
}

TEST_F(Check, CheckFindsAProblemInADeviceThatIsNotTheKernelsLog) {
  write_config("kernel_log = '/dev/null'\n");
  const Answer answer = ask({"check", "--parent", cgroups().root(), "--format", "json"});
  EXPECT_EQ(answer.exit_code, 1);
  auto items = by_item(nlohmann::json::parse(answer.out));
  EXPECT_EQ(items["kernel log"]["result"], "problem");
  EXPECT_EQ(
      items["kernel log"]["detail"],
      "/dev/null is device 1:3 and not the kernel's log (device 1:11): OOM kills are found by the cgroups' counters, "
      "without the victims' names");
}

TEST_F(Check, CheckTellsHowManyCgroupsAreLeftOut) {
  cgroups().put("/db", v1_files(kOver));
  cgroups().put("/mail", v1_files(kOver));
  write_config("max_cgroups = 1\n");
  const auto cgroups_line = by_item(rows_of({"check", "--parent", cgroups().root()}))["cgroups"];
  EXPECT_EQ(cgroups_line["result"], "warning");
  EXPECT_EQ(cgroups_line["detail"], "2 more are over max_cgroups and left out, 2 of them below /");
}

TEST_F(Check, CheckTellsForHowManyCgroupsEachRuleDecides) {
  write_config("[[rule]]\ncgroup = '/w*'\nreclaim = false\n[[rule]]\ncgroup = '*'\nthreshold = '1MiB'\n");
  auto items = by_item(rows_of({"check", "--parent", cgroups().root()}));
  EXPECT_EQ(items["rule[1]"]["detail"], "/w* decides for 1 cgroup now");
  EXPECT_EQ(items["rule[1]"]["result"], "ok");
  EXPECT_EQ(items["rule[2]"]["detail"], "* decides for 0 cgroups now") << "the first that matches decides";
  EXPECT_EQ(items["rule[2]"]["result"], "warning");
  const std::string pod = "/kubepods/pod0f5b1c2d-1111-2222-3333-444455556666";
  write_config("[[rule]]\nworkload = '/w*'\nreclaim = false\n[[rule]]\ncgroup = '" + pod + "/*'\nreclaim = false\n");
  items = by_item(rows_of({"check", "--parent", cgroups().root()}));
  EXPECT_EQ(items["rule[1]"]["detail"], "workload /w* decides for 1 cgroup now");
  EXPECT_EQ(items["rule[1]"]["result"], "ok");
  EXPECT_EQ(items["rule[2]"]["detail"],
            pod + "/* decides for 0 cgroups now, and names one pod or container: made anew, it has another path");
  EXPECT_EQ(items["rule[2]"]["result"], "warning");
}

TEST_F(Check, CheckSaysHowLongReclaimsAndCooldownsMayBe) {
  const std::map<std::string, std::string> cases{
      {"cooldown = '30s'\n", "at most every 30s, doubled up to 10m where it does not help; 0 rules"},
      {"cooldown = '1m'\nadaptive = false\n", "at most every 1m, whether it helps or not; 0 rules"},
      {"cooldown = '2m'\nmax_cooldown = '5m'\ndry_run = true\n",
       "at most every 2m, doubled up to 5m where it does not help; 0 rules; dry run: nothing is reclaimed"}};
  for (const auto& [toml, end] : cases) {
    write_config("reclaim_timeout = '7s'\nobserve_for = '1m'\n" + toml);
    auto items = by_item(rows_of({"check", "--parent", cgroups().root()}));
    EXPECT_EQ(items["policy"]["detail"], "reclaim page cache at 25%, for 7s at most, observed for 1m; " + end);
  }
}

TEST_F(Check, CheckDoubtsAThresholdOfAFewBytes) {
  const Answer answer = ask({"check", "--parent", cgroups().root(), "--threshold", "25"});
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_NE(answer.out.find("the threshold is 25 B: nearly every cgroup is over it"), std::string::npos) << answer.out;
}

TEST_F(Check, IsAListWithProblemsFirstThatFitsATerminal) {
  const std::string deep = "/" + std::string(100, 'x') + "/" + std::string(60, 'y');
  cgroups().put(deep, v1_files(kOver));
  write_config("kernel_log = '/dev/null'\n[[rule]]\ncgroup = '/nothing*'\nreclaim = false\n");
  const Answer answer = ask({"check", "--parent", cgroups().root(), "--width", "80"});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_TRUE(answer.out.starts_with("Check: 1 problem, 1 warning, ")) << answer.out;
  std::istringstream lines(answer.out);
  std::vector<std::string> kinds;
  std::string words;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), std::size_t{80}) << line;
    if (line.starts_with("Check") || line.empty()) continue;
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == 0) kinds.push_back(line.substr(0, line.find(' ')));
    words += line.substr(begin) + " ";
  }
  ASSERT_GT(kinds.size(), std::size_t{10});
  EXPECT_EQ(kinds[0], "problem");
  EXPECT_EQ(kinds[1], "warning");
  EXPECT_EQ(std::ranges::count(kinds, "ok"), std::ssize(kinds) - 2);
  for (const char* const part :
       {"problem  kernel log: /dev/null is device 1:3 and not the kernel's log",
        "without the victims' names What to do: in a container give it the node's /dev/kmsg, or set kernel_log = "
        "\"off\"",
        "warning  rule[1]: /nothing* decides for 0 cgroups now What to do: nothing, if such cgroups come later;",
        "ok       version: "}) {
    EXPECT_NE(words.find(part), std::string::npos) << part << " in\n" << answer.out;
  }
  EXPECT_TRUE(ask({"check", "--parent", cgroups().root(), "--format", "markdown"}).out.find("| result | item |") !=
              std::string::npos);
}

TEST_F(Check, CheckReadsTheWholeDatabase) {
  make_old_history(database(), 1'795'608'000'000'000);
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(database()));
  std::fstream out(database(), std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(size / 2);
  out << std::string(8192, '\xa5');
  out.close();
  const Answer answer = ask({"check", "--parent", cgroups().root(), "--format", "json"});
  EXPECT_EQ(answer.exit_code, 1);
  const auto line = by_item(nlohmann::json::parse(answer.out))["database"];
  EXPECT_EQ(line["result"], "problem");
  EXPECT_NE(line["detail"].get<std::string>().find(" is damaged ("), std::string::npos) << line;
}

TEST_F(Check, CheckNamesTheServiceThatRuns) {
  auto service = start();
  ASSERT_TRUE(wait_for_scans(1));
  auto items = by_item(rows_of({"check", "--parent", cgroups().root()}));
  EXPECT_EQ(items["database"]["detail"], database().string() + ", in use by pid " + std::to_string(service.pid()));
  EXPECT_EQ(items["service"]["detail"], "runs, and has no fault");
}

TEST_F(Check, CheckTellsTheFaultsOfTheServiceThatRuns) {
  const std::filesystem::path root = cgroups().root(), away = root.string() + ".away";
  auto service = start();
  ASSERT_TRUE(wait_for_scans(1));
  std::filesystem::rename(root, away);
  const auto has_fault = [&] { return ask({"status"}).out.find("with faults: parent") != std::string::npos; };
  EXPECT_TRUE(eventually(has_fault));
  const auto line = by_item(rows_of({"check"}))["service"];
  EXPECT_EQ(line["result"], "warning");
  EXPECT_TRUE(line["detail"].get<std::string>().starts_with("fault parent since 20")) << line;
  std::filesystem::rename(away, root);
}

}  // namespace
}  // namespace cgmm::test
