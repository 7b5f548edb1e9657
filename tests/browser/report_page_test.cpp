// SPDX-License-Identifier: Apache-2.0
// The pages of `report`, `history` and the tables, of a busy week with names that nobody wants to see raw.
#include "browser/browser.hpp"

namespace cgmm::test {
namespace {

class ReportPage : public BrowserTest {
 protected:
  void SetUp() override {
    BrowserTest::SetUp();
    if (IsSkipped()) return;
    for (const std::string& path : {kHostile, kLong, std::string("/web")}) cgroups().put(path, v1_files(kBelow));
    scan();
    SQLite::Database db(database(), SQLite::OPEN_READWRITE, 5000);
    db.exec("BEGIN; DELETE FROM sample; DELETE FROM scan; DELETE FROM reclaim");
    // A scan every 10 minutes up to 2024-11-25T03:10:00Z, but for three hours in which nobody looked.
    db.exec(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1020) "
        "INSERT INTO scan (started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us) "
        "SELECT (unixepoch('2024-11-25T03:10:00Z') - 600 * (1020 - i)) * 1000000, 1000, 3, 0, 0, 600000000 "
        "FROM n "
        "WHERE i NOT BETWEEN 500 AND 518");
    db.exec(
        "INSERT INTO sample (scan_id, cgroup_id, usage_kib, anon_kib, file_kib, shmem_kib, oom_kills) "
        "SELECT scan_id, cgroup_id, 300000 + scan_id * 7919 % 400000, 200000, 100000 + scan_id % 7 * 50000, "
        "0, 0 "
        "FROM scan, cgroup");
    db.exec("UPDATE cgroup SET first_seen_at_us = (SELECT min(started_at_us) FROM scan)");
    db.exec(
        "INSERT INTO reclaim (cgroup_id, started_at_us, duration_us, method, threshold_bytes, freed_bytes, "
        "outcome, "
        "file_before_bytes, error) SELECT cgroup_id, started_at_us + 1, 5000, 'force_empty', 40 << 20, "
        "(scan_id % 9) << 25, CASE scan_id % 90 WHEN 0 THEN 'failed' ELSE 'done' END, 400 << 20, "
        "CASE scan_id % 90 WHEN 0 THEN '<b>refused</b>' END FROM scan, cgroup WHERE scan_id % 5 = 0");
    db.exec(
        "INSERT INTO reclaim_effect (reclaim_id, observed_for_us, refaulted_bytes, held_byte_seconds, "
        "verdict, "
        "judged_by, ended_by) SELECT reclaim_id, 300000000, freed_bytes / (1 + cgroup_id % 3), 180 << 20, "
        "CASE WHEN cgroup_id % 3 < 2 THEN 'churn' ELSE 'effective' END, 'refaults', 'observe_for' FROM "
        "reclaim");
    // Three at the same time, one at either end.
    db.exec(
        "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm) "
        "SELECT cgroup_id, unixepoch('2024-11-21T12:00:00Z') * 1000000, 'kernel_log', 'cgroup', 'mysqld<i>' "
        "FROM cgroup "
        "UNION ALL SELECT 1, unixepoch('2024-11-18T03:20:00Z') * 1000000, 'kernel_log', 'node', 'first' "
        "UNION ALL SELECT NULL, unixepoch('2024-11-25T03:09:59Z') * 1000000, 'kernel_log', 'node', 'last'");
    db.exec("COMMIT");
  }

  /// Of the time from then to the last scan.
  std::filesystem::path page_since(const std::string& since, std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--since", since, "--until", "2024-11-25T03:12:00Z"});
    return page_of(arguments);
  }

  inline static const std::string kHostile = "/a\n<script>alert(1)</script>\"'&\x1b[31m\xff\xe2\x80\xae";
  inline static const std::string kLong = "/" + std::string(255, 'w') + "/" + std::string(200, 'x');
};

TEST_F(ReportPage, OfTheWeekCanBeReadOnEveryScreen) {
  const std::filesystem::path page = page_since("2024-11-18T03:12:00Z", {"report"});
  EXPECT_LT(std::filesystem::file_size(page), std::size_t{1} << 20);
  const Seen seen = expect_no_fault(page);
  EXPECT_TRUE(seen.title.starts_with("Memory report")) << seen.title;
  EXPECT_EQ(seen.figure_count, 1);
  EXPECT_GE(seen.labels.size(), std::size_t{4 + 3}) << "both axes";
  for (const char* const part :
       {"From 2024-11-18T03:12:00Z to 2024-11-25T03:12:00Z 5",
        "/a\\n<script>alert(1)</script>\"'&\\x1b[31m\\xff\\u202e", "[[rule]]\ncgroup = ", "5 OOM kills", "Coverage"}) {
    EXPECT_NE(seen.text.find(part), std::string::npos) << part << " in\n" << seen.text;
  }
}

TEST_F(ReportPage, OfTheHistoryCanBeReadOnEveryScreen) {
  const std::filesystem::path page = page_since("2024-11-18T03:12:00Z", {"history", "*"});
  EXPECT_LT(std::filesystem::file_size(page), std::size_t{1} << 20);
  const Seen seen = expect_no_fault(page);
  EXPECT_EQ(seen.figure_count, 3);
  EXPECT_GE(seen.labels.size(), std::size_t{3 * (4 + 3)});
  for (const char* const since : {"2024-11-25T02:10:00Z", "2024-11-24T01:00:00Z", "2024-11-21"}) {
    expect_no_fault(page_since(since, {"history", "/web"}));
  }
}

TEST_F(ReportPage, OfATableCanBeReadOnEveryScreen) {
  expect_no_fault(page_since("2024-11-18T03:12:00Z", {"report", "all_reclaims"}));
  expect_no_fault(page_of({"report", "status"}));
  expect_no_fault(page_of({"report", "--list"}));
}

}  // namespace
}  // namespace cgmm::test
