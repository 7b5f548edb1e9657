// SPDX-License-Identifier: Apache-2.0
// Every query gives the same answer, wherever the samples are.

#include <gtest/gtest.h>

#include <map>
#include <random>
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
constexpr int kCgroups = 12;
constexpr int kScans = 2000;

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

/// Five and a half hours of a scan every 10 s, with scans near a limit, reclaims, kills, and cgroups that come and go.
/// When it ended.
std::int64_t record(store::History& history) {
  std::minstd_rand random(11);
  std::vector<core::CgroupRef> cgroups;
  for (core::CgroupKey key = 1; key <= kCgroups; ++key)
    cgroups.push_back(test::tracked(key, {"/pods/" + std::to_string(key), key},
                                    {.limit_bytes = 110'000 << 10, .effective_limit_bytes = 110'000 << 10}));
  std::int64_t at_us = kNoon;
  for (int i = 0; i < kScans; ++i, at_us += 10 * kSecond) {
    core::Scan scan{.started_at_us = at_us, .duration_us = 4000, .interval_us = 10 * kSecond};
    for (std::size_t j = 0; j < cgroups.size(); ++j) {
      const bool is_there = j != 3 || (i > 200 && i < 900);
      if (is_there) scan.rows.push_back(row_of(cgroups[j], random));
    }
    commit(history, scan);
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
    if (name.starts_with("part_")) continue;
    all[name] = in_words(reader.run(with_parts(std::string(one.text)), {{"since_us", since_us},
                                                                        {"until_us", until_us},
                                                                        {"cgroup_glob", std::string("*")},
                                                                        {"oom_kill_id", std::int64_t{1}},
                                                                        {"stuck_id", std::int64_t{1}},
                                                                        {"scan_id", std::int64_t{600}},
                                                                        {"at_us", until_us},
                                                                        {"kill_id", std::int64_t{0}},
                                                                        {"points", std::int64_t{20}},
                                                                        {"is_hour", std::int64_t{0}},
                                                                        {"reach_us", std::int64_t{600'000'000}},
                                                                        {"workload", std::string("/pods/2")},
                                                                        {"path", std::string("/pods/2")},
                                                                        {"changes", std::int64_t{5}}}));
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
  EXPECT_GT(before[0].at("history").size(), 100'000U);
  settings.archive = true;
  settings.archive_after_us = kHour;
  history.set_retention(settings);
  while (history.maintain_slice(end_us)) {
  }
  const auto left =
      store::Reader(file).run("SELECT count(*) FROM archive_chunk UNION ALL SELECT min(scan_id) FROM main.sample");
  ASSERT_EQ(in_words(left), std::to_string(kCgroups) + "|\n1440|\n");
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto [since_us, until_us] = windows[i];
    for (const auto& [name, answer] : answers(file, since_us, until_us))
      EXPECT_TRUE(answer == before[i].at(name)) << name << " in window " << i;
  }
}

}  // namespace
}  // namespace cgmm::report
