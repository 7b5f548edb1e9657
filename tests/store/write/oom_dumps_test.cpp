// SPDX-License-Identifier: Apache-2.0
// What ran out, the largest processes and the node's memory; kills that the log begins and does not end.
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>

#include "store/fixture.hpp"
#include "support/program.hpp"

namespace cgmm::store {
namespace {

const core::CgroupId kDumped{"/kubepods/web", 7};
const core::CgroupRef kDumpedRef = test::tracked(1, kDumped);

core::OomKill kill_of(std::uint64_t sequence, std::int64_t at_us) {
  core::OomKill kill{.killed_at_us = at_us, .position = {.boot_id = "boot", .sequence = sequence}, .id = kDumped};
  kill.logged.sequence = sequence;
  kill.logged.limit_path = kill.logged.victim_path = kDumped.path;
  kill.logged.victim_pid = 4242;
  kill.logged.victim_comm = "app";
  return kill;
}

core::OomKill on_the_node(std::uint64_t sequence, std::int64_t at_us, core::OomScope scope) {
  core::OomKill kill = kill_of(sequence, at_us);
  kill.logged.scope = scope;
  kill.logged.limit_path.clear();
  return kill;
}

core::ProcessTable table_of(std::int64_t count) {
  core::ProcessTable table{.count = count, .rss_bytes = 1000, .swap_bytes = 10, .top = {}};
  for (std::int64_t pid = 1; pid <= std::min<std::int64_t>(count, 10); ++pid)
    table.top.push_back({.pid = pid, .comm = "p", .uid = 5, .rss_bytes = 100, .swap_bytes = 1, .oom_score_adj = -7});
  return table;
}

class OomDumps : public StoreTest {
 protected:
  OomDumps() : history_(file()) {
    history_.begin_run(kNoon, "");
    scan(0, 0);
  }
  void scan(std::int64_t second, std::optional<std::uint64_t> oom_kills) {
    store(history_, core::Scan{.started_at_us = kNoon + second * kSecond,
                               .rows = {{.cgroup = kDumpedRef, .oom_kills_total = oom_kills}}});
  }
  void maintain(std::int64_t second) {
    history_.set_retention({});
    for (int i = 0; i < 500 && history_.maintain_slice(kNoon + second * kSecond); ++i) {
    }
  }
  core::CountedOomKills counted(std::int64_t second, std::uint64_t count = 1) const {
    return {.id = kDumped,
            .since_at_us = kNoon + (second - 10) * kSecond,
            .at_us = kNoon + second * kSecond,
            .count = count};
  }
  std::string kills() const {
    return query("SELECT source, victim_pid, end_told, seen_count, anon_rss_bytes FROM oom_kill ORDER BY oom_kill_id");
  }
  static std::string sql_of(const std::string& report) {
    return test::content_of(CGMM_SOURCE_DIR "/reports/" + report + ".sql");
  }
  std::string answer_of(const std::string& report) const {
    std::string sql = sql_of(report);
    // As report::built_in() does it: a part that has others in it comes before them.
    for (const std::string part :
         {"coverage", "gap", "named_kill", "told_reclaim", "window_restart", "restart", "replica"}) {
      const std::string place = "(" + part + ")";
      for (std::size_t at = 0; (at = sql.find(place, at)) != std::string::npos;)
        sql.replace(at, place.size(), "(\n" + sql_of("part_" + part) + ")");
    }
    return shown(Reader(file()).run(
        sql, {{"since_us", kNoon - kSecond}, {"until_us", kNoon + 3600 * kSecond}, {"cgroup_glob", std::string("*")}}));
  }

