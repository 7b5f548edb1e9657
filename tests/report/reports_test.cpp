// SPDX-License-Identifier: Apache-2.0
// What reports/*.sql answer, on the schema as it is released. A small history: scans every 10 s from 1000 s
// on, one cgroup that is reclaimed and one with a hostile name.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/text.hpp"
#include "report/catalog.hpp"
#include "report/format/escape.hpp"
#include "report/format/render.hpp"
#include "report/weekly/sections.hpp"
#include "store/read/grouped.hpp"

namespace cgmm::report {
namespace {

using core::Cell;
using core::Table;

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr const char* kHostile = "/a\n\"b\",<script>\xff";

Cell cell_of(const SQLite::Column& column) {
  switch (column.getType()) {
    case SQLITE_INTEGER:
      return column.getInt64();
    case SQLITE_FLOAT:
      return column.getDouble();
    case SQLITE_NULL:
      return {};
    default:
      return column.getString();
  }
}

class Reports : public testing::Test {
 protected:
  Reports() {
    store::add_grouped(database_.getHandle());
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(CGMM_SOURCE_DIR "/schema")) {
      if (entry.path().extension() == ".sql") files.push_back(entry.path());
    }
    std::ranges::sort(files);
    for (const auto& one : files) {
      std::ifstream file(one);
      std::stringstream text;
      text << file.rdbuf();
      database_.exec(text.str());
    }
  }

  void exec(const std::string& sql) { database_.exec(sql); }

  void add_scan(std::int64_t at_s, std::int64_t late_us = 0) { add_scan_at(at_s * kSecondUs, 10 * kSecondUs, late_us); }

  void add_scan_at(std::int64_t at_us, std::int64_t interval_us, std::int64_t late_us = 0) {
    exec("INSERT INTO scan (started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us) VALUES (" +
         std::to_string(at_us) + ", 1000, 2, 0, " + std::to_string(late_us) + ", " + std::to_string(interval_us) + ")");
  }

  void add_scans(std::int64_t first_s, std::int64_t last_s) {
    for (std::int64_t at_s = first_s; at_s <= last_s; at_s += 10) add_scan(at_s);
  }

  void add_cgroups() {
    SQLite::Statement insert(database_,
                             "INSERT INTO cgroup (cgroup_id, path, inode, first_seen_at_us, last_seen_at_us) "
                             "VALUES (?, CAST(? AS TEXT), ?, 1000000000, 1000000000)");
    for (int id = 1; const char* path : {"/web", kHostile}) {
      insert.bind(1, id);
      insert.bind(2, path);
      insert.bind(3, id++);
      insert.exec();
      insert.reset();
    }
  }

  void add_reclaim(int cgroup_id, std::int64_t at_s, const std::string& outcome, std::int64_t freed_bytes,
                   const std::string& error = "NULL") {
    exec(
        "INSERT INTO reclaim (cgroup_id, started_at_us, duration_us, method, threshold_bytes, freed_bytes, "
        "outcome, error) "
        "VALUES (" +
        std::to_string(cgroup_id) + ", " + std::to_string(at_s * kSecondUs) + ", " + std::to_string(freed_bytes + 5) +
        ", 'force_empty', 1, " + std::to_string(freed_bytes) + ", '" + outcome + "', " + error + ")");
  }

  /// What a reclaim was, and what became of it. As the service writes it: NULL is "NULL".
  struct Judged {
    int cgroup_id = 1;
    std::int64_t at_s = 1010;
    std::int64_t freed_bytes = 100;
    std::string verdict = "effective";
    std::string refaulted_bytes = "0";
    std::string regrown_bytes = "0";
    std::int64_t held_byte_seconds = 0;
    std::string judged_by = "'refaults'";
    std::int64_t threshold_bytes = 1000;
    std::int64_t file_before_bytes = 2000;
  };
  void add(const Judged& one) {
    exec(
        "INSERT INTO reclaim (cgroup_id, started_at_us, method, threshold_bytes, freed_bytes, outcome, "
        "file_before_bytes, shmem_before_bytes, swap_before_bytes, swap_after_bytes) VALUES (" +
        std::to_string(one.cgroup_id) + ", " + std::to_string(one.at_s * kSecondUs) + ", 'force_empty', " +
        std::to_string(one.threshold_bytes) + ", " + std::to_string(one.freed_bytes) + ", 'done', " +
        std::to_string(one.file_before_bytes) + ", 500, 10, 17)");
    exec(
        "INSERT INTO reclaim_effect (reclaim_id, observed_for_us, refaulted_bytes, regrown_bytes, "
        "held_byte_seconds, verdict, judged_by, ended_by) SELECT max(reclaim_id), 60000000, " +
        one.refaulted_bytes + ", " + one.regrown_bytes + ", " + std::to_string(one.held_byte_seconds) + ", '" +
        one.verdict + "', " + one.judged_by + ", 'observe_for' FROM reclaim");
  }

  /// Something of everything, so that each report but `gaps` has a row.
  void fill() {
    add_scans(1000, 1090);
    add_cgroups();
    for (const std::string outcome : {"done", "failed", "dry_run"}) add_reclaim(2, 1010, outcome, 4096, "'no\x1b'");
    exec(
        "INSERT INTO sample (scan_id, cgroup_id, usage_kib, file_kib, shmem_kib, refault_file, pgmajfault, "
        "psi_some_us) "
        "SELECT scan_id, cgroup_id, 100, 50, 10, 1, 1, 1 FROM scan, cgroup");
    add({.cgroup_id = 2, .at_s = 1010, .verdict = "churn", .refaulted_bytes = "80"});
    exec(
        "INSERT INTO cooldown (cgroup_id, last_reclaim_at_us, until_us, strikes) SELECT cgroup_id, 1010000000, "
        "9000000000, 2 FROM cgroup");
    exec(
        "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm) VALUES "
        "(2, 1020000000, 'counter', 'cgroup', '<b>'), (NULL, 1030000000, 'kernel_log', 'node', NULL)");
    exec(
        "INSERT INTO cgroup_limit VALUES (1, 1000000000, 61440, 61440, NULL), (2, 1000000000, NULL, 900, NULL), "
        "(2, 1050000000, 800, 800, NULL)");
    exec("INSERT INTO service_event (at_us, kind, detail) VALUES (1000000000, 'start', 'x')");
    exec("UPDATE sample SET usage_kib = 200 WHERE scan_id = (SELECT max(scan_id) FROM scan)");
    exec("UPDATE cgroup SET kind = 'pod' WHERE cgroup_id = 2");
  }

