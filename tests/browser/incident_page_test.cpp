// SPDX-License-Identifier: Apache-2.0
// The pages of `incident`: a leak that was killed, with names that nobody wants to see raw.
#include "browser/browser.hpp"

namespace cgmm::test {
namespace {

constexpr std::int64_t kKilledUs = std::int64_t{1'795'403'520} * 1'000'000 + 123'000;  // 2026-11-23T03:12:00.123Z

class IncidentPage : public BrowserTest {
 protected:
  void SetUp() override {
    BrowserTest::SetUp();
    if (IsSkipped()) return;
    for (const std::string& path : {kHostile, kLong, std::string("/web")}) cgroups().put(path, v1_files(kBelow));
    scan();
    SQLite::Database db(database(), SQLite::OPEN_READWRITE, 5000);
    db.exec("BEGIN; DELETE FROM sample; DELETE FROM scan; DELETE FROM reclaim; DELETE FROM cgroup_limit");
    db.exec("UPDATE cgroup SET first_seen_at_us = " + before(7200));
    add_scans(db);
    for (const std::string& table : {kReclaims, kLimits, kKills}) db.exec(table);
    db.exec("COMMIT");
  }

  static std::string before(std::int64_t seconds) { return std::to_string(kKilledUs - seconds * 1'000'000); }

  /// Every 10 s, and every second in the last two minutes; not in five minutes of the window.
  static void add_scans(SQLite::Database& db) {
    db.exec(
        "WITH RECURSIVE n(i) AS (SELECT 2400 UNION ALL SELECT i - 1 FROM n WHERE i > -300) "
        "INSERT INTO scan (scan_id, started_at_us, duration_us, cgroup_count, error_count, late_us, "
        "interval_us, is_partial) SELECT 3000 - i, " +
        before(0) +
        " - i * 1000000 - 500000, 1000, 3, 0, 0, 10000000, iif(i % 10, 1, NULL) FROM n "
        "WHERE (i % 10 = 0 OR i BETWEEN 0 AND 120) AND i NOT BETWEEN 900 AND 1200");
    db.exec(
        "INSERT INTO sample (scan_id, cgroup_id, usage_kib, anon_kib, file_kib, shmem_kib, kernel_kib) "
        "SELECT scan_id, cgroup_id, anon + 30720, anon, 20480, 10240, 10240 FROM (SELECT scan_id, CASE "
        "WHEN scan_id > 3000 THEN 4096 ELSE 40960 + max(scan_id - 2960, 0) * 4300 END AS anon FROM scan), "
        "cgroup");
  }

  inline static const std::string kHostile = "/a\n<script>alert(1)</script>\"'&\x1b[31m\xff\xe2\x80\xae";
  inline static const std::string kLong = "/" + std::string(255, 'w') + "/" + std::string(200, 'x');
  inline static const std::string kReclaims =
      "INSERT INTO reclaim (cgroup_id, started_at_us, duration_us, method, threshold_bytes, freed_bytes, "
      "outcome, file_before_bytes, error) SELECT cgroup_id, started_at_us + 1, 5000, 'force_empty', 40 << "
      "20, "
      "9 << 20, CASE scan_id % 300 WHEN 0 THEN 'failed' ELSE 'done' END, 400 << 20, '<b>refused</b>' "
      "FROM scan, cgroup WHERE scan_id % 100 = 0";
  inline static const std::string kLimits = "INSERT INTO cgroup_limit SELECT cgroup_id, " + before(7200) +
                                            ", 512 << 20, 512 << 20, NULL FROM cgroup "
                                            "UNION ALL SELECT cgroup_id, " +
                                            before(600) + ", 256 << 20, 256 << 20, NULL FROM cgroup";
  /// Of each cgroup four: two of them before the window's, one of them within it.
  inline static const std::string kKills =
      "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm, victim_pid, cause, "
      "measured_by, measured_at_us, limit_bytes, usage_bytes, anon_bytes, cache_bytes, shmem_bytes, "
      "limit_path, victim_path, process_count, grew_from_at_us, grew_from_bytes, grew_to_bytes) "
      "SELECT cgroup_id, at, 'kernel_log', 'cgroup', 'py<i>\" \x1b[1m', 4319, 'anon_growth', 'kernel_log', "
      "at, "
      "256 << 20, 256 << 20, 216 << 20, 10 << 20, 10 << 20, path, path, 3, at - 40500000, 70 << 20, 246 << "
      "20 "
      "FROM cgroup, (SELECT " +
      before(90'000) + " AS at UNION ALL SELECT " + before(86'400) + " UNION ALL SELECT " + before(1500) +
      " UNION ALL SELECT " + before(0) + ") ORDER BY at, cgroup_id";
};

TEST_F(IncidentPage, CanBeReadOnEveryScreen) {
  for (const std::int64_t id : {10, 11, 12}) {
    const std::filesystem::path page = page_of({"incident", "show", std::to_string(id)});
    EXPECT_LT(std::filesystem::file_size(page), std::size_t{300} * 1024);
    const Seen seen = expect_no_fault(page);
    EXPECT_TRUE(seen.title.starts_with("OOM kill " + std::to_string(id) + ": py<i>\" \\x1b[1m (pid 4319) and 2 "))
        << seen.title;
    EXPECT_EQ(seen.figure_count, 2);
    EXPECT_GE(seen.labels.size(), std::size_t{2 * (4 + 2)}) << "both axes";
    for (const char* const part :
         {"Killed at 2026-11-23T03:12:00.123Z", "and hit its limit of 256.0 MiB", "Memory up to the kill",
          "The last 2m", "limit change", "Earlier kills of the same workload"}) {
      EXPECT_NE(seen.text.find(part), std::string::npos) << part << " in\n" << seen.text;
    }
  }
}

TEST_F(IncidentPage, OfOneThatOnlyTheCounterToldCanBeReadOnEveryScreen) {
  {
    SQLite::Database db(database(), SQLite::OPEN_READWRITE, 5000);
    db.exec(
        "UPDATE oom_kill SET source = 'counter', victim_comm = NULL, victim_pid = NULL, cause = NULL, "
        "measured_by = NULL, measured_at_us = NULL, limit_path = NULL, grew_from_at_us = NULL");
  }
  expect_no_fault(page_of({"incident", "show", "latest"}));
}

TEST_F(IncidentPage, OfTheListCanBeReadOnEveryScreen) {
  const Seen seen = expect_no_fault(page_of({"incident", "list", "--since", "2026-11-01", "--until", "2026-12-01"}));
  EXPECT_EQ(seen.title, "OOM kills and stuck cgroups");
  EXPECT_NE(seen.text.find("anon growth"), std::string::npos) << seen.text;
  const Seen none = expect_no_fault(page_of({"incident", "list", "--since", "2020-01-01", "--until", "2021-01-01"}));
  EXPECT_NE(none.text.find("the latest of all was at 2026-11-23T03:12:00Z"), std::string::npos) << none.text;
}

}  // namespace
}  // namespace cgmm::test
