// SPDX-License-Identifier: Apache-2.0
#include "kernel/controller.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "support/child_process.hpp"
#include "support/fake_cgroups.hpp"
#include "support/few_descriptors.hpp"
#include "support/real_cgroup.hpp"

namespace cgmm::kernel {
namespace {

using core::Counter;
using core::Gauge;
using test::FakeCgroups;
using test::FakeMemory;

constexpr std::uint64_t kMiB = 1 << 20;

struct Opened {
  explicit Opened(const FakeCgroups& tree) : controller(make_controller(open_hierarchy(tree.root()))), tree_(tree) {}
  Cgroup cgroup(const std::string& path) { return controller->open({path, tree_.inode(path)}).value(); }
  std::string error_of_reading(const std::string& path) {
    Cgroup one = cgroup(path);
    try {
      const auto reading = controller->read(one);
      return reading ? reading->problem : "vanished";
    } catch (const std::exception& error) {
      return error.what();
    }
  }
  std::unique_ptr<Controller> controller;
  std::string problem;  // of reading limits

 private:
  const FakeCgroups& tree_;
};

TEST(V1Controller, ReadsTheHierarchicalValues) {
  FakeCgroups tree;
  tree.put("/web", test::v1_files({.file_bytes = 50 * kMiB,
                                   .shmem_bytes = kMiB,
                                   .anon_bytes = 9 * kMiB,
                                   .oom_kills = 3,
                                   .inactive_bytes = 11}));
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  const auto reading = opened.controller->read(web);
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->problem, "");
  const core::Gauges& gauges = reading->sample.gauges;
  EXPECT_EQ(gauges[Gauge::usage], 59 * kMiB);
  EXPECT_EQ(gauges[Gauge::file], 50 * kMiB);
  EXPECT_EQ(gauges[Gauge::shmem], kMiB);
  EXPECT_EQ(gauges[Gauge::anon], 9 * kMiB);
  EXPECT_EQ(gauges[Gauge::inactive_file], 11U);
  EXPECT_EQ(gauges[Gauge::active_file], 12U);
  EXPECT_EQ(gauges[Gauge::dirty], 4096U + 8192U);
  EXPECT_EQ(gauges[Gauge::kernel], 65536U);
  EXPECT_EQ(gauges[Gauge::swap], 0U);
  EXPECT_EQ(gauges[Gauge::peak], 59 * kMiB);
  EXPECT_EQ(gauges[Gauge::slab_reclaimable], std::nullopt);
  EXPECT_EQ(reading->sample.stands_still, false);
  const core::Counters& counters = reading->sample.counters;
  EXPECT_EQ(counters[Counter::pgfault], 100U);
  EXPECT_EQ(counters[Counter::pgmajfault], 5U);
  EXPECT_EQ(counters[Counter::refault_file], 7U);
  EXPECT_EQ(counters[Counter::refault_anon], 3U);
  EXPECT_EQ(counters[Counter::pgscan], std::nullopt);
  EXPECT_EQ(counters[Counter::limit_hits], 2U);
  EXPECT_EQ(counters[Counter::oom_kills], 3U);
  EXPECT_EQ(counters[Counter::psi_some_us], std::nullopt);
}

TEST(V1Controller, WorksOnTheMinimalDirectoryAndLeavesTheRestAbsent) {
  FakeCgroups tree;
  tree.put("/web", test::minimal_v1({.file_bytes = 30 * kMiB, .anon_bytes = kMiB, .limit_bytes = 64 * kMiB}));
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  const auto reading = opened.controller->read(web);
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->sample.gauges.size(), 2U);
  EXPECT_EQ(reading->sample.gauges[Gauge::file], 30 * kMiB);
  EXPECT_EQ(reading->sample.counters.size(), 0U);
  const core::Limits limits = opened.controller->read_limits(web, *reading, opened.problem);
  EXPECT_EQ(limits.limit_bytes, 64 * kMiB);
  EXPECT_EQ(limits.effective_limit_bytes, 64 * kMiB);
  EXPECT_TRUE(opened.controller->can_reclaim(web));
  EXPECT_FALSE(opened.controller->reclaim(web, 0));
  EXPECT_EQ(tree.file("/web", "memory.force_empty"), "1");
}

