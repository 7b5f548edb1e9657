// SPDX-License-Identifier: Apache-2.0
// OOM kills from the kernel's log and its counters to what people read, through the whole program.
#include <time.h>

#include "cli/cli_test.hpp"
#include "support/unwrapped.hpp"

namespace cgmm::test {
namespace {

class Kills : public CliTest {
 protected:
  Kills() { cgroups().put("/web", v1_files(kBelow)); }

  /// The service, when it has made a scan and read the log up to here.
  ServiceProcess started() {
    write(kmsg(), "");
    write_config("kernel_log = '" + kmsg().string() + "'\n");
    ServiceProcess service = start();
    EXPECT_TRUE(eventually([&] { return count("SELECT count(*) FROM scan") > 1; }));
    return service;
  }
  std::filesystem::path kmsg() const { return file("kmsg"); }
  /// 0: there is no history yet.
  std::int64_t count(const std::string& sql) const {
    return std::filesystem::exists(database()) && ask({"query", "SELECT 1"}).exit_code == 0 ? number(sql) : 0;
  }
  /// The texts of a file in tests/fuzz/corpus/kernel_log, as the kernel writes them now.
  void log_texts(const std::string& name) {
    std::ifstream texts(CGMM_SOURCE_DIR "/tests/fuzz/corpus/kernel_log/" + name);
    std::ofstream log(kmsg(), std::ios::app);
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t now_us = now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
    for (std::string line; std::getline(texts, line);) {
      if (line == "!" || line.starts_with(' ')) continue;
      log << "4," << ++sequence_ << "," << now_us << ",-;" << line << "\n";
    }
  }
  nlohmann::json shown_of(std::int64_t id) const {
    const Answer answer = ask({"incident", "show", std::to_string(id), "--format", "json"});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    return nlohmann::json::parse(answer.out);
  }

 private:
  std::uint64_t sequence_ = 100;
};

TEST_F(Kills, AreToldForWhatTheyWere) {
  ServiceProcess service = started();
  struct Case {
    const char *file, *scope, *why;
  };
  std::int64_t id = 0;
  for (const Case& one :
       {Case{"4.19-memory-and-swap.texts", "memory_and_swap",
             "limit of 1.0 GiB for memory and swap together, 296.0 MiB were heap and stacks (anon); there are no "
             "samples "
             "of how it came to that. 300.0 MiB were in memory (limit 512.0 MiB), and 724.0 MiB in swap."},
        {"5.10-sysrq.texts", "sysrq", "by SysRq, not because memory had run out"},
        {"5.10-cpuset.texts", "cpuset", "The memory of NUMA node 1 had run out"},
        {"6.1-memory-policy.texts", "memory_policy", "The memory of the NUMA nodes 0-1,3 had run out"},
        {"5.4-no-killed-line.texts", "cgroup", "its limit of 256.0 MiB"}}) {
    log_texts(one.file);
    ++id;
    ASSERT_TRUE(eventually([&] { return number("SELECT count(*) FROM oom_kill") == id; })) << one.file;
    const auto shown = shown_of(id);
    EXPECT_EQ(shown["kill"]["scope"], one.scope) << one.file;
    const std::string why = shown["cause"]["why"];
    EXPECT_NE(why.find(one.why), std::string::npos) << why;
  }
  EXPECT_EQ(shown_of(id)["kill"]["end_told"], 0);
  EXPECT_EQ(shown_of(id)["kill"]["victim_pid"], 4242);
}

TEST_F(Kills, OfThousandsAreCountedEverywhere) {
  ServiceProcess service = started();
  for (const std::uint64_t total : {500U, 1000U, 1500U, 2000U}) {
    FakeMemory memory = kBelow;
    memory.oom_kills = total;
    cgroups().put("/web", v1_files(memory));
    ASSERT_TRUE(
        eventually([&] { return number("SELECT sum(kill_count) FROM oom_kill") == static_cast<std::int64_t>(total); }));
  }
  EXPECT_EQ(rows_of({"report", "kills_by_workload"})[0]["kills"], 2000);
  EXPECT_EQ(rows_of({"report", "oom_by_cgroup"})[0]["oom_kills"], 2000);
  EXPECT_NE(unwrapped(ask({"report"}).out).find("2000 OOM kills were seen."), std::string::npos);
  std::int64_t listed = 0;
  for (const auto& row : rows_of({"incident", "list"})) listed += row["kills"].get<std::int64_t>();
  EXPECT_EQ(listed, 2000);
}

}  // namespace
}  // namespace cgmm::test
