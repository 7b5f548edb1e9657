// SPDX-License-Identifier: Apache-2.0
// Kills that were not for a cgroup's memory limit, and what the kernel prints at any kill besides.
#include <gtest/gtest.h>

#include <string>

#include "report/incident/made_incident.hpp"

namespace cgmm::report {
namespace {

class WithoutLimit : public IncidentTest {
 protected:
  void on_the_node(const char* scope, const char* cause = nullptr) {
    kill["scope"] = text(scope);
    kill["cause"] = text(cause != nullptr ? cause : scope);
    forget({"limit_path", "limit_bytes", "measured_by", "measured_at_us", "usage_bytes", "anon_bytes", "shmem_bytes",
            "kernel_bytes", "cache_bytes", "dirty_bytes", "swap_bytes", "grew_from_at_us", "grew_from_bytes",
            "grew_to_bytes"});
  }
  void node_has(std::int64_t total_mib, std::int64_t cache_mib, std::int64_t dirty_mib = 0) {
    add_row(node_memory, {{"total_bytes", number(total_mib * kMiB)},
                          {"free_bytes", number(30 * kMiB)},
                          {"active_anon_bytes", number(100 * kMiB)},
                          {"inactive_anon_bytes", number(200 * kMiB)},
                          {"active_file_bytes", number(cache_mib * kMiB / 4)},
                          {"inactive_file_bytes", number(cache_mib * kMiB / 4 * 3)},
                          {"slab_reclaimable_bytes", number(8 * kMiB)},
                          {"slab_unreclaimable_bytes", number(9 * kMiB)},
                          {"dirty_bytes", number(dirty_mib * kMiB)}});
  }
  void add_process(std::int64_t pid, const char* name, std::int64_t rss_mib, std::int64_t swap_mib = 0) {
    add_row(processes, {{"place", number(static_cast<std::int64_t>(processes.rows.size()) + 1)},
                        {"pid", number(pid)},
                        {"process", text(name)},
                        {"rss_bytes", number(rss_mib * kMiB)},
                        {"swap_bytes", number(swap_mib * kMiB)}});
  }
  void all_processes(std::int64_t count, std::int64_t rss_mib, std::int64_t swap_mib = 0) {
    kill["listed_count"] = number(count);
    kill["listed_rss_bytes"] = number(rss_mib * kMiB);
    kill["listed_swap_bytes"] = number(swap_mib * kMiB);
  }
};

TEST_F(WithoutLimit, NamesTheNumaNodesThatHadRunOut) {
  on_the_node("cpuset");
  kill["numa_nodes"] = text("1");
  EXPECT_EQ(
      said("why"),
      "The memory of NUMA node 1 had run out, to which a cpuset binds the process that asked for memory. No limit "
      "was hit, and other memory of the node may have been free: the kernel chose this process.");
  on_the_node("memory_policy");
  kill["numa_nodes"] = text("0-1,3");
  EXPECT_EQ(said("why").substr(0, 88),
            "The memory of the NUMA nodes 0-1,3 had run out, to which its memory policy binds the pro");
  kill["numa_nodes"] = Cell{};
  EXPECT_EQ(said("why").substr(0, 41), "The memory of some NUMA nodes had run out");
}

TEST_F(WithoutLimit, SaysThatMemoryWasFreeButNotInOnePiece) {
  on_the_node("fragmentation");
  kill["alloc_order"] = number(3);
  node_has(4096, 40);
  EXPECT_EQ(
      said("why"),
      "Memory was free on the node (30.0 MiB), but not in one piece of the size that was asked for, 32.0 KiB (order "
      "3): it was fragmented. No limit was hit: the kernel chose this process.");
  kill["alloc_order"] = number(0);
  EXPECT_EQ(
      said("why"),
      "Memory was free on the node (30.0 MiB), but not in the zone that it was asked for in. No limit was hit: the "
      "kernel chose this process.");
}

TEST_F(WithoutLimit, SaysThatSomebodyAskedForIt) {
  on_the_node("sysrq");
  EXPECT_EQ(
      said("why"),
      "Somebody asked the kernel for it by SysRq, not because memory had run out: the kernel chose this process.");
  EXPECT_EQ(said("cache"), "Dropping page cache would not have helped: memory had not run out.");
}

TEST_F(WithoutLimit, JudgesThePageCacheByTheNodesNumbers) {
  on_the_node("node");
  EXPECT_EQ(
      said("cache"),
      "It is not known whether dropping page cache would have helped: the kernel log does not say how much the node "
      "had left.")
      << "the victim's cgroup tells nothing of it";
  node_has(4096, 40);
  EXPECT_EQ(said("cache"),
            "40.0 MiB of page cache and 8.0 MiB of slab that can be dropped were left on the node at the kill (1 % of "
            "its memory): dropping it would not have helped; the kernel had dropped the rest already.");
  node_memory.rows.clear();
  node_has(4096, 1000, 600);
  EXPECT_EQ(
      said("cache"),
      "1000.0 MiB of page cache and 8.0 MiB of slab that can be dropped were left on the node at the kill (25 % of "
      "its memory): the kernel had tried and could not drop it in time, 600.0 MiB of it waiting to be written; "
      "dropping it earlier would hardly have helped. Writing it back earlier may have helped.");
  on_the_node("cpuset");
  kill["numa_nodes"] = text("1");
  EXPECT_EQ(
      said("cache"),
      "1000.0 MiB of page cache and 8.0 MiB of slab that can be dropped were left on the node at the kill; how much "
      "of it was on NUMA node 1 is not known, nor whether dropping it would have helped.");
}

TEST_F(WithoutLimit, ShowsTheNodesMemory) {
  on_the_node("node");
  EXPECT_EQ(said("node"), "");
  node_has(4096, 40, 1);
  EXPECT_EQ(
      said("node"),
      "Of 4.0 GiB, 30.0 MiB were free; heap and stacks 100.0 MiB active and 200.0 MiB inactive, page cache 10.0 MiB "
      "active and 30.0 MiB inactive (1.0 MiB dirty), slab 8.0 MiB that can be dropped and 9.0 MiB that can't (by the "
      "kernel, at the kill).");
}

TEST_F(WithoutLimit, SaysWhichProcessesHeldMost) {
  EXPECT_EQ(said("top"), "");
  add_process(12, "python3", 481);
  all_processes(1, 481);
  EXPECT_EQ(
      said("top"),
      "python3 (pid 12) held 481.0 MiB, and was the only process (by the kernel, at the kill; what it shares with "
      "processes elsewhere counts).");
  add_process(13, "worker", 10);
  add_process(14, "", 5);
  all_processes(41, 520);
  EXPECT_EQ(said("top"),
            "python3 (pid 12) held 481.0 MiB; 1 of 41 processes held 93 % of the 520.0 MiB that all held in memory (by "
            "the kernel, at the kill; what they share counts for each).");
  all_processes(41, 800);
  EXPECT_EQ(said("top").substr(0, 67), "python3 (pid 12) held 481.0 MiB; 3 of 41 processes held 62 % of the");
  add_process(15, "swapped", 1, 300);
  all_processes(41, 540, 300);
  EXPECT_NE(said("top").find("of the 840.0 MiB that all held in memory and swap (by"), std::string::npos);
  const std::string shown = render_incident(made(), Format::text, {});
  EXPECT_NE(shown.find("Largest processes at the kill\n"), std::string::npos);
  EXPECT_NE(render_incident(made(), Format::json, {}).find("\"processes\""), std::string::npos);
}

TEST_F(WithoutLimit, TellsTheLimitOfMemoryAndSwapFromThatOfMemory) {
  kill["scope"] = text("memory_and_swap");
  kill["limit_bytes"] = number(1024 * kMiB);
  kill["memory_limit_bytes"] = number(512 * kMiB);
  kill["usage_bytes"] = number(300 * kMiB);
  kill["anon_bytes"] = number(296 * kMiB);
  kill["swap_bytes"] = number(724 * kMiB);
  kill["grew_to_bytes"] = number(1024 * kMiB);
  EXPECT_EQ(
      said("why"),
      "Its heap and stacks (anon) grew from 41.0 MiB to 296.0 MiB in 5 s (51.0 MiB/s) and hit its limit of 1.0 GiB for "
      "memory and swap together. 300.0 MiB were in memory (limit 512.0 MiB), and 724.0 MiB in swap.");
  EXPECT_EQ(said("memory").substr(0, 55), "300.0 MiB and 724.0 MiB in swap of 1.0 GiB: heap and st");
  forget({"grew_from_at_us", "grew_from_bytes", "grew_to_bytes", "memory_limit_bytes"});
  EXPECT_EQ(
      said("why"),
      "Of the 1.0 GiB in use at its limit of 1.0 GiB for memory and swap together, 296.0 MiB were heap and stacks "
      "(anon); it did not grow in the samples before. 300.0 MiB were in memory (no limit), and 724.0 MiB in swap.");
  EXPECT_NE(render_incident(made(), Format::html, {}).find("its own, of memory and swap together"), std::string::npos);
}

TEST_F(WithoutLimit, SaysThatTheLogDoesNotEndTheKill) {
  kill["end_told"] = number(0);
  kill["seen_count"] = number(1);
  EXPECT_EQ(
      said("told"),
      "The kernel log begins this kill and does not say that it was carried out; the cgroup's counter of kills rose "
      "with it.");
  kill["seen_count"] = number(0);
  EXPECT_EQ(said("told"),
            "The kernel log begins this kill and does not say that it was carried out; no counter of a cgroup says so "
            "either.");
}

TEST_F(WithoutLimit, HasATileOfItsOwn) {
  const auto has = [&](const std::string& words) {
    return render_incident(made(), Format::html, {}).find(words) != std::string::npos;
  };
  on_the_node("cpuset");
  kill["numa_nodes"] = text("1");
  EXPECT_TRUE(has("the memory of NUMA nodes 1 ran out"));
  on_the_node("sysrq");
  EXPECT_TRUE(has("it was asked for by SysRq"));
  on_the_node("fragmentation");
  EXPECT_TRUE(has("free memory was not of the kind asked for"));
}

}  // namespace
}  // namespace cgmm::report