TEST(V1Controller, TakesTheSmallestLimitForTheEffectiveOne) {
  FakeCgroups tree;
  test::Files files = test::v1_files({.limit_bytes = 64 * kMiB});
  files["memory.limit_in_bytes"] = "9223372036854771712\n";
  tree.put("/web", files);
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  const core::Limits limits = opened.controller->read_limits(web, *opened.controller->read(web), opened.problem);
  EXPECT_EQ(limits.limit_bytes, std::nullopt);
  EXPECT_EQ(limits.effective_limit_bytes, 64 * kMiB);
}

TEST(V1Controller, TakesTheMachinesMemoryWhereThereIsNoLimit) {
  FakeCgroups tree;
  test::Files files = test::v1_files({});
  files["memory.limit_in_bytes"] = "9223372036854771712\n";
  files["memory.stat"] = "cache 1\nhierarchical_memory_limit 9223372036854771712\n";
  tree.put("/web", files);
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  const core::Limits limits = opened.controller->read_limits(web, *opened.controller->read(web), opened.problem);
  EXPECT_EQ(limits.limit_bytes, std::nullopt);
  EXPECT_EQ(limits.effective_limit_bytes, open_hierarchy(tree.root()).memory_bytes);
}

TEST(V1Controller, TakesTheLargestNumberOfPagesOfA32BitKernelForNoLimit) {
  constexpr std::uint64_t kTiB = std::uint64_t{1} << 40;
  FakeCgroups tree;
  const auto limits_of = [&](std::uint64_t bytes, std::uint64_t memory_bytes) {
    test::Files files = test::v1_files({.limit_bytes = bytes});
    tree.put("/web", files);
    Hierarchy hierarchy = open_hierarchy(tree.root());
    hierarchy.memory_bytes = memory_bytes;
    const auto controller = make_controller(hierarchy);
    auto web = controller->open({"/web", tree.inode("/web")});
    std::string problem;
    return controller->read_limits(*web, *controller->read(*web), problem);
  };
  for (const std::uint64_t page : {4096U, 16384U, 65536U}) {
    const std::uint64_t most = 2147483647 * page;  // 8796093018112 with pages of 4 KiB
    EXPECT_EQ(limits_of(most, 4096 * kMiB).limit_bytes, std::nullopt) << page;
    EXPECT_EQ(limits_of(most, 4096 * kMiB).effective_limit_bytes, 4096 * kMiB) << page;
    EXPECT_EQ(limits_of(most, 0).effective_limit_bytes, std::nullopt) << page;
    EXPECT_EQ(limits_of(most, 200 * kTiB).limit_bytes, most) << "no 32-bit kernel has so much memory";
    EXPECT_EQ(limits_of(most, 200 * kTiB).effective_limit_bytes, most);
    for (const std::uint64_t other : {most - page, most + page})
      EXPECT_EQ(limits_of(other, 4096 * kMiB).limit_bytes, other) << page;
  }
}

TEST(V2Controller, ReadsTheUnifiedValues) {
  FakeCgroups tree;
  tree.put("/web",
           test::v2_files({.file_bytes = 50 * kMiB, .shmem_bytes = kMiB, .anon_bytes = 9 * kMiB, .oom_kills = 1}));
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  const auto reading = opened.controller->read(web);
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->problem, "");
  const core::Gauges& gauges = reading->sample.gauges;
  EXPECT_EQ(gauges.size(), core::Gauges::kSize);
  EXPECT_EQ(gauges[Gauge::usage], 59 * kMiB);
  EXPECT_EQ(gauges[Gauge::file], 50 * kMiB);
  EXPECT_EQ(gauges[Gauge::dirty], 4096U + 8192U);
  EXPECT_EQ(gauges[Gauge::kernel], 65536U);
  EXPECT_EQ(gauges[Gauge::slab_reclaimable], 13U);
  EXPECT_EQ(gauges[Gauge::slab_unreclaimable], 14U);
  EXPECT_EQ(gauges[Gauge::peak], 59 * kMiB);
  EXPECT_EQ(reading->sample.stands_still, std::nullopt);
  const core::Counters& counters = reading->sample.counters;
  EXPECT_EQ(counters.size(), core::Counters::kSize);
  EXPECT_EQ(counters[Counter::limit_hits], 2U);
  EXPECT_EQ(counters[Counter::oom_kills], 1U);
  EXPECT_EQ(counters[Counter::psi_some_us], 1234U);
  EXPECT_EQ(counters[Counter::psi_full_us], 1000U);
}

