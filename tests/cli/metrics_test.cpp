// SPDX-License-Identifier: Apache-2.0
// `metrics`, on the history of a real run.
#include <sys/stat.h>

#include <cstdlib>
#include <set>
#include <sstream>

#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

class Metrics : public CliTest {
 protected:
  Metrics() {
    cgroups().put("/kubepods/burstable/pod0d1e2f3a-0000-4000-8000-000000000001/" + std::string(64, 'a'),
                  v1_files(kOver));
    cgroups().put("/system.slice/one.service", v1_files(kOver));
    cgroups().put("/we\"ird\n", v1_files(kBelow));
  }

  std::string said(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), "metrics");
    const Answer answer = ask(more);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_EQ(answer.err, "");
    return answer.out;
  }
  static bool has(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
  }
  /// Of every sample, what is before its value.
  static std::multiset<std::string> series_of(const std::string& text) {
    std::multiset<std::string> series;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      if (!line.starts_with('#')) series.insert(line.substr(0, line.rfind(' ')));
    return series;
  }
};

TEST_F(Metrics, TellWhatIsOnRecord) {
  scan(2);
  ASSERT_EQ(reclaim_count(), 1);
  const std::string text = said();
  EXPECT_TRUE(has(text, R"(cgmm_reclaims_total{qos="burstable",outcome="partial"} 1)")) << text;
  EXPECT_TRUE(has(text, "cgmm_last_scan_cgroups 3")) << text;
  EXPECT_TRUE(has(text, "cgmm_open_faults 0")) << text;
  EXPECT_EQ(text.find("cgmm_container"), std::string::npos);
  EXPECT_EQ(text.find("aaaaaaaa"), std::string::npos) << "no id: " << text;
  EXPECT_EQ(text.find("ird"), std::string::npos) << "no path: " << text;
  EXPECT_TRUE(has(said({"--containers"}), R"(cgmm_container_usage_bytes{workload="one.service"} 71303168)"))
      << said({"--containers"});
}

TEST_F(Metrics, AreWhatPrometheusReads) {
  scan(2);
  const std::string text = said({"--containers"});
  const auto series = series_of(text);
  EXPECT_EQ(std::set<std::string>(series.begin(), series.end()).size(), series.size()) << "each once";
  EXPECT_TRUE(said({"--openmetrics"}).ends_with("\n# EOF\n"));
  write(file("metrics"), text);
  if (std::system("command -v promtool > /dev/null") != 0)
    GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: there is no promtool here ***";
  EXPECT_EQ(std::system(("promtool check metrics < '" + file("metrics").string() + "'").c_str()), 0) << text;
}

TEST_F(Metrics, AFileIsReplacedAsAWholeAndReadableForAll) {
  scan();
  const std::filesystem::path prom = file("node.prom");
  write(prom, "old\n");
  EXPECT_EQ(said({"--textfile", prom}), "");
  EXPECT_EQ(series_of(content_of(prom)), series_of(said()));
  EXPECT_EQ(static_cast<unsigned>(std::filesystem::status(prom).permissions()) & 0444U, 0444U);
  const Answer answer = ask({"metrics", "--textfile", file("none") / "node.prom"});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_NE(answer.err.find("none/node.prom: No such file or directory"), std::string::npos) << answer.err;
}

TEST_F(Metrics, WithoutAHistoryIsASentence) {
  const Answer answer = ask({"metrics"});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_EQ(answer.out, "");
  EXPECT_NE(answer.err.find(database()), std::string::npos) << answer.err;
}

}  // namespace
}  // namespace cgmm::test
