// SPDX-License-Identifier: Apache-2.0
// Every query gives the same answer, wherever the samples are.

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "report/catalog.hpp"
#include "report/embedded.hpp"
#include "store/history.hpp"
#include "store/reader.hpp"
#include "support/temp_dir.hpp"
#include "support/tracked.hpp"

namespace cgmm::report {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kNoon = 1'795'608'000 * kSecond;  // 2026-11-25T12:00:00Z
constexpr core::CgroupKey kCgroups = 13;
constexpr int kScans = 2000;
constexpr std::int64_t kUndecidedKill = 100;

void commit(store::History& history, const core::Record& record) {
  history.begin();
  history.record(record);
  history.commit();
}

core::ScanRow row_of(const core::CgroupRef& cgroup, std::minstd_rand& random) {
  core::ScanRow row{.cgroup = cgroup};
  const auto set = [&](core::Gauge gauge, std::uint64_t kib) { row.gauges.set(gauge, kib * 1024); };
  set(core::Gauge::usage, 60'000 + random() % 40'000);
  set(core::Gauge::anon, 20'000 + random() % 10'000);
  set(core::Gauge::file, 30'000 + random() % 10'000);
  set(core::Gauge::shmem, random() % 100);
  set(core::Gauge::inactive_file, 9'000 + random() % 6'000);
  set(core::Gauge::active_file, 9'000 + random() % 6'000);
  if (random() % 9 == 0) set(core::Gauge::peak, 110'000);
  for (const auto counter : {core::Counter::pgfault, core::Counter::pgmajfault, core::Counter::refault_file,
                             core::Counter::limit_hits, core::Counter::psi_some_us, core::Counter::psi_full_us})
    row.increases.set(counter, random() % 500);
  return row;
}

/// What the service records of a kill whose line of the kernel's log it has read.
core::OomKill logged_kill(std::int64_t at_us, const std::string& victim, const std::string& limit_path) {
  core::OomKill kill{.killed_at_us = at_us, .position = {.boot_id = "boot", .sequence = 7}};
  kill.id = {victim, 2};
  kill.logged.sequence = 7;
  kill.logged.victim_path = victim;
  kill.logged.limit_path = limit_path;
  kill.logged.victim_comm = "java";
  auto& processes = kill.logged.dump.processes.emplace();
  processes = {.count = 1, .rss_bytes = 5000, .swap_bytes = 0, .top = {{.pid = 9, .comm = "java", .rss_bytes = 5000}}};
  kill.logged.dump.node = core::NodeMemory{.total_bytes = 1 << 30, .free_bytes = 4096};
  return kill;
}

/// Five and a half hours of a scan every 10 s, with scans near a limit, reclaims, kills, and cgroups that come and go.
/// When it ended.
std::int64_t record(store::History& history) {
  std::minstd_rand random(11);
  std::vector<core::CgroupRef> cgroups;
  for (core::CgroupKey key = 1; key < kCgroups; ++key)
    cgroups.push_back(test::tracked(key, {"/pods/" + std::to_string(key), key},
                                    {.limit_bytes = 110'000 << 10, .effective_limit_bytes = 110'000 << 10}));
  // The pod of all: what its containers do not hold.
  cgroups.push_back(std::make_shared<core::TrackedCgroup>(core::TrackedCgroup{
      .key = kCgroups, .id = {"/pods", kCgroups}, .limits = {1 << 30, 1 << 30, {}}, .kind = core::CgroupKind::pod}));
  // The fourth, after a restart.
  const core::CgroupRef again = test::tracked(kCgroups + 1, {"/pods/4", kCgroups + 1});
  std::int64_t at_us = kNoon;
  for (int i = 0; i < kScans; ++i, at_us += 10 * kSecond) {
    if (i == 700) at_us += 180 * kSecond;  // a gap
    core::Scan scan{.started_at_us = at_us, .duration_us = 4000, .interval_us = 10 * kSecond};
    for (std::size_t j = 0; j < cgroups.size(); ++j) {
      const bool is_there = j != 3 || (i > 200 && i < 900);
      if (is_there) scan.rows.push_back(row_of(cgroups[j], random));
    }
    if (i > 950) scan.rows.push_back(row_of(again, random));
    commit(history, scan);
    if (i == 1000) commit(history, logged_kill(at_us + kSecond, "/pods/2", "/pods"));
    if (i % 7 == 0) {
      core::Scan partial{.started_at_us = at_us + kSecond, .interval_us = 10 * kSecond, .is_partial = true};
      partial.rows.push_back(row_of(cgroups[1], random));
      commit(history, partial);
    }
    if (i % 100 == 50) {
      const std::int64_t id = i / 100 + 1;
      commit(history, core::Reclaim{.reclaim_id = id,
                                    .id = cgroups[2]->id,
                                    .started_at_us = at_us + 2 * kSecond,
                                    .duration_us = 20'000,
                                    .freed_bytes = 64 << 20,
                                    .outcome = core::ReclaimOutcome::done});
    }
    if (i % 400 == 300)
      commit(history, core::CountedOomKills{
                          .id = cgroups[1]->id, .since_at_us = at_us - 10 * kSecond, .at_us = at_us, .count = 1});
  }
  return at_us;
}

/// Beside what the service makes of it: so that each query has something to tell.
void add_events(const std::filesystem::path& file) {
  SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
  const auto exec = [&](std::string sql) {
    for (std::size_t at = sql.find('@'); at != std::string::npos; at = sql.find('@', at))
      sql.replace(at, 1, std::to_string(kNoon) + " + 1000000 * ");
    database.exec(sql);
  };
  exec(
      "UPDATE reclaim SET threshold_bytes = 1000000, outcome = iif(reclaim_id % 5 = 0, 'failed', outcome), "
      "error = iif(reclaim_id % 5 = 0, 'no', NULL)");
  exec(
      "INSERT INTO reclaim_effect (reclaim_id, observed_for_us, refaulted_bytes, regrown_bytes, held_byte_seconds, "
      "verdict, judged_by, ended_by) SELECT reclaim_id, 60000000, freed_bytes, 5, 5, 'churn', 'refaults', "
      "'observe_for' "
      "FROM reclaim WHERE outcome = 'done'");
  exec(
      "INSERT INTO cooldown (cgroup_id, last_reclaim_at_us, until_us, strikes) "
      "SELECT cgroup_id, max(started_at_us), @ 1000000, 2 FROM reclaim GROUP BY cgroup_id");
  exec(
      "INSERT INTO cgroup_limit VALUES (2, @ 1300, 96000000, 96000000, NULL), (2, @ 6000, 95000000, 95000000, NULL), "
      "(2, @ 14000, 94000000, 94000000, NULL)");
  for (const char* const began : {"1500", "5000", "14500"})
    exec(
        "INSERT INTO stuck (cgroup_id, kind, began_at_us, last_seen_at_us, ended_at_us, ended_by, usage_bytes, "
        "limit_bytes, high_events, psi_full_us) VALUES (3, 'memory_high', @ " +
        std::string(began) + ", @ 60 + 1000000 * " + began + ", @ 70 + 1000000 * " + began +
        ", 'over', 5000000, 5000000, 100, 50000000)");
  exec(
      "UPDATE cgroup SET namespace = 'shop', pod = 'web-1', container = 'app', workload = 'shop/web/app' "
      "WHERE path = '/pods/5'");
  exec(
      "INSERT INTO cgroup_limit SELECT cgroup_id, @ 1000, 45000000, 45000000, NULL FROM cgroup WHERE path = '/pods/5'");
  exec("INSERT INTO oom_kill (oom_kill_id, killed_at_us, source, scope, cgroup_by) VALUES (" +
       std::to_string(kUndecidedKill) + ", @ 7000, 'kernel_log', 'cgroup', 'candidates')");
  exec("INSERT INTO oom_count VALUES (@ 7004, 5, @ 6994, 2, 0, 0, 0)");
  exec("INSERT INTO service_event (at_us, kind, detail, fault) VALUES (@ 2000, 'fault_begin', 'full', 'database')");
}

std::string in_words(const core::Table& table) {
  struct Word {
    std::string operator()(std::monostate) const { return "NULL"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return std::to_string(value); }
    std::string operator()(const std::string& text) const { return text; }
  };
  std::string text;
  for (const auto& row : table.rows) {
    for (const core::Cell& cell : row) text += std::visit(Word{}, cell) + "|";
    text += "\n";
  }
  return text;
}

std::map<std::string, std::string> answers(const std::filesystem::path& file, std::int64_t since_us,
                                           std::int64_t until_us) {
  store::Reader reader(file);
  std::map<std::string, std::string> all;
  for (const core::EmbeddedText& one : kReports) {
    const std::string name(one.name);
    if (name.starts_with("part_") || name == "simulate_node") continue;  // that tells what is not archived yet
    const std::vector<std::int64_t> kills{1, 2, 3, 4, kUndecidedKill};
    for (const std::int64_t kill : std::span(kills).first(name.starts_with("incident_") ? kills.size() : 1)) {
      all[name] +=
          in_words(reader.run(with_parts(std::string(one.text)), {{"since_us", since_us},
                                                                  {"until_us", until_us},
                                                                  {"cgroup_glob", std::string("*")},
                                                                  {"oom_kill_id", kill},
                                                                  {"stuck_id", kill},
                                                                  {"scan_id", std::int64_t{600}},
                                                                  {"at_us", until_us},
                                                                  {"kill_id", std::int64_t{0}},
                                                                  {"cgroup_ids", std::string("[1,2]")},
                                                                  {"points", "[" + std::to_string(until_us) + "]"},
                                                                  {"is_hour", std::int64_t{0}},
                                                                  {"reach_us", std::int64_t{600'000'000}},
                                                                  {"workload", std::string("/pods/2")},
                                                                  {"path", std::string("/pods/2")},
                                                                  {"changes", std::int64_t{5}}}));
    }
  }
  return all;
}

TEST(Archived, SamplesGiveTheSameAnswers) {
  const test::TempDir directory;
  const std::filesystem::path file = directory.path() / "history.db";
  store::History history(file);
  core::RetentionSettings settings{.samples_us = 30 * 24 * kHour};
  history.set_retention(settings);
  history.begin_run(kNoon, "");
  commit(history, core::NodeFacts{{{"page_size_bytes", std::int64_t{4096}}}});
  const std::int64_t end_us = record(history);
  add_events(file);
  while (history.maintain_slice(end_us)) {
  }
  struct Window {
    std::int64_t since_us, until_us;
  };
  const Window windows[] = {{kNoon - kHour, end_us + kHour},
                            {kNoon + kHour / 3, kNoon + 2 * kHour},        // all of it is archived
                            {kNoon + 2 * kHour, end_us - kHour / 10},      // across the end of the archive
                            {end_us - kHour / 2, end_us + 10 * kSecond}};  // nothing is
  std::vector<std::map<std::string, std::string>> before;
  for (const auto& [since_us, until_us] : windows) before.push_back(answers(file, since_us, until_us));
  for (const auto& [name, answer] : before[0]) {
    const bool tells = std::ranges::any_of(before, [&](const auto& one) { return !one.at(name).empty(); });
    EXPECT_TRUE(tells) << name << " has no row, so this shows nothing of it";
  }
  settings.archive = true;
  settings.archive_after_us = kHour;
  history.set_retention(settings);
  while (history.maintain_slice(end_us)) {
  }
  const auto moved = store::Reader(file).run(
      "SELECT (SELECT count(*) FROM archive_chunk) >= 13, (SELECT min(scan_id) FROM main.sample) BETWEEN 1000 AND "
      "1990");
  ASSERT_EQ(in_words(moved), "1|1|\n");
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto [since_us, until_us] = windows[i];
    for (const auto& [name, answer] : answers(file, since_us, until_us))
      EXPECT_TRUE(answer == before[i].at(name)) << name << " in window " << i;
  }
}

}  // namespace
}  // namespace cgmm::report