TEST(V2Controller, TakesOlderKernelsKeys) {
  FakeCgroups tree;
  tree.put("/web", {{"memory.stat", "anon 1\nfile 2\nslab 10\nkernel_stack 20\nsock 5\nworkingset_refault 9\n"},
                    {"memory.current", "3\n"},
                    {"memory.max", "max\n"}});
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  const auto reading = opened.controller->read(web);
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->sample.gauges[Gauge::kernel], 35U);
  EXPECT_EQ(reading->sample.gauges[Gauge::swap], std::nullopt);
  EXPECT_EQ(reading->sample.counters[Counter::refault_file], 9U);
  EXPECT_EQ(reading->sample.counters[Counter::refault_anon], std::nullopt);
  EXPECT_FALSE(opened.controller->can_reclaim(web));
}

TEST(V2Controller, TakesTheSmallestMaxUpToTheRootForTheEffectiveLimit) {
  FakeCgroups tree;
  tree.put("/kubepods", {{"memory.max", "67108864\n"}});
  tree.put("/kubepods/pod", {{"memory.max", "max\n"}});
  test::Files files = test::v2_files({.limit_bytes = 100 * kMiB});
  files["memory.high"] = "1048576\n";
  tree.put("/kubepods/pod/web", files);
  Opened opened(tree);
  Cgroup web = opened.cgroup("/kubepods/pod/web");
  const core::Limits limits = opened.controller->read_limits(web, *opened.controller->read(web), opened.problem);
  EXPECT_EQ(limits.limit_bytes, 100 * kMiB);
  EXPECT_EQ(limits.effective_limit_bytes, 64 * kMiB);
  EXPECT_EQ(limits.high_bytes, kMiB);
}

TEST(V2Controller, ReadsTheLimitOfAnAncestorOnceAPass) {
  FakeCgroups tree;
  tree.put("/kubepods", {{"memory.max", "67108864\n"}});
  tree.put("/kubepods/a", test::v2_files({.limit_bytes = 100 * kMiB}));
  tree.put("/kubepods/b", test::v2_files({.limit_bytes = 100 * kMiB}));
  Opened opened(tree);
  Cgroup a = opened.cgroup("/kubepods/a");
  Cgroup b = opened.cgroup("/kubepods/b");
  const auto effective_limit = [&](Cgroup& cgroup) {
    return opened.controller->read_limits(cgroup, {}, opened.problem).effective_limit_bytes;
  };
  EXPECT_EQ(effective_limit(a), 64 * kMiB);
  tree.put_file("/kubepods", "memory.max", "33554432\n");
  EXPECT_EQ(effective_limit(b), 32 * kMiB) << "no pass has begun: always read";
  opened.controller->begin_pass();
  EXPECT_EQ(effective_limit(a), 32 * kMiB);
  tree.put_file("/kubepods", "memory.max", "max\n");
  EXPECT_EQ(effective_limit(b), 32 * kMiB);
  opened.controller->begin_pass();
  EXPECT_EQ(effective_limit(b), 100 * kMiB);
}

TEST(V1Controller, SaysThatThereIsNoMoreIfTheKernelEndsBeforeTheAmountIsFreed) {
  FakeCgroups tree;
  tree.put("/web", test::v1_files({.file_bytes = 50 * kMiB}));
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  EXPECT_EQ(opened.controller->reclaim(web, kMiB), std::errc::resource_unavailable_try_again);
  EXPECT_EQ(tree.file("/web", "memory.force_empty"), "1");
  EXPECT_FALSE(opened.controller->reclaim(web, kEverything));
  EXPECT_EQ(tree.file("/web", "memory.force_empty"), "1");
  EXPECT_FALSE(opened.controller->took_all_because());
}