  Table run(const std::string& name, std::int64_t since_s = 1000, std::int64_t until_s = 1100,
            const std::string& glob = "*") {
    const auto report = find_report({}, name);
    if (!report) throw std::invalid_argument(name);
    SQLite::Statement query(database_, report->sql);
    const auto has = [&](const char* parameter) { return report->sql.find(parameter) != std::string::npos; };
    if (has(":since_us")) query.bind(":since_us", since_s * kSecondUs);
    if (has(":until_us")) query.bind(":until_us", until_s * kSecondUs);
    if (has(":cgroup_glob")) query.bind(":cgroup_glob", glob);
    Table table{.title = report->title, .columns = {}, .rows = {}};
    table.most_important = report->most_important;
    for (int i = 0; i < query.getColumnCount(); ++i) table.columns.emplace_back(query.getColumnName(i));
    while (query.executeStep()) {
      auto& row = table.rows.emplace_back();
      for (int i = 0; i < query.getColumnCount(); ++i) row.push_back(cell_of(query.getColumn(i)));
    }
    return table;
  }

  static Cell at(const Table& table, const std::string& column, std::size_t row = 0) {
    const auto found = std::ranges::find(table.columns, column);
    EXPECT_NE(found, table.columns.end()) << column;
    return table.rows.at(row).at(static_cast<std::size_t>(found - table.columns.begin()));
  }

  static std::int64_t number(const Table& table, const std::string& column, std::size_t row = 0) {
    return std::get<std::int64_t>(at(table, column, row));
  }

  static std::string text(const Table& table, const std::string& column, std::size_t row = 0) {
    return std::get<std::string>(at(table, column, row));
  }

