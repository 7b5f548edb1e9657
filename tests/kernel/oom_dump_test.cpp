// SPDX-License-Identifier: Apache-2.0
// What ran out, by the kernel log, and what the kernel prints between the first and the last line of a kill.
#include "kernel/oom_dump.hpp"

#include "kernel/oom_log.hpp"

namespace cgmm::kernel {
namespace {

// --- What ran out
// ----------------------------------------------------------------------------------------------

std::string invoked(const std::string& asked) { return "x invoked oom-killer: " + asked + ", oom_score_adj=0"; }

TEST(OomParser, TellsWhatRanOut) {
  const std::string container = "/docker/ec9ee26695deb4cc72bc665efff1cf3a03fdfb12f1303e02fe9252985e084a95";
  struct Case {
    std::string file;
    Lines kills;
  };
  for (const Case& one : std::initializer_list<Case>{
           {"4.19-memory-and-swap.texts",
            {"java pid=4242 uid=- rss=300000,0,0", "memory_and_swap limit=" + container + " victim=" + container,
             "limit=1048576 memory_limit=524288 usage=307200 anon=303104 file=0 shmem=0 inactive_file=0 active_file=0 "
             "dirty=0 kernel=4096 swap=741376"}},
           {"5.10-sysrq.texts", {"chrome pid=5000 uid=1000 rss=900,0,0", "sysrq victim=/docker/abc", "-"}},
           {"4.4-sysrq.texts", {"chrome pid=5000 uid=- rss=3000,600,-", "sysrq victim=", "-"}},
           {"5.10-cpuset.texts",
            {"solver pid=77 uid=1001 rss=900,0,0",
             "cpuset nodes=1 victim=/system.slice/slurmstepd.scope/job_7/step_0/user/task_0", "-"}},
           {"6.1-memory-policy.texts",
            {"numabench pid=78 uid=0 rss=900,0,0", "memory_policy nodes=0-1,3 victim=/bench", "-"}},
           {"6.8-node-fragmented.texts",
            {"my (odd) name pid=2001 uid=1000 rss=1000000,400,0", "fragmentation victim=/user.slice", "-"}}}) {
    EXPECT_EQ(text_of(kills_in(log_of(texts_in(one.file)))), one.kills) << one.file;
  }
}

TEST(OomParser, TellsTheLimitOfMemoryAndSwapFromThatOfMemory) {
  struct Case {
    std::string memory, both;
    OomScope scope;
  };
  using enum OomScope;
  for (const Case& one : std::initializer_list<Case>{
           {"usage 512kB, limit 512kB, failcnt 9", "usage 700kB, limit 1024kB, failcnt 0", cgroup},
           {"usage 512kB, limit 512kB, failcnt 9", "usage 1024kB, limit 1024kB, failcnt 3", cgroup},
           {"usage 512kB, limit 512kB, failcnt 9", "usage 512kB, limit 512kB, failcnt 3", cgroup},
           {"usage 300kB, limit 512kB, failcnt 9", "usage 1024kB, limit 1024kB, failcnt 0", cgroup},
           {"usage 300kB, limit 512kB, failcnt 9", "usage 1000kB, limit 1024kB, failcnt 3", memory_and_swap},
           {"usage 300kB, limit 9007199254740988kB, failcnt 0", "usage 1024kB, limit 1024kB, failcnt 3",
            memory_and_swap},
           {"usage 512kB, limit 512kB, failcnt 9", "usage 600kB, limit 9007199254740988kB, failcnt 0", cgroup}}) {
    const auto kills = kills_in(
        log_of({"memory: " + one.memory, "memory+swap: " + one.both, oom_kill("/a", "/a", "x", 5), killed(5, "x")}));
    ASSERT_EQ(kills.size(), 1U);
    EXPECT_EQ(kills[0].scope, one.scope) << one.memory << "; " << one.both;
  }
}

TEST(OomParser, KnowsSysrqBeforeTheKernelMarkedIt) {
  const std::string worker = "kworker/0:1 invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=0";
  const auto scope_after = [&](const Lines& first) {
    Lines texts = first;
    texts.push_back(killed(5, "x", "Out of memory"));
    return kills_in(log_of(texts)).back().scope;
  };
  EXPECT_EQ(scope_after({"SysRq : Manual OOM execution", worker}), OomScope::sysrq);
  EXPECT_EQ(scope_after({"sysrq: SysRq : Manual OOM execution", worker}), OomScope::sysrq);
  EXPECT_EQ(scope_after({"SysRq : ", "Manual OOM execution", worker}), OomScope::sysrq);
  EXPECT_EQ(scope_after({worker}), OomScope::node) << "nobody asked";
  EXPECT_EQ(scope_after({"SysRq : Manual OOM execution", invoked("gfp_mask=0xd0, order=0")}), OomScope::node);
  EXPECT_EQ(scope_after({"SysRq : Manual OOM execution", worker, killed(4, "w", "Out of memory"), worker}),
            OomScope::node)
      << "once is asked for one kill";
}

TEST(OomParser, TellsTheNodesOfKernelsThatDoNotNameTheConstraint) {
  const auto nodes_of = [](const std::string& asked, const std::string& cpuset) {
    const auto kills = kills_in(log_of({"x invoked oom-killer: gfp_mask=0x280da, " + asked + ", oom_score_adj=0",
                                        cpuset, "Out of memory: Kill process 5 (x) score 9 or sacrifice child",
                                        "Killed process 5 (x) total-vm:1kB, anon-rss:1kB, file-rss:1kB"}));
    return kills.size() == 1 ? std::string(to_string(kills[0].scope)) + " " + kills[0].dump.numa_nodes : "";
  };
  EXPECT_EQ(nodes_of("order=0", "x cpuset=/ mems_allowed=0-1"), "node ");
  EXPECT_EQ(nodes_of("order=0", "x cpuset=/ mems_allowed=8"), "node ") << "all that there are";
  EXPECT_EQ(nodes_of("order=0", "x cpuset=task_0 mems_allowed=1"), "cpuset 1");
  EXPECT_EQ(nodes_of("order=0", "x cpuset=task_0 mems_allowed=1-2,5"), "cpuset 1-2,5");
  EXPECT_EQ(nodes_of("order=0", "x cpuset=task_0 mems_allowed=0"), "node ") << "there may be no other";
  EXPECT_EQ(nodes_of("order=0", "x cpuset=task_0 mems_allowed=1z"), "node ");
  EXPECT_EQ(nodes_of("nodemask=(null), order=0", "x cpuset=/ mems_allowed=0-1"), "node ");
  EXPECT_EQ(nodes_of("nodemask=0-1,3,  order=0", "x cpuset=/ mems_allowed=0-3"), "memory_policy 0-1,3");
}

TEST(OomParser, TellsTheNodesOfNoOtherConstraint) {
  const auto nodes_of = [](const std::string& begin, const std::string& cpuset) {
    const auto kills = kills_in(log_of({"oom-kill:constraint=CONSTRAINT_" + begin + ",cpuset=" + cpuset +
                                            ",mems_allowed=0-1,3,global_oom,task_memcg=/a,task=x,pid=5,uid=7",
                                        killed(5, "x", "Out of memory")}));
    return kills.size() == 1 ? std::string(to_string(kills[0].scope)) + " " + kills[0].dump.numa_nodes : "";
  };
  EXPECT_EQ(nodes_of("NONE,nodemask=(null)", "/"), "node ");
  EXPECT_EQ(nodes_of("CPUSET,nodemask=(null)", "/"), "cpuset 0-1,3");
  EXPECT_EQ(nodes_of("CPUSET,nodemask=0-1,3", "x,mems_allowed=9"), "cpuset 0-1,3");
  EXPECT_EQ(nodes_of("MEMORY_POLICY,nodemask=3", "x"), "memory_policy 3");
  EXPECT_EQ(nodes_of("MEMORY_POLICY,nodemask=(null)", "x"), "memory_policy ");
  EXPECT_EQ(nodes_of("MEMORY_POLICY,nodemask=" + std::string(5000, '1'), "x"), "memory_policy ");
}

TEST(OomParser, TellsFragmentationOnlyWhereMemoryWasFree) {
  const std::string normal = "Node 0 Normal free:%kB min:1000kB low:1200kB high:1400kB free_cma:0kB";
  const std::string high = "HighMem free:%kB min:10kB low:12kB high:14kB";
  const auto zone = [](std::string text, const std::string& free) { return text.replace(text.find('%'), 1, free); };
  const auto scope_of = [&](const std::string& asked, const Lines& dump) {
    Lines texts{invoked(asked)};
    texts.insert(texts.end(), dump.begin(), dump.end());
    texts.push_back(killed(5, "x", "Out of memory"));
    return kills_in(log_of(texts)).back().scope;
  };
  using enum OomScope;
  const std::string kernel2 = "gfp_mask=0xcc0(GFP_KERNEL), order=2", kernel0 = "gfp_mask=0xcc0(GFP_KERNEL), order=0";
  EXPECT_EQ(scope_of(kernel2, {zone(normal, "90000")}), fragmentation);
  EXPECT_EQ(scope_of(kernel2, {zone(normal, "1410")}), node) << "less than one block to spare";
  EXPECT_EQ(scope_of(kernel2, {zone(normal, "900")}), node);
  EXPECT_EQ(scope_of(kernel2, {zone(normal, "90000"), "lowmem_reserve[]: 0 0 25000 25000"}), node)
      << "kept for those who can't use another zone";
  EXPECT_EQ(scope_of(kernel0, {zone(normal, "90000")}), node);
  EXPECT_EQ(scope_of(kernel0, {zone(normal, "900"), zone(high, "90000")}), fragmentation) << "in another zone";
  EXPECT_EQ(scope_of("gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE), order=0", {zone(normal, "900"), zone(high, "90000")}),
            node);
  EXPECT_EQ(scope_of("gfp_mask=0xcc1(GFP_KERNEL|GFP_DMA), order=0", {zone(normal, "90000")}), fragmentation);
  const Lines without_zones{"active_anon:9 inactive_anon:9\n free:5000 free_pcp:0", "10000 pages RAM"};
  EXPECT_EQ(scope_of(kernel2, without_zones), fragmentation);
  EXPECT_EQ(scope_of(kernel0, without_zones), node);
  EXPECT_EQ(scope_of(kernel2, {}), node);
}

// --- The table of processes, and the node's memory
// ---------------------------------------------------------------------------------------------------

/// "pid comm uid rss swap", in KiB.
Lines processes_of(const LoggedKill& kill) {
  Lines lines;
  if (!kill.dump.processes) return lines;
  for (const core::ListedProcess& one : kill.dump.processes->top)
    lines.push_back(std::to_string(one.pid) + " " + one.comm + " " + number(one.uid) + " " + kib(one.rss_bytes) + " " +
                    kib(one.swap_bytes));
  return lines;
}

TEST(OomParser, ReadsTheTableOfProcessesOfEveryKernel) {
  const std::vector<Lines> tables = {
      {"[ pid ]   uid  tgid total_vm      rss cpu oom_adj oom_score_adj name",  // 2.6.32
       "[ 1234]    27  1234    12345      678   1       0             0 my sql"},
      {"[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name",  // 3.10
       "[ 1234]    27  1234    12345      678      24        5         -1000 my sql"},
      {"[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name",  // 4.4
       "[ 1234]    27  1234    12345      678      24       3        5             0 my sql"},
      {"[ pid ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",  // 4.19
       "[ 1234]    27  1234    12345      678    98304        5             0 my sql"},
      {"Tasks state (memory values in pages):",
       "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",  // 5.4
       "[   1234]    27  1234    12345      678    98304        5             0 my sql"},
      {"Tasks state (memory values in pages):",
       "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name",
       "[   1234]    27  1234    12345      678      600       78         0    98304        5             0 my sql"}};
  for (const Lines& table : tables) {
    Lines texts{invoked("gfp_mask=0xcc0, order=0")};
    texts.insert(texts.end(), table.begin(), table.end());
    texts.push_back(killed(5, "x"));
    const auto kills = kills_in(log_of(texts));
    ASSERT_EQ(kills.size(), 1U);
    const bool has_swap = table.front().find("oom_adj ") == std::string::npos;
    EXPECT_EQ(processes_of(kills[0]), (Lines{"1234 my sql 27 2712 " + std::string(has_swap ? "20" : "-")}))
        << table.front();
    EXPECT_EQ(kills[0].dump.processes->count, 1);
  }
  const auto kills = kills_in(log_of(texts_in("6.8-node-fragmented.texts")));
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(processes_of(kills[0]), (Lines{"2001 my (odd) name 1000 1000400 16384", "2002 worker 1000 200000 0",
                                           "412 systemd-udevd 0 4400 0"}));
  const core::ListedProcess& largest = kills[0].dump.processes->top[0];
  EXPECT_EQ(kib(largest.anon_bytes) + " " + kib(largest.file_bytes) + " " + kib(largest.shmem_bytes), "1000000 400 0");
  EXPECT_EQ(kills[0].dump.processes->top[2].oom_score_adj, -1000);
}

TEST(OomParser, KeepsTheTenLargestOfAnyNumberOfProcesses) {
  OomParser parser;
  std::uint64_t sequence = 0;
  const auto take = [&](const std::string& text) {
    return parser.take({.priority = 6, .sequence = ++sequence, .at_us = 1000, .continued = false, .text = text});
  };
  take(invoked("gfp_mask=0xcc0, order=0"));
  take("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name");
  for (int i = 1; i <= 32'000; ++i)
    take("[ " + std::to_string(i) + "]     0 1 1 " + std::to_string(i * 7 % 32'003) + " 4096 1 0 p" +
         std::to_string(i));
  take(killed(5, "x"));
  const auto kill = parser.flush();
  ASSERT_TRUE(kill && kill->dump.processes);
  EXPECT_EQ(kill->dump.processes->count, 32'000);
  EXPECT_EQ(kill->dump.processes->swap_bytes, 32'000U * 4096);
  ASSERT_EQ(kill->dump.processes->top.size(), 10U);
  EXPECT_EQ(kill->dump.processes->top[0].rss_bytes, 32'002U * 4096);
  EXPECT_GT(kill->dump.processes->top[8].rss_bytes, kill->dump.processes->top[9].rss_bytes);
}

TEST(OomParser, LeavesOutRowsThatAreNone) {
  Lines texts{invoked("gfp_mask=0xcc0, order=0"),
              "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"};
  for (const char* row :
       {"[drm] fb0: link up", "[   12", "[   12]", "[   12] 0 12 1", "[    0]     0 0 1 1 4096 0 0 x",
        "[   12]     0 12 1 x 4096 0 0 x", "[   12]     0 12 1 -1 4096 0 0 x",
        "[   12]     0 12 1 99999999999999999999 4096 0 0 x", "[99999999999]     0 12 1 1 4096 0 0 x"})
    texts.emplace_back(row);
  texts.emplace_back("[   12]     0 12 1 1 4096 0 0 ");  // a name may be empty
  texts.push_back(killed(5, "x"));
  const auto kills = kills_in(log_of(texts));
  ASSERT_EQ(kills.size(), 1U);
  EXPECT_EQ(processes_of(kills[0]), (Lines{"12  0 4 0"}));
}

TEST(OomParser, TakesATableOnlyWithTheEventThatItIsOf) {
  const Lines table{"[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
                    "[   12]     0 12 1 1 4096 0 0 x"};
  EXPECT_FALSE(kills_in(log_of({table[0], table[1], killed(5, "x")})).at(0).dump.processes);
  const auto kills = kills_in(log_of({invoked("order=0"), table[0], table[1], killed(5, "x"), killed(6, "y")}));
  ASSERT_EQ(kills.size(), 2U);
  EXPECT_TRUE(kills[0].dump.processes);
  EXPECT_FALSE(kills[1].dump.processes);
}

TEST(OomParser, ReadsTheNodesMemory) {
  const auto kills = kills_in(log_of(texts_in("6.8-node-fragmented.texts")));
  ASSERT_EQ(kills.size(), 1U);
  ASSERT_TRUE(kills[0].dump.node);
  const core::NodeMemory& node = *kills[0].dump.node;
  std::string text;
  for (const auto& bytes :
       {node.total_bytes, node.free_bytes, node.active_anon_bytes, node.inactive_anon_bytes, node.active_file_bytes,
        node.inactive_file_bytes, node.shmem_bytes, node.slab_reclaimable_bytes, node.slab_unreclaimable_bytes,
        node.dirty_bytes, node.writeback_bytes})
    text += kib(bytes) + " ";
  EXPECT_EQ(text, "3902464 841600 8400 1204800 4800 3600 2400 208000 124000 48 16 ");
  EXPECT_EQ(kills[0].dump.order, 3);
  const auto of_cgroup = kills_in(log_of({invoked("gfp_mask=0xcc0, order=0"), "active_anon:1 inactive_anon:2",
                                          oom_kill("/a", "/a", "x", 5), killed(5, "x")}));
  EXPECT_FALSE(of_cgroup.at(0).dump.node) << "it has nothing to do with the cgroup";
}

}  // namespace
}  // namespace cgmm::kernel