TEST(V2Controller, AsksForAnAmountAndNotForSwap) {
  FakeCgroups tree;
  tree.put("/web", test::v2_files({}));
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  EXPECT_FALSE(opened.controller->reclaim(web, 12345));
  EXPECT_EQ(tree.file("/web", "memory.reclaim"), "12345 swappiness=0");
}

TEST(Controller, SaysWhichFileIsWrongAndHow) {
  FakeCgroups tree;
  tree.put("/web", test::v1_files({}));
  Opened opened(tree);
  const auto with = [&](const std::string& name, const std::string& content) {
    tree.put("/web", test::v1_files({}));
    tree.put_file("/web", name, content);
    return opened.error_of_reading("/web");
  };
  EXPECT_EQ(with("memory.stat", ""), "/web/memory.stat: is empty");
  EXPECT_EQ(with("memory.stat", "cache 1\nrss"), "/web/memory.stat: ends in the middle of a line");
  EXPECT_EQ(with("memory.stat", "\xff\xfe\n"), "/web/memory.stat: has no \"cache\"");
  EXPECT_EQ(with("memory.stat", std::string(70'000, 'x') + "\n"), "/web/memory.stat: File too large");
  EXPECT_EQ(with("memory.usage_in_bytes", ""), "/web/memory.usage_in_bytes: is empty, expected a number");
  EXPECT_EQ(with("memory.oom_control", ""), "/web/memory.oom_control: is empty");
}

/// "file key text" of each value that is no number.
std::vector<std::string> no_numbers_of(const Reading& reading) {
  std::vector<std::string> all;
  for (const NoNumber& one : reading.no_numbers)
    all.push_back(one.file + (one.key.empty() ? "" : " " + one.key) + " " + one.text);
  return all;
}

/// The files are as kernels have written them.
TEST(V1Controller, AValueThatIsNoNumberIsAbsentAndTheRestIsKept) {
  FakeCgroups tree;
  test::Files files = test::v1_files({.file_bytes = 50 * kMiB, .anon_bytes = 9 * kMiB});
  files["memory.stat"] =
      "cache 1\nhierarchical_memory_limit 18446744073709551615\ntotal_cache 52428800\ntotal_rss 4096\n"
      "total_shmem -8192\ntotal_swap -4096\ntotal_pgfault 18446744073709551615\n";
  files["memory.kmem.usage_in_bytes"] = "18446744073709547520\n";
  files["memory.failcnt"] = "-1\n";
  tree.put("/web", files);
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  const auto reading = opened.controller->read(web);
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->problem, "");
  const core::Gauges& gauges = reading->sample.gauges;
  EXPECT_EQ(gauges[Gauge::file], 50 * kMiB);
  EXPECT_EQ(gauges[Gauge::anon], 4096U);
  EXPECT_EQ(gauges[Gauge::usage], 59 * kMiB);
  for (const auto gauge : {Gauge::shmem, Gauge::swap, Gauge::kernel}) {
    EXPECT_FALSE(gauges.has(gauge));
    EXPECT_TRUE(gauges.is_no_number(gauge));
  }
  EXPECT_FALSE(reading->sample.counters.has(Counter::pgfault));
  EXPECT_FALSE(reading->sample.counters.has(Counter::limit_hits));
  EXPECT_EQ(opened.controller->read_limits(web, *reading, opened.problem).effective_limit_bytes, 100 * kMiB)
      << "2^64-1 is no limit, but its own is one";
  EXPECT_EQ(no_numbers_of(*reading),
            (std::vector<std::string>{"memory.stat total_shmem \"-8192\"", "memory.stat total_swap \"-4096\"",
                                      "memory.stat total_pgfault \"18446744073709551615\"",
                                      "memory.kmem.usage_in_bytes \"18446744073709547520\"", "memory.failcnt \"-1\""}));
  EXPECT_EQ(core::reclaimable_cache_bytes(gauges), 0U) << "how much of the cache is tmpfs is not known";
}

TEST(V2Controller, AValueThatIsNoNumberIsAbsentAndTheRestIsKept) {
  FakeCgroups tree;
  test::Files files = test::v2_files({.file_bytes = 50 * kMiB, .anon_bytes = 9 * kMiB});
  files["memory.stat"] = "anon 4096\nfile -4096\nkernel -1\nshmem 0\npgscan 21\n";
  files["memory.events"] = "low 0\nhigh -5\nmax 2\noom 0\noom_kill 1\n";
  files["memory.pressure"] = "some avg10=0.00 total=-7\nfull avg10=0.00 total=5\n";
  files["memory.peak"] = "-4096\n";
  tree.put("/web", files);
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  const auto reading = opened.controller->read(web);
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->problem, "");
  EXPECT_FALSE(reading->sample.gauges.has(Gauge::file));
  EXPECT_FALSE(reading->sample.gauges.has(Gauge::kernel)) << "not the sum of its parts";
  EXPECT_FALSE(reading->sample.gauges.has(Gauge::peak));
  EXPECT_EQ(reading->sample.gauges[Gauge::anon], 4096U);
  EXPECT_EQ(reading->sample.counters[Counter::pgscan], 21U);
  EXPECT_EQ(reading->sample.counters[Counter::limit_hits], 2U);
  EXPECT_EQ(reading->sample.counters[Counter::oom_kills], 1U);
  EXPECT_FALSE(reading->sample.counters.has(Counter::high_events));
  EXPECT_FALSE(reading->sample.counters.has(Counter::psi_some_us));
  EXPECT_EQ(reading->sample.counters[Counter::psi_full_us], 5U);
  EXPECT_EQ(reading->no_numbers.size(), 5U);
}

TEST(V1Controller, TellsThatACgroupStandsStill) {
  const auto told = [](const std::string& control) {
    FakeCgroups tree;
    test::Files files = test::v1_files({});
    files["memory.oom_control"] = control;
    tree.put("/web", files);
    Opened opened(tree);
    Cgroup web = opened.cgroup("/web");
    return opened.controller->read(web)->sample.stands_still;
  };
  EXPECT_EQ(told("oom_kill_disable 1\nunder_oom 1\noom_kill 0\n"), true);
  EXPECT_EQ(told("oom_kill_disable 0\nunder_oom 1\noom_kill 0\n"), false) << "somebody is being killed";
  EXPECT_EQ(told("oom_kill_disable 1\nunder_oom 0\n"), false);
  EXPECT_EQ(told("oom_kill 0\n"), std::nullopt);
}

TEST(Controller, LeavesThePeakUnreadWhereNobodyWantsIt) {
  for (const auto& files : {test::v1_files({}), test::v2_files({})}) {
    FakeCgroups tree;
    tree.put("/web", files);
    Opened opened(tree);
    Cgroup web = opened.cgroup("/web");
    EXPECT_FALSE(opened.controller->read(web, {.with_peak = false})->sample.gauges.has(Gauge::peak));
    EXPECT_TRUE(opened.controller->read(web)->sample.gauges.has(Gauge::peak));
  }
}

TEST(V1Controller, LeavesOutWhatTheCallerKnows) {
  FakeCgroups tree;
  test::Files files = test::v1_files({.limit_bytes = 64 << 20});
  files["memory.oom_control"] = "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n";
  tree.put("/web", files);
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  const auto all = opened.controller->read(web);
  EXPECT_FALSE(all->may_stand_still);
  EXPECT_TRUE(all->sample.counters.has(Counter::oom_kills));
  const auto some = opened.controller->read(web, {.with_oom_control = false, .no_hits = {{64 << 20, {}}}});
  EXPECT_FALSE(some->sample.counters.has(Counter::oom_kills));
  EXPECT_FALSE(some->sample.counters.has(Counter::limit_hits));
  const auto other = opened.controller->read(web, {.no_hits = {{32 << 20, {}}}});
  EXPECT_TRUE(other->sample.counters.has(Counter::limit_hits)) << "the limit that holds for it is another one now";
}

TEST(Cgroup, StaysOpenDuringAVisitWhereItsDirectoryMayNotBeHeld) {
  FakeCgroups tree;
  tree.put("/web", {{"first", "1\n"}, {"second", "2\n"}});
  const base::Fd root(::open(tree.root().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  HeldFiles none;
  auto web = Cgroup::open(root.get(), core::SharedPath("/web"), tree.inode("/web"), none);
  std::vector<char> buffer(kMaxFileBytes + 1);
  constexpr std::size_t kFirst = Cgroup::kOftenRead, kSecond = kFirst + 1;
  {
    const Cgroup::Visit visit(*web);
    EXPECT_EQ(web->read(kFirst, "first", buffer), "1\n");
    std::filesystem::rename(tree.root() + "/web", tree.root() + "/other");
    EXPECT_EQ(web->read(kSecond, "second", buffer), "2\n") << "it is not looked for again";
  }
  EXPECT_EQ(web->read(kSecond, "second", buffer), std::nullopt);
}

TEST(V1Controller, ReadsLimitHitsAgainOnceThePeakIsCloseToTheLimitOrWasReset) {
  FakeCgroups tree;
  tree.put("/web", test::v1_files({.limit_bytes = 1000 * kMiB}));
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  const auto is_read = [&](std::uint64_t peak_before_mib, std::uint64_t peak_now_mib, std::uint64_t limit_mib = 1000) {
    tree.put_file("/web", "memory.max_usage_in_bytes", std::to_string(peak_now_mib * kMiB) + "\n");
    const auto reading = opened.controller->read(web, {.no_hits = {{limit_mib * kMiB, peak_before_mib * kMiB}}});
    return reading->sample.counters.has(Counter::limit_hits);
  };
  EXPECT_FALSE(is_read(500, 500));
  EXPECT_FALSE(is_read(500, 700));
  EXPECT_TRUE(is_read(500, 999));
  EXPECT_TRUE(is_read(999, 999));
  EXPECT_TRUE(is_read(500, 300)) << "it was reset, and may have been anything before";
  EXPECT_TRUE(is_read(500, 500, 2000)) << "the limit is another one now";
}

TEST(V2Controller, KnowsACgroupWithoutTheMemoryControllerFromOneThatIsGone) {
  FakeCgroups tree;
  tree.put("/web", {{"cgroup.controllers", "cpuset\n"}});
  tree.put("/app", test::v2_files({}));
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  Cgroup app = opened.cgroup("/app");
  EXPECT_FALSE(opened.controller->read(web));
  EXPECT_TRUE(opened.controller->lacks_memory(web));
  EXPECT_FALSE(opened.controller->lacks_memory(app));
  tree.remove("/web");
  EXPECT_FALSE(opened.controller->lacks_memory(web));
}

TEST(Controller, KeepsTheOtherValuesWhenOneFileIsWrong) {
  FakeCgroups tree;
  test::Files files = test::v2_files({.file_bytes = 5});
  files["memory.current"] = "";
  tree.put("/web", files);
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  const auto reading = opened.controller->read(web);
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->sample.gauges[Gauge::usage], std::nullopt);
  EXPECT_EQ(reading->sample.gauges[Gauge::file], 5U);
  EXPECT_EQ(reading->problem, "/web/memory.current: is empty, expected a number");
}

TEST(Controller, SaysThatAFileCantBeRead) {
  FakeCgroups tree;
  tree.put("/web", test::v1_files({}));
  std::filesystem::remove(tree.root() + "/web/memory.stat");
  std::filesystem::create_directory(tree.root() + "/web/memory.stat");
  Opened opened(tree);
  EXPECT_EQ(opened.error_of_reading("/web"), "/web/memory.stat: Is a directory");
}

/// The kernel removes the files of a cgroup before its directory: what is found between the two is no failure.
TEST(Controller, TakesACgroupThatHasLostItsFilesForGone) {
  FakeCgroups tree;
  tree.put("/web", test::v1_files({}));
  tree.remove_file("/web", "memory.stat");
  Opened opened(tree);
  EXPECT_EQ(opened.error_of_reading("/web"), "vanished");
}

TEST(Controller, DoesNotHangOnAPipeInPlaceOfAFile) {
  FakeCgroups tree;
  tree.put("/web", test::v1_files({}));
  tree.remove_file("/web", "memory.failcnt");
  ASSERT_EQ(::mkfifo((tree.root() + "/web/memory.failcnt").c_str(), 0600), 0);
  Opened opened(tree);
  EXPECT_EQ(opened.error_of_reading("/web"), "/web/memory.failcnt: Illegal seek");
}

TEST(Controller, DoesNotFollowASymbolicLinkInPlaceOfAFile) {
  FakeCgroups tree;
  tree.put("/web", test::v1_files({}));
  tree.put("/other", test::v1_files({}));
  tree.remove_file("/web", "memory.stat");
  std::filesystem::create_symlink(tree.root() + "/other/memory.stat", tree.root() + "/web/memory.stat");
  Opened opened(tree);
  EXPECT_EQ(opened.error_of_reading("/web"), "/web/memory.stat: Too many levels of symbolic links");
}

/// From here on this process has no such system call, as with an old kernel or under a filter that does not know it.
bool give_up(unsigned call) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{sizeof filter / sizeof filter[0], filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Whether /link/web is refused although it has the inode that is asked for, and /pods/web and the root are found.
bool follows_no_link(Opened& opened, std::uint64_t inode, std::uint64_t root_inode) {
  if (!opened.controller->open({"/pods/web", inode}) || !opened.controller->open({"", root_inode})) return false;
  try {
    return !opened.controller->open({"/link/web", inode});
  } catch (const std::system_error& error) {
    return error.code() == std::errc::too_many_symbolic_link_levels || error.code() == std::errc::not_a_directory;
  }
}

TEST(V1Controller, TakesEverythingAndSaysWhyWhereTheKernelHasNoTimers) {
  FakeCgroups tree;
  tree.put("/web", test::v1_files({.file_bytes = 50 * kMiB}));
  auto child = test::ChildProcess::fork_off([&] {
    Opened opened(tree);
    Cgroup web = opened.cgroup("/web");
    if (!give_up(SYS_timer_create)) return 2;
    if (opened.controller->reclaim(web, kMiB)) return 3;
    return opened.controller->took_all_because() == std::errc::function_not_supported ? 0 : 4;
  });
  EXPECT_EQ(child.wait_for_exit(), 0);
  EXPECT_EQ(tree.file("/web", "memory.force_empty"), "1");
}

TEST(Controller, DoesNotFollowASymbolicLinkOnTheWay) {
  FakeCgroups tree;
  tree.put("/pods/web", test::v1_files({}));
  std::filesystem::create_directory_symlink("pods", tree.root() + "/link");
  Opened opened(tree);
  const std::uint64_t inode = tree.inode("/pods/web");
  const std::uint64_t root_inode = tree.inode("");
  EXPECT_TRUE(follows_no_link(opened, inode, root_inode));
  auto child = test::ChildProcess::fork_off([&] {
    if (!give_up(SYS_openat2)) return 2;
    return follows_no_link(opened, inode, root_inode) ? 0 : 1;
  });
  EXPECT_EQ(child.wait_for_exit(), 0) << "without openat2()";
}

TEST(Controller, FindsACgroupThatVanishedAtAnyStepAbsent) {
  FakeCgroups tree;
  tree.put("/web", test::v1_files({}));
  tree.put("/other", test::v1_files({}));
  Opened opened(tree);
  const std::uint64_t inode = tree.inode("/web");
  Cgroup web = opened.cgroup("/web");
  ASSERT_TRUE(opened.controller->read(web));
  tree.remove("/web");
  EXPECT_FALSE(opened.controller->read(web));
  EXPECT_TRUE(web.is_gone());
  EXPECT_FALSE(opened.controller->open({"/web", inode}));
  EXPECT_TRUE(opened.controller->reclaim(web, 0));
}

TEST(Controller, SetsDescriptorsAsideForEverythingElse) {
  FakeCgroups tree;
  for (int i = 0; i < 40; ++i) tree.put("/" + std::to_string(i), test::minimal_v1({}));
  const test::FewDescriptors few(110);
  Opened opened(tree);
  std::vector<Cgroup> cgroups;
  for (int i = 0; i < 40; ++i) cgroups.push_back(opened.cgroup("/" + std::to_string(i)));
  for (Cgroup& one : cgroups) EXPECT_TRUE(opened.controller->read(one));
  std::vector<base::Fd> left;
  while (left.size() < 110) {
    base::Fd fd(::dup(STDERR_FILENO));
    if (!fd) break;
    left.push_back(std::move(fd));
  }
  EXPECT_GE(left.size(), 95U);
  EXPECT_LE(left.size(), 105U) << "some are held";
}

TEST(Controller, NeverTakesARecreatedCgroupForTheOldOne) {
  FakeCgroups tree;
  tree.put("/web", test::v1_files({}));
  Opened opened(tree);
  Cgroup web = opened.cgroup("/web");
  std::filesystem::rename(tree.root() + "/web", tree.root() + "/old");  // keeps the old inode from being used again
  tree.put("/web", test::v1_files({}));
  EXPECT_TRUE(web.is_gone());
  EXPECT_FALSE(opened.controller->open(web.id()));
}

TEST(Controller, ReachesCgroupsWithPathsOverTheKernelsLimit) {
  FakeCgroups tree;
  const std::string segment = "/" + std::string(250, 'n');
  std::string path;
  base::Fd directory(::open(tree.root().c_str(), O_PATH | O_DIRECTORY));
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(::mkdirat(directory.get(), segment.c_str() + 1, 0700), 0);
    directory = base::Fd(::openat(directory.get(), segment.c_str() + 1, O_PATH | O_DIRECTORY));
    path += segment;
  }
  ASSERT_GT(path.size(), 4096U);
  const base::Fd stat(::openat(directory.get(), "memory.stat", O_WRONLY | O_CREAT, 0600));
  const std::string text = "cache 4096\n";
  ASSERT_EQ(::write(stat.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  struct stat status{};
  ASSERT_EQ(::fstat(directory.get(), &status), 0);
  tree.put_file("", "memory.limit_in_bytes", "1\n");
  const auto controller = make_controller(open_hierarchy(tree.root()));
  auto cgroup = controller->open({path, status.st_ino});
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(controller->read(*cgroup)->sample.gauges[Gauge::file], 4096U);
}

/// Files that this process holds open below the directory.
std::size_t held_files(const std::filesystem::path& directory) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const std::string file = std::filesystem::read_symlink(entry.path(), error).string();
    count += file.starts_with(directory.string() + "/") && file.find("/memory.") != std::string::npos ? 1U : 0U;
  }
  return count;
}

TEST(RealController, HoldsTheMostReadFilesWhereThereAreTooManyForAll) {
  if (const auto missing = test::RealCgroupTree::missing()) GTEST_SKIP() << *missing;
  const test::RealCgroupTree tree;
  const auto controller = make_controller(open_hierarchy(tree.dir().string()));
  struct stat status{};
  ASSERT_EQ(::stat(tree.make("web").c_str(), &status), 0);
  auto web = controller->open({tree.path_of("web"), status.st_ino});
  ASSERT_TRUE(web);
  ASSERT_TRUE(controller->read(*web));
  const std::size_t all = held_files(tree.dir());
  EXPECT_GE(all, 4U);
  for (const auto& [cgroup_count, held] :
       {std::pair(100'000, std::size_t{1}), std::pair(4000, std::size_t{2}), std::pair(1, all)}) {
    controller->expect(static_cast<std::size_t>(cgroup_count));
    ASSERT_TRUE(controller->read(*web));
    EXPECT_EQ(held_files(tree.dir()), held) << cgroup_count;
  }
}

}  // namespace
}  // namespace cgmm::kernel