  History history_;
};

TEST_F(OomDumps, TellWhatRanOutBesideTheScopeThatEveryVersionKnows) {
  std::uint64_t sequence = 0;
  for (const auto scope : {core::OomScope::node, core::OomScope::cpuset, core::OomScope::memory_policy,
                           core::OomScope::fragmentation, core::OomScope::sysrq}) {
    core::OomKill kill = on_the_node(++sequence, kNoon + kSecond, scope);
    if (scope == core::OomScope::cpuset) kill.logged.dump.numa_nodes = "0-1,3";
    if (scope == core::OomScope::fragmentation) kill.logged.dump.order = 3;
    store(history_, kill);
  }
  core::OomKill both = kill_of(++sequence, kNoon + kSecond);
  both.logged.scope = core::OomScope::memory_and_swap;
  both.logged.memory.emplace();
  both.logged.memory->gauges.set(core::Gauge::usage, 300);
  both.logged.memory->gauges.set(core::Gauge::swap, 724);
  both.logged.memory->gauges.set(core::Gauge::anon, 300);
  both.logged.memory->limit_bytes = 1024;
  both.logged.memory->memory_limit_bytes = 512;
  store(history_, both, kill_of(++sequence, kNoon + kSecond));
  EXPECT_EQ(query("SELECT o.scope, v.scope, v.cause, v.numa_nodes, v.alloc_order, v.limit_bytes, v.memory_limit_bytes, "
                  "v.usage_bytes, v.swap_bytes FROM oom_kill o JOIN v_oom_kill v USING (oom_kill_id) ORDER BY 1, 2"),
            "cgroup|cgroup|NULL|NULL|NULL|NULL|NULL|NULL|NULL\n"
            "cgroup|memory_and_swap|anon_growth|NULL|NULL|1024|512|300|724\n"
            "node|cpuset|cpuset|0-1,3|NULL|NULL|NULL|NULL|NULL\n"
            "node|fragmentation|fragmentation|NULL|3|NULL|NULL|NULL|NULL\n"
            "node|memory_policy|memory_policy|NULL|NULL|NULL|NULL|NULL|NULL\n"
            "node|node|node|NULL|NULL|NULL|NULL|NULL|NULL\n"
            "node|sysrq|sysrq|NULL|NULL|NULL|NULL|NULL|NULL\n");
}

TEST_F(OomDumps, HaveTheLargestProcessesAndTheNodesMemory) {
  core::OomKill kill = on_the_node(5, kNoon + kSecond, core::OomScope::node);
  kill.logged.dump.processes = table_of(41);
  kill.logged.dump.node = core::NodeMemory{.total_bytes = 11,
                                           .free_bytes = 1,
                                           .active_anon_bytes = 2,
                                           .inactive_anon_bytes = 3,
                                           .active_file_bytes = 4,
                                           .inactive_file_bytes = 5,
                                           .shmem_bytes = 6,
                                           .slab_reclaimable_bytes = 7,
                                           .slab_unreclaimable_bytes = 8,
                                           .dirty_bytes = 9,
                                           .writeback_bytes = {}};
  store(history_, kill);
  EXPECT_EQ(query("SELECT listed_count, listed_rss_bytes, listed_swap_bytes FROM v_oom_kill"), "41|1000|10\n");
  EXPECT_EQ(query("SELECT count(*), min(place), max(place) FROM oom_process"), "10|1|10\n");
  EXPECT_EQ(query("SELECT * FROM oom_process LIMIT 1"), "1|1|1|p|5|100|NULL|NULL|NULL|1|-7\n");
  EXPECT_EQ(query("SELECT * FROM oom_node"), "1|11|1|2|3|4|5|6|7|8|9|NULL\n");
}

TEST_F(OomDumps, GoWithTheirKillWhenItBecomesPartOfAnother) {
  for (std::uint64_t sequence = 1; sequence <= 14; ++sequence) {
    core::OomKill kill =
        on_the_node(sequence, kNoon + static_cast<std::int64_t>(sequence) * kSecond, core::OomScope::node);
    kill.logged.dump.processes = table_of(1);
    kill.logged.dump.node.emplace();
    store(history_, kill);
  }
  maintain(1800);
  EXPECT_EQ(query("SELECT count(*), sum(kill_count) FROM oom_kill"), "11|14\n");
  EXPECT_EQ(query("SELECT count(*) FROM oom_process"), "11\n");
  EXPECT_EQ(query("SELECT count(*) FROM oom_node"), "11\n");
}

TEST_F(OomDumps, GoWithTheirKillWhenItIsTooOld) {
  constexpr std::int64_t kDay_s = 86400;
  core::OomKill kill = on_the_node(5, kNoon + kSecond, core::OomScope::node);
  kill.logged.dump.processes = table_of(3);
  kill.logged.dump.node.emplace();
  store(history_, kill);
  history_.set_retention({.events_us = 20 * kDay_s * kSecond});
  const auto counts = [&] {
    return query(
        "SELECT (SELECT count(*) FROM oom_kill), (SELECT count(*) FROM oom_process), "
        "(SELECT count(*) FROM oom_node)");
  };
  for (const std::int64_t day : {19, 21}) {
    scan(day * kDay_s - kDay_s - 3600, 0);
    scan(day * kDay_s, 0);
    for (int i = 0; i < 300; ++i) history_.maintain(kNoon + day * kDay_s * kSecond);
    EXPECT_EQ(counts(), day == 19 ? "1|3|1\n" : "0|0|0\n");
  }
}

TEST_F(OomDumps, AreThoseOfTheirOwnKillWhereAnIdIsUsedAgain) {
  core::OomKill first = kill_of(5, kNoon + kSecond);
  first.logged.dump.processes = table_of(3);
  first.logged.dump.is_end_told = false;
  store(history_, first);
  scan(10, 0);
  scan(20, 0);
  EXPECT_EQ(kills(), "") << "the counter did not rise";
  store(history_, counted(30));
  EXPECT_EQ(query("SELECT count(*) FROM oom_process"), "0\n");
}

TEST_F(OomDumps, OfAKillWithoutItsEndAreOnRecordOnceWithTheCounter) {
  core::OomKill kill = kill_of(5, kNoon + 3 * kSecond);
  kill.logged.dump.is_end_told = false;
  store(history_, kill);
  store(history_, counted(10));
  scan(10, 1);
  scan(20, 1);
  scan(30, 1);
  EXPECT_EQ(kills(), "kernel_log|4242|0|1|NULL\n");
}

TEST_F(OomDumps, OfAKillWithoutItsEndStayWhereNoCounterCanDenyIt) {
  core::OomKill kill = kill_of(5, kNoon + 3 * kSecond);
  kill.logged.dump.is_end_told = false;
  store(history_, kill);
  store(history_, core::Scan{.started_at_us = kNoon + 10 * kSecond, .rows = {}});  // it is gone
  store(history_, core::Scan{.started_at_us = kNoon + 20 * kSecond, .rows = {}});
  EXPECT_EQ(kills(), "kernel_log|4242|0|0|NULL\n");
}

TEST_F(OomDumps, OfAKillWhoseEndIsToldLaterAreOneKill) {
  core::OomKill begun = kill_of(5, kNoon + 3 * kSecond);
  begun.logged.dump.is_end_told = false;
  core::OomKill ended = kill_of(6, kNoon + 8 * kSecond);
  ended.logged.victim_path.clear();
  ended.logged.limit_path.clear();
  ended.logged.anon_rss_bytes = 99;
  store(history_, begun);
  store(history_, ended, ended);
  EXPECT_EQ(kills(), "kernel_log|4242|NULL|0|99\n");
}

TEST_F(OomDumps, OfThousandsThatACounterTellsOfAreAllCounted) {
  for (std::int64_t second : {10, 20, 30, 40}) {
    store(history_, counted(second, 500));
    scan(second, 500);
  }
  EXPECT_EQ(query("SELECT sum(kill_count) FROM oom_kill"), "2000\n");
  EXPECT_EQ(answer_of("kills_by_workload").substr(0, 24), "/kubepods/web|2000|1|179");
  EXPECT_NE(answer_of("oom_by_cgroup").find("/kubepods/web|2000|"), std::string::npos);
  EXPECT_NE(answer_of("summary").find("|2000|0|"), std::string::npos);
  maintain(1800);
  EXPECT_EQ(query("SELECT sum(kill_count) FROM oom_kill"), "2000\n") << "also when many rows have become one";
  EXPECT_NE(answer_of("summary").find("|2000|0|"), std::string::npos);
}

}  // namespace
}  // namespace cgmm::store