 private:
  SQLite::Database database_{":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE};
};

TEST_F(Reports, RunOnAnEmptyHistory) {
  for (const Report& report : list_reports({}, nullptr)) {
    const Table table = run(report.name);
    EXPECT_LE(table.rows.size(), 1u) << report.name;
    EXPECT_FALSE(table.columns.empty()) << report.name;
  }
  EXPECT_EQ(number(run("summary"), "scans"), 0);
  EXPECT_EQ(at(run("summary"), "covered_pct"), Cell{});
}

TEST_F(Reports, AreAllValidInEveryFormatWithAHostileName) {
  fill();
  for (const Report& report : list_reports({}, nullptr)) {
    const Table table = run(report.name);
    const bool is_empty = report.name == "gaps" || report.name == "restarts" || report.name == "stuck_by_workload";
    EXPECT_EQ(table.rows.empty(), is_empty) << report.name;
    for (const Format format : {Format::text, Format::markdown, Format::html, Format::csv, Format::json}) {
      EXPECT_TRUE(base::is_valid_utf8(render(table, format, {}))) << report.name;
    }
    EXPECT_LE(run(report.name, 5000, 5000).rows.size(), 2u) << report.name;
  }
}

TEST_F(Reports, AllFitEveryTerminalWithLongNames) {
  fill();
  const std::string deep = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1f0c2a3b_7d5e_4c1f.slice/" +
                           std::string(64, 'c') + ".scope";
  exec("UPDATE cgroup SET path = '" + deep + "' WHERE cgroup_id = 1");
  exec("UPDATE cgroup SET path = '/" + std::string(150, 'x') + " " + std::string(30, 'y') + "' WHERE cgroup_id = 2");
  for (const Report& report : list_reports({}, nullptr)) {
    const Table table = run(report.name);
    for (const std::size_t width : {40U, 41U, 80U, 120U, 200U}) {
      std::istringstream lines(render(table, Format::text, {.width = width, .fits = true}));
      for (std::string line; std::getline(lines, line);)
        EXPECT_LE(display_width(line), width) << report.name << "\n" << line;
    }
  }
}

TEST_F(Reports, NameColumnsThatTheyHaveWhereTheySayWhichAreImportant) {
  for (const Report& report : list_reports({}, nullptr)) {
    const Table table = run(report.name);
    for (const std::string& column : report.most_important) {
      EXPECT_EQ(std::ranges::count(table.columns, column), 1) << report.name << ": " << column;
    }
  }
}

TEST_F(Reports, SummaryCountsWhatWasAskedFor) {
  add_scans(1000, 1090);
  add_cgroups();
  add_reclaim(1, 1010, "done", 4096);
  add_reclaim(1, 1020, "failed", 0, "'busy'");
  add_reclaim(1, 1030, "dry_run", 1 << 20);
  add_reclaim(1, 1100, "done", 1 << 20);  // the end is not part of it
  const Table all = run("summary");
  EXPECT_EQ(number(all, "scans"), 10);
  EXPECT_EQ(number(all, "samples"), 20);
  EXPECT_EQ(number(all, "cgroups"), 2);
  EXPECT_EQ(number(all, "reclaims"), 2);
  EXPECT_EQ(number(all, "freed_bytes"), 4096);
  EXPECT_EQ(number(all, "cgroups_relieved"), 1);
  EXPECT_EQ(number(all, "failed_reclaims"), 1);
  EXPECT_EQ(number(all, "dry_runs"), 1);
  EXPECT_EQ(number(all, "interval_us"), 10 * kSecondUs);
  EXPECT_EQ(at(all, "covered_pct"), Cell{100.0});
  const Table other = run("summary", 1000, 1100, "/a*");
  EXPECT_EQ(number(other, "cgroups"), 1);
  EXPECT_EQ(number(other, "reclaims"), 0);
}

TEST_F(Reports, SummaryCountsACgroupOnlyWhereItLived) {
  add_scans(1000, 1200);
  add_cgroups();
  exec("UPDATE cgroup SET vanished_at_us = 1050000000, last_seen_at_us = 1040000000 WHERE cgroup_id = 2");
  EXPECT_EQ(number(run("summary", 1000, 1100), "cgroups"), 2);
  EXPECT_EQ(number(run("summary", 1100, 1200), "cgroups"), 1);
  EXPECT_EQ(number(run("summary", 900, 1000), "cgroups"), 0);
}

TEST_F(Reports, CoverageKnowsAGapFromAWait) {
  add_scans(1000, 1020);
  add_scan(1040);  // two intervals: not yet a gap
  add_scan(1080, 30 * kSecondUs);
  add_scan(1090);
  const Table coverage = run("coverage");
  EXPECT_EQ(number(coverage, "gaps"), 1);
  EXPECT_EQ(number(coverage, "missed_us"), 30 * kSecondUs);
  EXPECT_EQ(number(coverage, "longest_gap_us"), 40 * kSecondUs);
  EXPECT_EQ(number(coverage, "late_scans"), 1);
  EXPECT_EQ(at(coverage, "covered_pct"), Cell{70.0});
  const Table of_summary = coverage_of(run("summary"));
  EXPECT_EQ(of_summary.columns, coverage.columns);
  EXPECT_EQ(of_summary.rows, coverage.rows);
  const Table gaps = run("gaps");
  ASSERT_EQ(gaps.rows.size(), 1u);
  EXPECT_EQ(number(gaps, "from_at_us"), 1040 * kSecondUs);
  EXPECT_EQ(number(gaps, "to_at_us"), 1080 * kSecondUs);
  EXPECT_TRUE(text(gaps, "why").starts_with("the scan was late")) << text(gaps, "why");
}

TEST_F(Reports, CoverageCutsAGapAtTheEdges) {
  add_scans(1000, 1050);
  add_scans(1150, 1200);
  EXPECT_EQ(number(run("coverage", 1060, 1160), "missed_us"), 90 * kSecondUs);
  EXPECT_EQ(at(run("coverage", 1100, 1120), "covered_pct"), Cell{0.0});
  EXPECT_EQ(number(run("coverage", 1000, 1060), "gaps"), 0);
  EXPECT_EQ(number(run("coverage", 1150, 1200), "gaps"), 0);
  EXPECT_EQ(at(run("coverage", 0, 1060), "covered_pct"), Cell{100.0}) << "before the history nothing was missed";
}

TEST_F(Reports, TheIntervalOfTodayDoesNotRewriteThePast) {
  for (int i = 0; i < 5; ++i) add_scan_at((1000 + 2 * i) * kSecondUs, 2 * kSecondUs);
  for (int i = 0; i < 20; ++i) add_scan_at(1010 * kSecondUs + i * kSecondUs / 2, kSecondUs / 2);
  exec("INSERT INTO node VALUES ('interval_us', 500000)");
  for (const std::string name : {"coverage", "summary"}) {
    const Table table = run(name, 1000, 1020);
    EXPECT_EQ(at(table, "covered_pct"), Cell{100.0}) << name;
    EXPECT_EQ(number(table, "gaps"), 0) << name;
    EXPECT_EQ(number(table, "interval_us"), kSecondUs / 2) << name;
  }
  EXPECT_TRUE(run("gaps", 1000, 1020).rows.empty());
  EXPECT_EQ(number(run("coverage", 1000, 1030), "missed_us"), 10 * kSecondUs) << "due at 1020 s, none until 1030 s";
}

TEST_F(Reports, ALongerIntervalIsNoGapWhereItBegins) {
  for (int i = 0; i < 4; ++i) add_scan_at(1000 * kSecondUs + i * kSecondUs / 2, kSecondUs / 2);
  add_scan_at(1012 * kSecondUs, 10 * kSecondUs);  // the configuration was read again just after 1001.5 s
  EXPECT_EQ(number(run("coverage", 1000, 1020), "gaps"), 0);
  EXPECT_EQ(at(run("coverage", 1000, 1020), "covered_pct"), Cell{100.0});
}

TEST_F(Reports, AnOpenGapIsJudgedByTheIntervalOfTheLatestScan) {
  add_scan_at(1000 * kSecondUs, 2 * kSecondUs);
  exec("INSERT INTO node VALUES ('interval_us', 60000000)");  // started again, no scan yet
  EXPECT_EQ(number(run("coverage", 1000, 1004), "gaps"), 0);
  EXPECT_EQ(number(run("coverage", 1000, 1020), "missed_us"), 18 * kSecondUs);
  EXPECT_EQ(number(run("gaps", 1000, 1020), "missing_us"), 18 * kSecondUs);
  EXPECT_EQ(number(run("status"), "interval_us"), 2 * kSecondUs);
}

TEST_F(Reports, StatusTakesTheIntervalFromTheNodeBeforeTheFirstScan) {
  exec("INSERT INTO node VALUES ('interval_us', 60000000)");
  EXPECT_EQ(number(run("status"), "interval_us"), 60 * kSecondUs);
}

TEST_F(Reports, GapsTellWhy) {
  for (const std::int64_t at_s : {1000, 1100, 1200, 1300, 1400}) add_scan(at_s);
  exec(
      "INSERT INTO service_event (at_us, kind, detail) VALUES (1005000000, 'stop', NULL), (1095000000, "
      "'start', NULL), "
      "(1195000000, 'start', NULL), (1195000000, 'crash_found', NULL), (1250000000, 'gap', 'the disk "
      "stalled')");
  const Table gaps = run("gaps", 1000, 1500);
  ASSERT_EQ(gaps.rows.size(), 5u);
  EXPECT_EQ(text(gaps, "why", 0), "the service was stopped");
  EXPECT_EQ(text(gaps, "why", 1), "the service had crashed");
  EXPECT_EQ(text(gaps, "why", 2), "samples were dropped: the disk stalled");
  EXPECT_EQ(text(gaps, "why", 3), "not known");
  EXPECT_EQ(text(gaps, "why", 4), "no scan since");
}

TEST_F(Reports, ReclaimsNeverCountADryRunAsFreed) {
  add_cgroups();
  add_reclaim(1, 1010, "done", 100);
  add_reclaim(1, 1020, "done", 300);
  add_reclaim(2, 1030, "dry_run", 1 << 30);
  exec("UPDATE reclaim SET requested_bytes = 12 << 20");
  const Table reclaims = run("reclaims");
  ASSERT_EQ(reclaims.rows.size(), 2u);
  EXPECT_EQ(at(reclaims, "would_take_bytes", 0), Cell{});
  EXPECT_EQ(number(reclaims, "would_take_bytes", 1), 12 << 20);
  EXPECT_EQ(number(reclaims, "freed_bytes", 0), 400);
  EXPECT_EQ(number(reclaims, "average_duration_us", 0), 205);
  EXPECT_EQ(at(reclaims, "freed_bytes", 1), Cell{});
  const Table freed = run("freed_by_cgroup");
  ASSERT_EQ(freed.rows.size(), 1u);
  EXPECT_EQ(text(freed, "cgroup"), "/web");
  EXPECT_EQ(number(freed, "freed_bytes"), 400);
  EXPECT_EQ(number(run("slowest"), "duration_us"), 305);
}

TEST_F(Reports, LastReclaimsTellWhyEachEndedAndWhatBecameOfIt) {
  add_cgroups();
  add({.at_s = 1010, .freed_bytes = 100, .verdict = "churn", .refaulted_bytes = "190"});
  add_reclaim(1, 1020, "partial", 45);
  add_reclaim(2, 1030, "dry_run", 1 << 30);
  add_reclaim(1, 1040, "interrupted", 5);
  exec("UPDATE reclaim SET stopped_by = 'nothing_left', psi_some_us = 10 WHERE outcome = 'partial'");
  exec(
      "INSERT INTO reclaim_effect (reclaim_id, observed_for_us, refaulted_bytes, verdict) VALUES (2, 7, 1, 'unknown')");
  exec("UPDATE reclaim SET requested_bytes = 12 << 20");
  const Table last = run("last_reclaims");
  ASSERT_EQ(last.rows.size(), 4u);
  EXPECT_EQ(at(last, "would_take_bytes", 0), Cell{});
  EXPECT_EQ(number(last, "would_take_bytes", 1), 12 << 20);
  EXPECT_EQ(text(last, "outcome", 0), "interrupted");
  EXPECT_EQ(at(last, "verdict", 0), Cell{});
  EXPECT_EQ(text(last, "outcome", 1), "dry run");
  EXPECT_EQ(at(last, "freed_bytes", 1), Cell{});
  EXPECT_EQ(text(last, "outcome", 2), "partial (nothing left)");
  EXPECT_EQ(at(last, "stalled_pct", 2), Cell{20.0});
  EXPECT_EQ(text(last, "verdict", 2), "unknown so far");
  EXPECT_EQ(text(last, "outcome", 3), "done");
  EXPECT_EQ(text(last, "verdict", 3), "churn");
  EXPECT_EQ(number(last, "refaulted_bytes", 3), 100) << "no more than what was freed";
}

TEST_F(Reports, AllReclaimsAreInOrderOfTime) {
  add_cgroups();
  add({.at_s = 1020, .freed_bytes = 100, .verdict = "churn"});
  add_reclaim(2, 1010, "dry_run", 1 << 30);
  exec("UPDATE reclaim SET requested_bytes = 12 << 20");
  const Table all = run("all_reclaims");
  ASSERT_EQ(all.rows.size(), 2u);
  EXPECT_EQ(number(all, "would_take_bytes", 0), 12 << 20);
  EXPECT_EQ(at(all, "would_take_bytes", 1), Cell{});
  EXPECT_EQ(text(all, "outcome", 0), "dry run");
  EXPECT_EQ(at(all, "freed_bytes", 0), Cell{});
  EXPECT_EQ(at(all, "verdict", 0), Cell{});
  EXPECT_EQ(number(all, "freed_bytes", 1), 100);
  EXPECT_EQ(text(all, "verdict", 1), "churn");
  EXPECT_EQ(text(all, "path", 1), "/web");
  EXPECT_EQ(run("all_reclaims", 1015, 1100, "/web").rows.size(), 1u);
}

TEST_F(Reports, ReclaimsByHourAddUp) {
  add_cgroups();
  add({.at_s = 3599, .freed_bytes = 100, .refaulted_bytes = "190"});
  add({.at_s = 3600, .freed_bytes = 200, .refaulted_bytes = "20"});
  add_reclaim(2, 7199, "done", 7);
  add_reclaim(2, 7199, "dry_run", 1 << 30);
  add_reclaim(2, 7200, "done", 1);
  const Table by_hour = run("reclaims_by_hour", 1000, 7200);
  ASSERT_EQ(by_hour.rows.size(), 2u);
  EXPECT_EQ(number(by_hour, "at_us", 0), 0);
  EXPECT_EQ(number(by_hour, "freed_bytes", 0), 100);
  EXPECT_EQ(number(by_hour, "refaulted_bytes", 0), 100) << "no more than what was freed";
  EXPECT_EQ(number(by_hour, "at_us", 1), 3600 * kSecondUs);
  EXPECT_EQ(number(by_hour, "reclaims", 1), 2);
  EXPECT_EQ(number(by_hour, "freed_bytes", 1), 207);
  EXPECT_EQ(number(by_hour, "refaulted_bytes", 1), 20) << "of what nobody watched it is not known";
  EXPECT_EQ(number(run("reclaims_by_hour", 1000, 7200, "/web"), "freed_bytes", 1), 200);
}

/// Of four reclaims of 100 bytes, it can be told of one what was read back.
TEST_F(Reports, WhatWasReadBackIsToldByOneRuleEverywhere) {
  add_scans(1000, 1090);
  add_cgroups();
  add({.cgroup_id = 2, .refaulted_bytes = "25", .regrown_bytes = "40"});
  add({.cgroup_id = 2, .verdict = "unknown", .refaulted_bytes = "30", .regrown_bytes = "10", .judged_by = "NULL"});
  add({.verdict = "unknown", .refaulted_bytes = "90", .regrown_bytes = "60", .judged_by = "'regrowth'"});
  add({.verdict = "futile", .refaulted_bytes = "9", .regrown_bytes = "NULL", .judged_by = "'amount'"});
  exec("INSERT INTO cooldown (cgroup_id, last_reclaim_at_us, until_us, strikes) VALUES (1, 1040000000, 1160000000, 2)");
  const std::int64_t stayed = 60 + 90 + 40;
  const Table summary = run("summary"), by_hour = run("reclaims_by_hour"), effects = run("effects");
  EXPECT_EQ(number(summary, "refaulted_bytes"), 25);
  EXPECT_EQ(number(summary, "watched_freed_bytes"), 100);
  EXPECT_EQ(number(summary, "stayed_free_bytes"), stayed);
  ASSERT_EQ(by_hour.rows.size(), 1u);
  EXPECT_EQ(number(by_hour, "refaulted_bytes"), 25);
  EXPECT_EQ(number(by_hour, "stayed_free_bytes"), stayed);
  ASSERT_EQ(effects.rows.size(), 2u);
  EXPECT_EQ(text(effects, "path"), "/web") << "the futile one is first";
  EXPECT_EQ(at(effects, "refaulted_bytes"), Cell{});
  EXPECT_EQ(number(effects, "stayed_free_bytes"), 40);
  EXPECT_EQ(number(effects, "refaulted_bytes", 1), 25);
  EXPECT_EQ(number(effects, "stayed_free_bytes", 1), 150);
  const Table backed_off = run("backed_off");
  ASSERT_EQ(backed_off.rows.size(), 1u);
  EXPECT_EQ(at(backed_off, "refaulted_bytes"), Cell{});
  const Table evidence = run("evidence");
  ASSERT_EQ(evidence.rows.size(), 2u);
  EXPECT_EQ(at(evidence, "refaulted_bytes"), Cell{});
  EXPECT_EQ(number(evidence, "regrown"), 1);
  EXPECT_EQ(number(evidence, "refaulted_bytes", 1), 25);
  const Table last = run("last_reclaims");
  EXPECT_EQ(at(last, "refaulted_bytes", 0), Cell{});
  EXPECT_EQ(at(last, "refaulted_bytes", 1), Cell{});
  EXPECT_EQ(at(last, "refaulted_bytes", 2), Cell{});
  EXPECT_EQ(number(last, "refaulted_bytes", 3), 25);
  EXPECT_EQ(at(run("reclaims_by_hour", 1000, 1100, "/web"), "refaulted_bytes"), Cell{}) << "not known is not 0";
}

TEST_F(Reports, FailuresAreInWordsAndCounted) {
  add_cgroups();
  add_reclaim(1, 1010, "failed", 0, "'Device or resource busy'");
  add_reclaim(1, 1020, "failed", 0, "'Device or resource busy'");
  add_reclaim(2, 1030, "interrupted", 0);
  const Table failures = run("failures");
  ASSERT_EQ(failures.rows.size(), 2u);
  EXPECT_EQ(text(failures, "error", 0), "Device or resource busy");
  EXPECT_EQ(number(failures, "failures", 0), 2);
  EXPECT_EQ(number(failures, "last_at_us", 0), 1020 * kSecondUs);
  EXPECT_EQ(text(failures, "error", 1), "the service stopped or crashed meanwhile");
}

TEST_F(Reports, CooldownsTellWhatIsLeft) {
  add_cgroups();
  exec(
      "INSERT INTO cooldown (cgroup_id, last_reclaim_at_us, until_us, strikes) VALUES (1, 1050000000, 1130000000, 0), "
      "(2, 1050000000, 1060000000, 3)");
  const Table cooldowns = run("cooldowns");
  ASSERT_EQ(cooldowns.rows.size(), 2u);
  EXPECT_EQ(number(cooldowns, "remaining_us", 0), 30 * kSecondUs);
  EXPECT_EQ(number(cooldowns, "remaining_us", 1), 0);
  EXPECT_EQ(text(cooldowns, "cgroup", 1), kHostile);
  EXPECT_EQ(run("cooldowns", 1000, 1200).rows.size(), 1u) << "without strikes it is over";
}

TEST_F(Reports, EffectsAddUpByPath) {
  add_cgroups();
  exec(
      "INSERT INTO cgroup (cgroup_id, path, inode, first_seen_at_us, last_seen_at_us) VALUES (3, '/web', 9, "
      "1, "
      "1)");
  add({.at_s = 1010, .freed_bytes = 100, .refaulted_bytes = "10", .held_byte_seconds = 500});
  add({.cgroup_id = 3, .at_s = 1020, .freed_bytes = 200, .verdict = "churn", .refaulted_bytes = "900"});
  add({.at_s = 1030, .freed_bytes = 7, .verdict = "futile", .refaulted_bytes = "NULL", .judged_by = "'amount'"});
  add({.at_s = 1040, .freed_bytes = 50, .verdict = "unknown", .refaulted_bytes = "20", .judged_by = "NULL"});
  add({.at_s = 1050, .freed_bytes = 0, .verdict = "failed", .refaulted_bytes = "NULL", .judged_by = "NULL"});
  add_reclaim(1, 1060, "done", 1000);  // nobody watched
  add_reclaim(1, 1070, "dry_run", 1 << 20);
  add({.at_s = 1100, .freed_bytes = 1 << 20});  // the end is not part of it
  add({.cgroup_id = 2, .at_s = 1010, .freed_bytes = 1 << 20});
  const Table effects = run("effects");
  ASSERT_EQ(effects.rows.size(), 2u);
  EXPECT_EQ(text(effects, "workload"), "/web");
  EXPECT_EQ(text(effects, "path"), "/web");
  EXPECT_EQ(number(effects, "reclaims"), 6);
  EXPECT_EQ(number(effects, "watched"), 2);
  for (const std::string verdict : {"effective", "churn", "futile", "failed", "unknown"}) {
    EXPECT_EQ(number(effects, verdict), 1) << verdict;
  }
  EXPECT_EQ(number(effects, "freed_bytes"), 1357);
  EXPECT_EQ(number(effects, "refaulted_bytes"), 10 + 200) << "no more than what was freed";
  EXPECT_EQ(at(effects, "refaulted_pct"), Cell{70.0});
  EXPECT_EQ(number(effects, "held_byte_seconds"), 500);
  EXPECT_EQ(number(effects, "swapped_out_bytes"), 5 * 7) << "of five it is known";
  EXPECT_EQ(text(effects, "path", 1), kHostile) << "those that did not help come first";
}

TEST_F(Reports, EffectsOfReclaimsThatNobodyWatchedAreNotKnown) {
  add_cgroups();
  add_reclaim(1, 1010, "done", 100);
  const Table effects = run("effects");
  EXPECT_EQ(number(effects, "reclaims"), 1);
  EXPECT_EQ(number(effects, "watched"), 0);
  for (const std::string column : {"refaulted_bytes", "refaulted_pct", "held_byte_seconds", "swapped_out_bytes"}) {
    EXPECT_EQ(at(effects, column), Cell{}) << column;
  }
  EXPECT_TRUE(run("evidence").rows.empty());
}

TEST_F(Reports, SummaryIsTheSumOfTheEffects) {
  add_scans(1000, 1090);
  add_cgroups();
  add({.at_s = 1010, .freed_bytes = 100, .refaulted_bytes = "10", .held_byte_seconds = 500});
  add({.cgroup_id = 2, .at_s = 1020, .freed_bytes = 300, .verdict = "churn", .refaulted_bytes = "900"});
  add({.at_s = 1030, .freed_bytes = 7, .verdict = "futile", .refaulted_bytes = "NULL", .judged_by = "'amount'"});
  add_reclaim(1, 1060, "done", 1000);
  add_reclaim(1, 1070, "dry_run", 1 << 20);
  const Table summary = run("summary");
  EXPECT_EQ(summary.columns.at(15), "oom_kills") << "what is new comes last";
  EXPECT_EQ(number(summary, "reclaims"), 4);
  EXPECT_EQ(number(summary, "freed_bytes"), 1407);
  EXPECT_EQ(number(summary, "watched_reclaims"), 2);
  EXPECT_EQ(number(summary, "watched_freed_bytes"), 400);
  EXPECT_EQ(number(summary, "refaulted_bytes"), 310);
  EXPECT_EQ(at(summary, "refaulted_pct"), Cell{77.5});
  EXPECT_EQ(number(summary, "held_byte_seconds"), 500);
  EXPECT_EQ(number(summary, "effective_reclaims"), 1);
  EXPECT_EQ(number(summary, "churn_reclaims"), 1);
  EXPECT_EQ(number(summary, "futile_reclaims"), 1);
  EXPECT_EQ(number(summary, "unknown_reclaims"), 0);
  EXPECT_EQ(number(summary, "regrowth_reclaims"), 0);
  const Table effects = run("effects");
  for (const std::string column : {"freed_bytes", "refaulted_bytes", "held_byte_seconds"}) {
    EXPECT_EQ(number(effects, column, 0) + number(effects, column, 1), number(summary, column)) << column;
  }
  EXPECT_EQ(number(run("summary", 1000, 1100, "/a*"), "refaulted_bytes"), 300);
}

TEST_F(Reports, SummaryTellsRegrowthFromWhatWasReadBack) {
  add_scans(1000, 1090);
  add_cgroups();
  const std::string by_regrowth = "'regrowth'";
  add({.freed_bytes = 100,
       .verdict = "unknown",
       .refaulted_bytes = "NULL",
       .regrown_bytes = "30",
       .held_byte_seconds = 70,
       .judged_by = by_regrowth});
  add({.freed_bytes = 200,
       .verdict = "unknown",
       .refaulted_bytes = "NULL",
       .regrown_bytes = "999",
       .judged_by = by_regrowth});
  add({.freed_bytes = 400,
       .verdict = "unknown",
       .refaulted_bytes = "NULL",
       .held_byte_seconds = 1000,
       .judged_by = "NULL"});  // too short
  const Table summary = run("summary");
  EXPECT_EQ(number(summary, "watched_reclaims"), 0);
  EXPECT_EQ(at(summary, "refaulted_pct"), Cell{});
  EXPECT_EQ(number(summary, "regrowth_reclaims"), 2);
  EXPECT_EQ(number(summary, "regrowth_freed_bytes"), 300);
  EXPECT_EQ(number(summary, "regrown_bytes"), 230);
  EXPECT_EQ(number(summary, "held_byte_seconds"), 1070) << "also of those that were observed for too short a time";
  EXPECT_EQ(number(summary, "observed_reclaims"), 3);
  EXPECT_EQ(number(summary, "observed_freed_bytes"), 700);
  EXPECT_EQ(number(summary, "stayed_free_bytes"), 70 + 0 + 400) << "never less than nothing";
  exec("UPDATE reclaim_effect SET regrown_bytes = NULL WHERE reclaim_id = 3");
  EXPECT_EQ(number(run("summary"), "observed_freed_bytes"), 300) << "it is not known";
  EXPECT_EQ(number(summary, "too_short_reclaims"), 1);
  EXPECT_EQ(number(summary, "too_short_freed_bytes"), 400);
  EXPECT_EQ(summary.columns.at(37), "stayed_free_bytes") << "what is new comes last";
}

TEST_F(Reports, SummaryKnowsForHowLongReclaimsWereObserved) {
  add_scans(1000, 1090);
  add_cgroups();
  EXPECT_EQ(at(run("summary"), "observed_most_us"), Cell()) << "none was";
  add({});
  add({.at_s = 1020});
  exec("UPDATE reclaim_effect SET observed_for_us = 8000000 WHERE reclaim_id = 1");
  EXPECT_EQ(number(run("summary"), "observed_least_us"), 8 * kSecondUs);
  EXPECT_EQ(number(run("summary"), "observed_most_us"), 60 * kSecondUs);
}

TEST_F(Reports, EvidenceIsWhatWasJudgedAtTheThresholdInForce) {
  add_cgroups();
  exec(
      "INSERT INTO cgroup (cgroup_id, path, inode, first_seen_at_us, last_seen_at_us) VALUES (3, '/web', 9, "
      "1, "
      "1)");
  exec(
      "INSERT INTO cgroup_limit VALUES (1, 1, NULL, 5000, NULL), (3, 1, NULL, 6000, NULL), (3, 2, NULL, "
      "7000, NULL)");
  add({.at_s = 1010, .threshold_bytes = 4000, .file_before_bytes = 9000});  // of before
  add({.at_s = 1020, .freed_bytes = 100, .refaulted_bytes = "10", .file_before_bytes = 8000});
  add({.at_s = 1030, .freed_bytes = 200, .verdict = "churn", .refaulted_bytes = "150", .file_before_bytes = 2500});
  add({.at_s = 1040,
       .freed_bytes = 5,
       .verdict = "futile",
       .refaulted_bytes = "NULL",
       .judged_by = "'amount'",
       .file_before_bytes = 3000});
  add({.at_s = 1050, .verdict = "unknown", .judged_by = "NULL", .file_before_bytes = 7000});
  add({.at_s = 1060, .verdict = "effective", .refaulted_bytes = "NULL"});  // nobody can tell by what
  for (const char* const regrown : {"50", "49"}) {
    add({.at_s = 1060,
         .verdict = "unknown",
         .refaulted_bytes = "3",
         .regrown_bytes = regrown,
         .judged_by = "'regrowth'",
         .file_before_bytes = 8500});
  }
  add_reclaim(3, 1070, "done", 1000);
  exec("UPDATE reclaim SET threshold_bytes = 1000, file_before_bytes = 6000 WHERE freed_bytes = 1000");
  add_reclaim(3, 1080, "dry_run", 77);  // at a threshold of its own
  const Table evidence = run("evidence");
  ASSERT_EQ(evidence.rows.size(), 1u);
  EXPECT_EQ(text(evidence, "path"), "/web");
  EXPECT_EQ(number(evidence, "effective"), 1);
  EXPECT_EQ(number(evidence, "churn"), 1);
  EXPECT_EQ(number(evidence, "futile"), 1);
  EXPECT_EQ(number(evidence, "regrown"), 1) << "what the kernel has forgotten was read back or is new";
  EXPECT_EQ(number(evidence, "freed_bytes"), 300);
  EXPECT_EQ(number(evidence, "refaulted_bytes"), 160);
  EXPECT_EQ(number(evidence, "cache_wanted_bytes"), 9000 - 500) << "the most, whatever the threshold was";
  EXPECT_EQ(number(evidence, "threshold_bytes"), 1000);
  EXPECT_EQ(number(evidence, "effective_limit_bytes"), 7000);
  EXPECT_EQ(number(evidence, "window_us"), 90 * kSecondUs) << "from the first reclaim on record";
  EXPECT_EQ(number(run("evidence", 1015), "window_us"), 85 * kSecondUs) << "the window is all on record";
}

TEST_F(Reports, EvidenceTellsTheMostCacheInTheWindowAndTheTimeThatScansCover) {
  add_cgroups();
  add_scans(1000, 1030);
  add_scans(1080, 1090);
  add({.at_s = 1010, .freed_bytes = 200, .verdict = "churn", .refaulted_bytes = "150", .file_before_bytes = 2500});
  EXPECT_EQ(number(run("evidence"), "cache_wanted_bytes"), 2000);
  EXPECT_EQ(number(run("evidence"), "window_us"), 60 * kSecondUs) << "100 s, and nothing is known of 1040 to 1080";
  exec(
      "INSERT INTO sample (scan_id, cgroup_id, file_kib, shmem_kib) SELECT scan_id, 1, 4000 + scan_id, 1000 FROM scan "
      "WHERE started_at_us <= 1080000000");
  EXPECT_EQ(number(run("evidence"), "cache_wanted_bytes"), 1024 * (3000 + 5)) << "the cache after the reclaim";
  exec("UPDATE reclaim_effect SET verdict = 'effective'");
  EXPECT_EQ(at(run("evidence"), "cache_wanted_bytes"), Cell()) << "each reclaim helped";
}

TEST_F(Reports, EvidenceTakesTheMostCacheFromHoursWhereTheyAnswer) {
  constexpr std::int64_t kHour_s = 3600;
  add_cgroups();
  add_scans(kHour_s, kHour_s + 10);
  add({.at_s = kHour_s + 5, .verdict = "churn", .refaulted_bytes = "150", .file_before_bytes = 2500});
  exec("INSERT INTO rolled_up SELECT max(scan_id) FROM scan");
  exec(
      "INSERT INTO sample_hour (hour_at_us, cgroup_id, sample_count, file_max_kib, shmem_avg_kib, shmem_max_kib) "
      "VALUES "
      "(3600000000, 1, 2, 5000, 1000, 1000)");
  EXPECT_EQ(number(run("evidence", kHour_s, 2 * kHour_s), "cache_wanted_bytes"), 1024 * 4000);
  exec("UPDATE sample_hour SET shmem_avg_kib = 999");
  EXPECT_EQ(number(run("evidence", kHour_s, 2 * kHour_s), "cache_wanted_bytes"), 1024 * 5000)
      << "at most: how much of it was shared memory is not known";
}

TEST_F(Reports, EvidenceIsNotOfAContainerThatIsGone) {
  add_cgroups();
  add({.cgroup_id = 1});
  add({.cgroup_id = 2});
  exec("UPDATE cgroup SET vanished_at_us = 1050000000");
  EXPECT_EQ(run("evidence").rows.size(), 2u) << "a unit may be started again under its path";
  exec("UPDATE cgroup SET container_id = 'abc' WHERE cgroup_id = 2");
  EXPECT_EQ(run("evidence").rows.size(), 1u);
}

TEST_F(Reports, BackedOffTellsWhy) {
  add_cgroups();
  add({.at_s = 1010, .freed_bytes = 300, .verdict = "churn", .refaulted_bytes = "350", .file_before_bytes = 1500});
  add({.at_s = 1040, .verdict = "unknown", .judged_by = "NULL"});  // under way
  exec(
      "INSERT INTO cooldown (cgroup_id, last_reclaim_at_us, until_us, strikes) VALUES (1, 1040000000, 1160000000, 2), "
      "(2, 1050000000, 1350000000, 0)");
  const Table backed_off = run("backed_off");
  ASSERT_EQ(backed_off.rows.size(), 1u) << "without strikes it is only a cooldown";
  EXPECT_EQ(text(backed_off, "cgroup"), "/web");
  EXPECT_EQ(number(backed_off, "strikes"), 2);
  EXPECT_EQ(number(backed_off, "cooldown_us"), 120 * kSecondUs);
  EXPECT_EQ(number(backed_off, "remaining_us"), 60 * kSecondUs);
  EXPECT_EQ(text(backed_off, "verdict"), "churn");
  EXPECT_EQ(number(backed_off, "asked_bytes"), 1000) << "all there is, where no amount was asked for";
  EXPECT_EQ(number(backed_off, "freed_bytes"), 300);
  EXPECT_EQ(number(backed_off, "refaulted_bytes"), 300) << "no more than what was freed";
  constexpr std::int64_t kDay_s = std::int64_t{24} * 3600;
  const Table ended = run("backed_off", 1000, 1160 + kDay_s - 1);
  ASSERT_EQ(ended.rows.size(), 1u) << "its next reclaim is judged by the strikes that it has";
  EXPECT_EQ(number(ended, "remaining_us"), 0);
  EXPECT_TRUE(run("backed_off", 1000, 1160 + kDay_s).rows.empty()) << "they are forgotten";
  EXPECT_TRUE(run("backed_off", 900, 1000).rows.empty()) << "it had not begun";
  EXPECT_TRUE(run("backed_off", 1000, 1100, "/a*").rows.empty());
  exec("UPDATE cgroup SET vanished_at_us = 1050000000");
  EXPECT_TRUE(run("backed_off").rows.empty());
}

TEST_F(Reports, BackedOffTellsWhyWhereRefaultsAreNotCounted) {
  add_cgroups();
  for (int id = 1; const char* const regrown : {"60", "49"}) {
    add({.cgroup_id = id++,
         .verdict = "unknown",
         .refaulted_bytes = "NULL",
         .regrown_bytes = regrown,
         .judged_by = "'regrowth'"});
  }
  exec(
      "INSERT INTO cooldown (cgroup_id, last_reclaim_at_us, until_us, strikes) SELECT cgroup_id, 1040000000, "
      "1160000000, 3 - cgroup_id FROM cgroup");
  const Table backed_off = run("backed_off");
  ASSERT_EQ(backed_off.rows.size(), 2u);
  EXPECT_EQ(text(backed_off, "verdict"), "regrown");
  EXPECT_EQ(number(backed_off, "regrown_bytes"), 60);
  EXPECT_EQ(at(backed_off, "refaulted_bytes"), Cell{});
  EXPECT_EQ(at(backed_off, "verdict", 1), Cell{}) << "less than half is no reason";
}

TEST_F(Reports, CgroupsAndCacheComeFromTheSamples) {
  add_scans(1000, 1010);
  add_cgroups();
  exec(
      "INSERT INTO sample (scan_id, cgroup_id, usage_kib, file_kib, shmem_kib, refault_file) VALUES "
      "(1, 1, 100, 60, 20, NULL), (2, 1, 300, 100, 20, 3), (2, 2, 50, 8, NULL, 0)");
  exec("INSERT INTO cgroup_limit VALUES (1, 1000000000, NULL, 4096, NULL)");
  const Table cgroups = run("cgroups");
  ASSERT_EQ(cgroups.rows.size(), 2u);
  EXPECT_EQ(number(cgroups, "samples"), 2);
  EXPECT_EQ(number(cgroups, "usage_avg_bytes"), 200 * 1024);
  EXPECT_EQ(number(cgroups, "cache_max_bytes"), 80 * 1024);
  EXPECT_EQ(number(cgroups, "limit_bytes"), 4096);
  const Table cache = run("top_cache");
  ASSERT_EQ(cache.rows.size(), 2u);
  EXPECT_EQ(number(cache, "reclaimable_cache_bytes"), 80 * 1024);
  const Table refaults = run("refaults");
  ASSERT_EQ(refaults.rows.size(), 1u);
  EXPECT_EQ(number(refaults, "refaulted_bytes"), 3 * 4096);
}

TEST_F(Reports, LimitChangesLeaveOutTheFirstLimit) {
  add_cgroups();
  exec("INSERT INTO cgroup_limit VALUES (1, 1000000000, NULL, 900, NULL), (1, 1050000000, 800, 800, NULL)");
  const Table changes = run("limit_changes");
  ASSERT_EQ(changes.rows.size(), 1u);
  EXPECT_EQ(at(changes, "limit_before_bytes"), Cell{});
  EXPECT_EQ(number(changes, "limit_bytes"), 800);
}

TEST_F(Reports, OomKillsOutsideAreShownUnlessOneCgroupIsAskedFor) {
  add_cgroups();
  exec(
      "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope) VALUES (1, 1020000000, 'counter', "
      "'cgroup'), "
      "(NULL, 1030000000, 'kernel_log', 'node')");
  EXPECT_EQ(run("oom_kills").rows.size(), 2u);
  EXPECT_EQ(run("oom_kills", 1000, 1100, "/web").rows.size(), 1u);
  EXPECT_EQ(run("oom_by_cgroup").rows.size(), 2u);
}

}  // namespace
}  // namespace cgmm::report
