// SPDX-License-Identifier: Apache-2.0
// The pages of a running `serve`: on a phone and a desktop, light and dark, of a day and of 60 days, with names that
// nobody wants to see raw. axe says who can't use them (served/look.cjs). They fetch nothing from elsewhere and log
// nothing.
#include <cstdlib>
#include <memory>
#include <optional>
#include <regex>

#include "browser/browser.hpp"

namespace cgmm::test {
namespace {

struct Ran {
  int exit_code = -1;
  std::string out, err;
};

class ServedPage : public BrowserTest {
 protected:
  void SetUp() override {
    BrowserTest::SetUp();
    if (IsSkipped()) return;
    const auto why = missing();
    if (why) GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: " << *why << " ***";
    ASSERT_EQ(
        shell("python3 '" CGMM_SOURCE_DIR "/tests/fleet/made_history.py' '" + database().string() + "' 7").exit_code,
        0);
    SQLite::Database db(database(), SQLite::OPEN_READWRITE, 5000);
    for (const char* const change : {kNames, kPaths, kLongPaths, kLongNames, kHours}) db.exec(change);
    serving_ = std::make_unique<ServiceProcess>(
        std::vector<std::string>{"serve", "--listen", "127.0.0.1:0", "--config", config(), "--database", database()},
        log());
    ASSERT_TRUE(eventually([&] { return content_of(log()).find("serves http") != std::string::npos; }));
    const std::string said = content_of(log());
    url_ = "http://127.0.0.1:" + std::to_string(std::stoi(said.substr(said.rfind("127.0.0.1:") + 10)));
  }
  void TearDown() override {
    if (serving_) {
      serving_->signal(SIGTERM);
      EXPECT_EQ(serving_->wait_for_exit(), 0);
    }
    BrowserTest::TearDown();
  }

  /// What is wrong with these pages of the time that begins then, a line each.
  std::string faults_of_pages(const std::string& since, const std::string& pages) const {
    const Ran ran = shell("node " CGMM_NODE_DIR "/look.cjs \"$(command -v chromium)\" " + url_ + " 'since=" + since +
                          "&until=2026-11-19T18:00:00Z' " + pages);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_TRUE(std::regex_search(ran.err, std::regex("looked at [1-9][0-9]* pages"))) << ran.err;
    return ran.out;
  }

 private:
  /// Bounded by the time that ctest gives the test.
  Ran shell(const std::string& command) const {
    const std::string out = file("out"), err = file("err");
    const int status = std::system(("{ " + command + "; } >'" + out + "' 2>'" + err + "'").c_str());
    return {WEXITSTATUS(status), content_of(out), content_of(err)};
  }

  /// Why nothing can be looked at here; nullopt when it can. The first call installs the packages.
  std::optional<std::string> missing() const {
    if (shell("command -v node && command -v npm && command -v python3").exit_code != 0)
      return "node, npm and python3 are not installed";
    const std::string source = CGMM_BROWSER_SOURCE_DIR "/served/", node = CGMM_NODE_DIR;
    const Ran ran = shell(
        "mkdir -p " + node + " && cd " + node + " && cp " + source + "look.cjs . && { cmp -s " + source +
        "package-lock.json installed || { cp " + source +
        "package*.json . && npm ci --ignore-scripts --no-audit --no-fund && cp package-lock.json installed; }; }");
    if (ran.exit_code == 0) return std::nullopt;
    if (std::regex_search(ran.err, std::regex("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT")))
      return "the npm packages can't be downloaded";
    throw std::runtime_error("npm ci: " + ran.out + ran.err);
  }

  static constexpr const char* kNames =
      "UPDATE cgroup SET workload = 'odd/<script>alert(1)</script>\"''&' || char(10) || '/' || cgroup_id "
      "WHERE cgroup_id IN (5, 6)";
  static constexpr const char* kPaths =
      "UPDATE cgroup SET workload = NULL, kind = NULL, path = '/a' || char(10) || '<script>alert(1)</script>\"''&' || "
      "char(27) || "
      "'[31m' || CAST(x'ffe280ae' AS TEXT) || cgroup_id WHERE cgroup_id IN (11, 12)";
  static constexpr const char* kLongPaths =
      "UPDATE cgroup SET workload = NULL, path = '/' || printf('%.*c', 4000, 'w') || cgroup_id WHERE cgroup_id IN (13, "
      "20)";
  static constexpr const char* kLongNames =
      "UPDATE cgroup SET workload = 'long/' || printf('%.*c', 250, 'w') || '/x' WHERE cgroup_id = 14";
  static constexpr const char* kHours =
      "WITH RECURSIVE hour (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM hour WHERE n < 60 * 24) "
      "INSERT OR IGNORE INTO sample_hour (hour_at_us, cgroup_id, sample_count, usage_avg_kib, usage_max_kib, "
      "anon_avg_kib, "
      "anon_max_kib, file_avg_kib, file_max_kib) SELECT 1794999600000000 - n * 3600000000, cgroup_id, 360, "
      "300000 + n * 7919 % 400000, 400000 + n * 7919 % 400000, 200000, 250000, 100000, 150000 FROM hour, cgroup "
      "WHERE cgroup_id < 40";

  std::unique_ptr<ServiceProcess> serving_;
  std::string url_;
};

TEST_F(ServedPage, OfADayCanBeUsedByEverybody) {
  EXPECT_EQ(faults_of_pages("2026-11-18T18:00:00Z",
                            "/ /now /report /workloads /status /incident /incident/20 /incident/s4 /reports +reports"),
            "");
}

TEST_F(ServedPage, Of60DaysCanBeUsedByEverybody) {
  EXPECT_EQ(faults_of_pages("2026-09-20T18:00:00Z",
                            "/ /report /incident /report/memory_by_workload /report/cgroups /report/growth "
                            "/workload/shop/web/app /cgroup/www /cgroup/script"),
            "");
}

}  // namespace
}  // namespace cgmm::test
