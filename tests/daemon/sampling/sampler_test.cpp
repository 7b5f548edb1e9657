// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/sampler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "support/fake_cgroups.hpp"

namespace cgmm::daemon {
namespace {

using core::Counter;
using core::Gauge;
using test::FakeCgroups;
using test::FakeMemory;

constexpr std::uint64_t kMiB = 1 << 20;

struct Kind {
  const char* name;
  test::Files (*files)(const FakeMemory&);
};
const Kind kV1{"V1", &test::v1_files};
const Kind kV2{"V2", &test::v2_files};
const Kind kMinimalV1{"MinimalV1", &test::minimal_v1};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }
std::string name_of(const testing::TestParamInfo<Kind>& info) { return info.param.name; }

/// The same behaviour is wanted of v1, v2, and the minimal v1 directory.
class EveryKind : public testing::TestWithParam<Kind> {
 protected:
  test::Files files(const FakeMemory& memory) const { return GetParam().files(memory); }
  /// What is over its threshold is due at once.
  static core::Policy policy() {
    core::Policy policy;
    policy.defaults.policy = core::ReclaimPolicy::target;
    return policy;
  }
  Sampler sampler() { return Sampler(kernel::open_hierarchy(tree_.root()), policy()); }
  /// Of the only cgroup.
  static core::CgroupKey key_of(const Sampler::Result& result) { return result.scan.rows.at(0).cgroup->key; }
  FakeCgroups tree_;
};

INSTANTIATE_TEST_SUITE_P(, EveryKind, testing::Values(kV1, kV2, kMinimalV1), name_of);

TEST_P(EveryKind, NamesACgroupTheSameInEveryScan) {
  tree_.put("/web", files({.file_bytes = 10 * kMiB}));
  Sampler one = sampler();
  const Sampler::Result first = one.scan(1000);
  ASSERT_EQ(first.scan.rows.size(), 1U);
  EXPECT_EQ(core::CgroupId(first.scan.rows[0].cgroup->id), (core::CgroupId{"/web", tree_.inode("/web")}));
  EXPECT_EQ(first.scan.rows[0].gauges[Gauge::file], 10 * kMiB);
  EXPECT_EQ(first.appeared, std::vector{first.scan.rows[0].cgroup});
  EXPECT_EQ(first.scan.started_at_us, 1000);
  const Sampler::Result second = one.scan(2000);
  EXPECT_TRUE(second.appeared.empty());
  ASSERT_EQ(second.scan.rows.size(), 1U);
  EXPECT_EQ(second.scan.rows[0].cgroup, first.scan.rows[0].cgroup);
  EXPECT_EQ(second.scan.error_count, 0);
}

TEST_P(EveryKind, LooksUpTheRuleOfACgroupOnceUntilTheRulesChange) {
  for (const char* const path : {"/a", "/b"}) tree_.put(path, files({.file_bytes = 10 * kMiB}));
  Sampler one = sampler();
  EXPECT_EQ(one.scan(1000).rule_lookup_count, 2);
  EXPECT_EQ(one.scan(2000).rule_lookup_count, 0);
  tree_.put("/c", files({.file_bytes = 10 * kMiB}));
  EXPECT_EQ(one.scan(3000).rule_lookup_count, 1);
  core::Policy with_rule = policy();
  with_rule.rules = {{.cgroup = "/b", .threshold = core::Threshold::of_bytes(kMiB)}};
  one.set_policy(with_rule);
  const Sampler::Result changed = one.scan(4000);
  EXPECT_EQ(changed.rule_lookup_count, 3);
  ASSERT_EQ(changed.candidates.size(), 1U);
  EXPECT_EQ(changed.candidates[0].id.path, "/b");
  EXPECT_EQ(one.scan(5000).rule_lookup_count, 0);
}

TEST_P(EveryKind, WaitsForTheNameWhereARuleByWorkloadMayDecide) {
  const std::string uid = "0f5b1c2d-1111-2222-3333-444455556666", pod = "/kubepods/pod" + uid;
  const std::vector<std::string> paths = {pod + "/" + std::string(64, 'a'), pod + "/" + std::string(64, 'b'),
                                          pod + "/" + std::string(64, 'c'), "/unit"};
  for (const std::string& path : paths) tree_.put(path, files({.file_bytes = 10 * kMiB}));
  core::Policy with_rules = policy();
  with_rules.defaults = {.threshold = core::Threshold::of_bytes(kMiB), .policy = core::ReclaimPolicy::target};
  with_rules.rules = {{.cgroup = paths[2], .cooldown_us = 1}, {.workload = "shop/db/*", .reclaim = false}};
  Sampler one = sampler();
  one.set_policy(with_rules);
  const auto due = [&](std::int64_t at_us) {
    std::vector<std::string> them;
    for (const core::Candidate& each : one.scan(at_us).candidates) them.push_back(each.id.path);
    std::ranges::sort(them);
    return them;
  };
  const std::vector<std::string> at_first = {paths[2], paths[3]};
  EXPECT_EQ(due(1000), at_first) << "of these it is certain";
  const auto names_of = [&](std::size_t which, const char* pod_name, const char* container, bool is_final) {
    return core::NamesOf{{paths[which], tree_.inode(paths[which])}, {"shop", pod_name, container}, is_final};
  };
  one.learn({names_of(0, "db-0", "", false), names_of(1, "web-1", "", false)});
  EXPECT_EQ(due(2000), at_first) << "the container's name is still to come";
  one.learn({names_of(0, "db-0", "pg", true), names_of(1, "web-1", "app", true)});
  EXPECT_EQ(due(3000), (std::vector<std::string>{paths[1], paths[2], paths[3]})) << "not the database";
  one.learn({{{paths[0], tree_.inode(paths[0])}, {}, true}});
  EXPECT_EQ(due(4000), (std::vector<std::string>{paths[1], paths[2], paths[3]})) << "a name that is known stays";
  one.learn({{{"/gone", 1}, {"shop", "db-0", "pg"}, true}});
  with_rules.rules = {{.workload = "shop/web/*", .reclaim = false}};
  one.set_policy(with_rules);
  EXPECT_EQ(due(5000), (std::vector<std::string>{paths[0], paths[3]})) << "names are kept for rules that come later";
}

TEST_P(EveryKind, TakesARecreatedCgroupForANewOne) {
  tree_.put("/web", files({}));
  Sampler one = sampler();
  const auto first_key = key_of(one.scan(1000));
  std::filesystem::rename(tree_.root() + "/web", tree_.root() + "-old");  // so that its inode is not used again
  tree_.put("/web", files({}));
  const Sampler::Result second = one.scan(2000);
  EXPECT_EQ(second.gone.size(), std::size_t{1});
  ASSERT_EQ(second.appeared.size(), 1U);
  EXPECT_NE(key_of(second), first_key);
  EXPECT_TRUE(second.scan.unread.empty());
  std::filesystem::remove_all(tree_.root() + "-old");
}

TEST_P(EveryKind, FindsOnlyCgroupsOverTheThresholdDue) {
  tree_.put("/full", files({.file_bytes = 25 * kMiB, .limit_bytes = 100 * kMiB}));
  tree_.put("/below", files({.file_bytes = 25 * kMiB - 4096, .limit_bytes = 100 * kMiB}));
  Sampler one = sampler();
  const Sampler::Result result = one.scan(1000);
  ASSERT_EQ(result.candidates.size(), 1U);
  EXPECT_EQ(result.candidates[0].id.path, "/full");
  EXPECT_EQ(result.candidates[0].effective_limit_bytes, 100 * kMiB);
}

TEST_P(EveryKind, GoesOnWhenACgroupVanishes) {
  tree_.put("/a", files({}));
  tree_.put("/b", files({}));
  Sampler one = sampler();
  one.scan(1000);
  tree_.remove("/a");
  const Sampler::Result result = one.scan(2000);
  EXPECT_EQ(result.scan.error_count, 0);
  EXPECT_EQ(result.gone.size(), std::size_t{1});
  EXPECT_TRUE(result.scan.unread.empty());
  EXPECT_EQ(result.scan.rows.size(), 1U);
}

TEST_P(EveryKind, CountsAnUnusableCgroupAndSamplesTheOthers) {
  tree_.put("/a", files({}));
  tree_.put("/b", files({}));
  tree_.put_file("/a", "memory.stat", "");
  Sampler one = sampler();
  const Sampler::Result bad = one.scan(1000);
  EXPECT_EQ(bad.scan.error_count, 1);
  EXPECT_EQ(bad.first_error, "/a/memory.stat: is empty");
  EXPECT_EQ(bad.scan.rows.size(), 1U);
  EXPECT_EQ(bad.scan.unread.size(), 1U);
  tree_.put("/a", files({}));
  EXPECT_EQ(one.scan(2000).scan.rows.size(), 2U);
}

TEST_P(EveryKind, TakesNoCgroupForGoneBecauseTheHierarchyIsForAWhile) {
  tree_.put("/pods/a", files({}));
  Sampler one(kernel::open_hierarchy(tree_.root() + "/pods"), {});
  const auto key = key_of(one.scan(1000));
  std::filesystem::rename(tree_.root() + "/pods", tree_.root() + "/away");
  for (const std::int64_t at_us : {2000, 3000}) {
    const Sampler::Result gone = one.scan(at_us);
    EXPECT_EQ(gone.scan.error_count, 1);
    EXPECT_EQ(gone.parent_error, "parent \"" + tree_.root() +
                                     "/pods\" can't be opened: No such file or directory; "
                                     "expected a cgroup directory, or \"auto\"");
    EXPECT_TRUE(gone.scan.rows.empty());
    EXPECT_EQ(gone.scan.unread, std::vector{key});
    EXPECT_EQ(gone.gone.size(), std::size_t{0});
  }
  std::filesystem::rename(tree_.root() + "/away", tree_.root() + "/pods");
  const Sampler::Result back = one.scan(4000);
  EXPECT_EQ(back.parent_error, "");
  EXPECT_TRUE(back.appeared.empty());
  ASSERT_EQ(back.scan.rows.size(), 1U);
  EXPECT_EQ(key_of(back), key);
}

TEST_P(EveryKind, KnowsItsCgroupsAgainWhenTheHierarchyIsMountedAnew) {
  tree_.put("/pods/a", files({.oom_kills = 1}));
  tree_.put("/pods/b", files({.oom_kills = 1}));
  Sampler one(kernel::open_hierarchy(tree_.root() + "/pods"), {});
  const Sampler::Result before = one.scan(1000);
  ASSERT_EQ(before.scan.rows.size(), 2U);
  const auto& of_a = before.scan.rows[before.scan.rows[0].cgroup->id.path.string() == "/a" ? 0 : 1].cgroup;
  // Another root with one of them in it: the same inode.
  std::filesystem::rename(tree_.root() + "/pods", tree_.root() + "/away");
  std::filesystem::create_directory(tree_.root() + "/pods");
  std::filesystem::rename(tree_.root() + "/away/a", tree_.root() + "/pods/a");
  tree_.put("/pods/a", files({.oom_kills = 3}));
  tree_.put("/pods/c", files({}));
  const Sampler::Result anew = one.scan(2000);
  EXPECT_EQ(anew.parent_error, "");
  ASSERT_EQ(anew.appeared.size(), 1U);
  EXPECT_EQ(anew.appeared[0]->id.path.string(), "/c");
  EXPECT_EQ(anew.gone.size(), std::size_t{1});
  EXPECT_TRUE(anew.scan.unread.empty());
  ASSERT_EQ(anew.scan.rows.size(), 2U);
  const auto& row = anew.scan.rows[anew.scan.rows[0].cgroup == of_a ? 0 : 1];
  EXPECT_EQ(row.cgroup, of_a);
  EXPECT_EQ(row.increases.value_or(Counter::oom_kills, 0), row.oom_kills_total ? 2U : 0U) << "its counters go on";
}

/// The hierarchy is there, and the parent in it was removed: so were the cgroups in it.
TEST_P(EveryKind, TakesCgroupsForGoneWhenTheirParentIs) {
  tree_.put("/pods/a", files({}));
  kernel::Hierarchy hierarchy = kernel::open_hierarchy(tree_.root());
  hierarchy.parent += "/pods";
  hierarchy.parent_path = "/pods";
  Sampler one(hierarchy, {});
  const auto key = key_of(one.scan(1000));
  std::filesystem::rename(tree_.root() + "/pods", tree_.root() + "/away");
  const Sampler::Result gone = one.scan(2000);
  EXPECT_EQ(gone.parent_error, tree_.root() + "/pods: No such file or directory");
  EXPECT_EQ(gone.gone.size(), std::size_t{1});
  EXPECT_TRUE(gone.scan.unread.empty());
  tree_.put("/pods/a", files({}));
  const Sampler::Result back = one.scan(3000);
  EXPECT_EQ(back.scan.error_count, 0);
  ASSERT_EQ(back.appeared.size(), 1U);
  EXPECT_NE(key_of(back), key) << "another inode is another cgroup";
}

TEST_P(EveryKind, LeavesOutWhatIsOverMaxCgroups) {
  for (int i = 0; i < 5; ++i) tree_.put("/old" + std::to_string(i), files({}));
  Sampler one(kernel::open_hierarchy(tree_.root()), {});
  one.set_max_cgroups(6);  // of which one is for containers only
  EXPECT_EQ(one.scan(1000).left_out_count, 0);
  for (int i = 0; i < 5; ++i) tree_.put("/a" + std::to_string(i), files({}));
  const Sampler::Result full = one.scan(2000);
  EXPECT_EQ(full.left_out_count, 5);
  EXPECT_EQ(full.scan.rows.size(), 5U);
  EXPECT_TRUE(full.appeared.empty());
  EXPECT_EQ(full.gone.size(), std::size_t{0});
  one.set_max_cgroups(14);
  const Sampler::Result room = one.scan(3000);
  EXPECT_EQ(room.left_out_count, 0);
  EXPECT_EQ(room.appeared.size(), 5U);
  for (const core::ScanRow& row : room.scan.rows) {
    EXPECT_FALSE(row.increases.has(Counter::oom_kills) && row.cgroup->key > 5);
  }
}

TEST_P(EveryKind, FollowsAParentThatWasMadeAnew) {
  tree_.put("/pods/a", files({}));
  Sampler one(kernel::open_hierarchy(tree_.root() + "/pods"), {});
  one.scan(1000);
  std::filesystem::rename(tree_.root() + "/pods", tree_.root() + "/away");
  tree_.put("/pods/b", files({}));
  const Sampler::Result result = one.scan(2000);
  EXPECT_EQ(result.scan.error_count, 0);
  ASSERT_EQ(result.appeared.size(), 1U);
  EXPECT_EQ(result.appeared[0]->id.path.string(), "/b");
}

TEST_P(EveryKind, KeepsItsCgroupsWhenTheSameParentIsSetAgain) {
  tree_.put("/web", files({}));
  Sampler one = sampler();
  one.scan(1000);
  one.set_hierarchy(kernel::open_hierarchy(tree_.root()));
  EXPECT_TRUE(one.scan(2000).appeared.empty());
}

const std::string kPod = "/kubepods/pod0f5b1c2d-1111-2222-3333-444455556666";
const std::string kContainer = kPod + "/" + std::string(64, 'a');

core::Gauges gauges_of(const Sampler::Result& result, const std::string& path) {
  for (const core::ScanRow& row : result.scan.rows) {
    if (row.cgroup->id.path.string() == path) return row.gauges;
  }
  ADD_FAILURE() << "no row of " << path;
  return {};
}

TEST_P(EveryKind, LeavesACgroupAloneUntilTheKernelKnowsWhatItUses) {
  tree_.put("/web", files({}));
  Sampler one(kernel::open_hierarchy(tree_.root()), {});
  const auto is_due = [&](std::int64_t at_us, std::uint64_t active_bytes) {
    test::FakeMemory memory{.file_bytes = 60 * kMiB, .limit_bytes = 100 * kMiB};
    memory.active_bytes = active_bytes;
    tree_.put("/web", files(memory));
    return !one.scan(at_us).candidates.empty();
  };
  EXPECT_FALSE(is_due(1000, 10 * kMiB)) << "it takes two scans";
  EXPECT_TRUE(is_due(2000, 11 * kMiB));
  EXPECT_EQ(is_due(3000, 13 * kMiB), std::string(GetParam().name) == "MinimalV1") << "much has become active";
  EXPECT_TRUE(is_due(4000, 13 * kMiB));
}

TEST_P(EveryKind, OfAPodItRecordsTheRemainderBeyondItsContainers) {
  tree_.put(kPod, files({.file_bytes = 130 * kMiB, .shmem_bytes = 0, .anon_bytes = 30 * kMiB}));
  tree_.put(kContainer, files({.file_bytes = 10 * kMiB, .shmem_bytes = 0, .anon_bytes = 29 * kMiB}));
  tree_.put(kContainer + "/nested", files({.file_bytes = 10 * kMiB}));
  Sampler one = sampler();
  const Sampler::Result result = one.scan(1000);
  EXPECT_EQ(result.scan.rows.size(), 2U) << "kubepods has no files: its memory is not managed";
  EXPECT_EQ(gauges_of(result, kContainer)[Gauge::file], 10 * kMiB);
  EXPECT_EQ(gauges_of(result, kPod)[Gauge::file], 120 * kMiB);
  EXPECT_EQ(gauges_of(result, kPod)[Gauge::anon], 1 * kMiB);
  ASSERT_EQ(result.candidates.size(), 1U) << "25 % of 100 MiB";
  EXPECT_EQ(result.candidates[0].id.path, kPod);
  EXPECT_EQ(result.candidates[0].kind, core::CgroupKind::pod);
}

TEST_P(EveryKind, APodIsNotDueWhileARuleExcludesAContainerInIt) {
  tree_.put(kPod, files({.file_bytes = 130 * kMiB}));
  tree_.put(kContainer, files({.file_bytes = 10 * kMiB}));
  Sampler one = sampler();
  const auto due = [&](std::int64_t at_us, std::vector<core::Rule> rules) {
    core::Policy with_rules = policy();
    with_rules.rules = std::move(rules);
    one.set_policy(with_rules);
    std::vector<std::string> them;
    for (const core::Candidate& each : one.scan(at_us).candidates) them.push_back(each.id.path);
    return them;
  };
  const std::vector<std::string> pod{kPod};
  EXPECT_EQ(due(1000, {}), pod);
  EXPECT_TRUE(due(2000, {{.cgroup = kContainer, .reclaim = false}}).empty());
  EXPECT_TRUE(due(3000, {{.cgroup = kPod, .reclaim = true}, {.cgroup = kContainer, .reclaim = false}}).empty())
      << "the kernel would take from the container, too";
  EXPECT_EQ(due(4000, {{.cgroup = "/other", .reclaim = false}}), pod);
  EXPECT_TRUE(due(5000, {{.workload = "shop/db/*", .reclaim = false}}).empty()) << "it may be the container";
  one.learn({{{kContainer, tree_.inode(kContainer)}, {"shop", "web-1", "app"}, true},
             {{kPod, tree_.inode(kPod)}, {"shop", "web-1", ""}, true}});
  EXPECT_EQ(due(6000, {{.workload = "shop/db/*", .reclaim = false}}), pod);
  EXPECT_TRUE(due(7000, {{.workload = "shop/web/app", .reclaim = false}}).empty());
}

TEST_P(EveryKind, ARemainderIsNeverNegative) {
  tree_.put(kPod, files({.file_bytes = 9 * kMiB}));
  tree_.put(kContainer, files({.file_bytes = 10 * kMiB}));
  Sampler one = sampler();
  EXPECT_EQ(gauges_of(one.scan(1000), kPod)[Gauge::file], 0U) << "the container has grown since the pod was read";
}

TEST_P(EveryKind, ARemainderIsUnknownWhileSomethingBelowIs) {
  tree_.put(kPod, files({.file_bytes = 130 * kMiB}));
  tree_.put(kContainer, files({.file_bytes = 10 * kMiB}));
  Sampler one = sampler();
  one.scan(1000);
  tree_.put_file(kContainer, "memory.stat", "");
  const Sampler::Result bad = one.scan(2000);
  EXPECT_TRUE(bad.scan.rows.empty());
  EXPECT_EQ(bad.scan.unread.size(), 2U) << "and neither is gone";
  tree_.put(kContainer, files({.file_bytes = 10 * kMiB}));
  EXPECT_EQ(gauges_of(one.scan(3000), kPod)[Gauge::file], 120 * kMiB);
}

TEST_P(EveryKind, OfALeafThatGetsCgroupsBelowItTheRemainderIsRecorded) {
  tree_.put("/a.slice", files({.file_bytes = 50 * kMiB}));
  Sampler one = sampler();
  EXPECT_EQ(gauges_of(one.scan(1000), "/a.slice")[Gauge::file], 50 * kMiB);
  tree_.put("/a.slice/b.service", files({.file_bytes = 20 * kMiB}));
  const Sampler::Result result = one.scan(2000);
  EXPECT_EQ(gauges_of(result, "/a.slice")[Gauge::file], 30 * kMiB);
  EXPECT_EQ(gauges_of(result, "/a.slice/b.service")[Gauge::file], 20 * kMiB);
  for (const core::ScanRow& row : result.scan.rows) {
    const bool is_above = row.cgroup->id.path.string() == "/a.slice";
    EXPECT_FALSE(is_above && row.increases.has(Counter::pgfault)) << "it includes the service";
  }
}

class EveryKindWithCounters : public EveryKind {};
INSTANTIATE_TEST_SUITE_P(, EveryKindWithCounters, testing::Values(kV1, kV2), name_of);

TEST_P(EveryKindWithCounters, TellsIncreasesFromTheSecondSampleOn) {
  tree_.put("/web", files({.oom_kills = 4}));
  Sampler one = sampler();
  EXPECT_EQ(one.scan(1000).scan.rows.at(0).increases.size(), 0U);
  tree_.put("/web", files({.oom_kills = 6}));
  const Sampler::Result second = one.scan(2000);
  EXPECT_EQ(second.scan.rows.at(0).increases[Counter::oom_kills], 2U);
  EXPECT_EQ(second.scan.rows.at(0).increases[Counter::pgfault], 0U);
  EXPECT_EQ(second.scan.rows.at(0).oom_kills_total, 6U);
  EXPECT_EQ(second.oom_kills.at(0).count, 2U);
}

TEST_P(EveryKindWithCounters, TellsHowManyKillsACgroupBringsWithItAndWhenItWasMade) {
  tree_.put("/old", files({.oom_kills = 9}));
  Sampler one = sampler();
  const core::CgroupRef old = one.scan(1000).scan.rows.at(0).cgroup;
  EXPECT_EQ(old->oom_kills_before, 9U);
  EXPECT_EQ(old->made_after_us, 0) << "nobody knows when those were";
  tree_.put("/young", files({.oom_kills = 2}));
  const Sampler::Result result = one.scan(2000);
  ASSERT_EQ(result.appeared.size(), 1U);
  EXPECT_EQ(result.appeared[0]->oom_kills_before, 2U);
  EXPECT_EQ(result.appeared[0]->made_after_us, 1000);
}

TEST_P(EveryKindWithCounters, KnowsARenamedCgroupAtOnceAndSaysThatItIsNotGone) {
  tree_.put("/pods/a", files({.oom_kills = 1}));
  Sampler one = sampler();
  const auto before = one.scan(1000);
  std::filesystem::rename(tree_.root() + "/pods/a", tree_.root() + "/pods/b");
  const Sampler::Result result = one.scan(2000);
  ASSERT_EQ(result.scan.rows.size(), 1U);
  EXPECT_EQ(core::CgroupId(result.scan.rows[0].cgroup->id), (core::CgroupId{"/pods/b", tree_.inode("/pods/b")}));
  EXPECT_EQ(result.scan.rows[0].cgroup->made_after_us, 0);
  EXPECT_EQ(result.scan.hidden, std::vector{before.scan.rows.at(0).cgroup->key});
  EXPECT_TRUE(result.oom_kills.empty());
}

TEST_P(EveryKindWithCounters, ALeafWithAChildIsTheSameCgroup) {
  tree_.put("/a", files({.oom_kills = 1}));
  Sampler one = sampler();
  one.scan(1000);
  tree_.put("/a/b", files({}));
  const Sampler::Result above = one.scan(2000);
  EXPECT_TRUE(above.scan.hidden.empty());
  EXPECT_EQ(above.appeared.size(), 1U) << "the child";
  tree_.remove("/a/b");
  const Sampler::Result back = one.scan(3000);
  EXPECT_TRUE(back.appeared.empty());
  EXPECT_TRUE(back.oom_kills.empty());
  EXPECT_EQ(back.scan.rows.at(0).cgroup->kind, core::CgroupKind::leaf);
  tree_.remove("/a");
  EXPECT_TRUE(one.scan(4000).scan.hidden.empty());
}

TEST_P(EveryKindWithCounters, MissesNoKillWhenACounterCantBeReadForAWhile) {
  tree_.put("/web", files({.oom_kills = 1}));
  Sampler one = sampler();
  one.scan(1000);
  tree_.put_file("/web", GetParam().name == kV1.name ? "memory.oom_control" : "memory.events", "");
  EXPECT_EQ(one.scan(2000).scan.rows.at(0).increases[Counter::oom_kills], std::nullopt);
  tree_.put("/web", files({.oom_kills = 4}));
  EXPECT_EQ(one.scan(3000).oom_kills.at(0).count, 3U);
}

TEST_P(EveryKindWithCounters, NoticesAChangedLimitWithinAMinute) {
  tree_.put("/web", files({.limit_bytes = 64 * kMiB}));
  Sampler one = sampler();
  const auto before = one.scan(0).scan.rows.at(0).cgroup;
  tree_.put("/web", files({.limit_bytes = 32 * kMiB}));
  const auto after = one.scan(60'000'000).scan.rows.at(0).cgroup;
  EXPECT_EQ(before->limits.effective_limit_bytes, 64 * kMiB);
  EXPECT_EQ(after->limits.effective_limit_bytes, 32 * kMiB);
  EXPECT_EQ(after->key, before->key);
}

TEST_P(EveryKindWithCounters, KeepsALimitThatCantBeReadAnyMoreAndSaysSo) {
  const std::string limit = GetParam().name == kV1.name ? "memory.limit_in_bytes" : "memory.max";
  tree_.put("/web", files({.limit_bytes = 64 * kMiB}));
  Sampler one = sampler();
  one.scan(0);
  tree_.put_file("/web", limit, "");
  for (const std::int64_t at_us : {60'000'000, 61'000'000}) {
    const Sampler::Result broken = one.scan(at_us);
    EXPECT_EQ(broken.scan.error_count, 1);
    EXPECT_EQ(broken.first_error.substr(0, 5 + limit.size()), "/web/" + limit);
    ASSERT_EQ(broken.scan.rows.size(), 1U);
    EXPECT_EQ(broken.scan.rows[0].cgroup->limits.effective_limit_bytes, 64 * kMiB);
  }
  tree_.put("/web", files({.limit_bytes = 32 * kMiB}));
  const Sampler::Result well = one.scan(62'000'000);
  EXPECT_EQ(well.scan.error_count, 0);
  EXPECT_EQ(well.scan.rows.at(0).cgroup->limits.effective_limit_bytes, 32 * kMiB);
}

TEST_P(EveryKindWithCounters, NeverTakesTmpfsForReclaimable) {
  tree_.put("/web", files({.file_bytes = 90 * kMiB, .shmem_bytes = 90 * kMiB}));
  Sampler one = sampler();
  EXPECT_TRUE(one.scan(1000).candidates.empty());
}

/// Between two scans.
class EveryKindNearItsLimit : public EveryKind {
 protected:
  void hold(const std::string& path, std::uint64_t anon_mib, std::uint64_t oom_kills = 0) {
    tree_.put(path, files({.anon_bytes = anon_mib * kMiB, .limit_bytes = 100 * kMiB, .oom_kills = oom_kills}));
  }
};
INSTANTIATE_TEST_SUITE_P(, EveryKindNearItsLimit, testing::Values(kV1, kV2), name_of);

TEST_P(EveryKindNearItsLimit, OnlyThoseOverTheShareOfTheirLimitAreSampled) {
  hold("/far", 10);
  hold("/near", 86);
  Sampler one = sampler();
  one.scan(1000);
  const auto sampled = one.sample_near_limit(2000);
  ASSERT_TRUE(sampled);
  EXPECT_TRUE(sampled->scan.is_partial);
  EXPECT_EQ(sampled->scan.started_at_us, 2000);
  ASSERT_EQ(sampled->scan.rows.size(), 1U);
  EXPECT_EQ(sampled->scan.rows[0].gauges[Gauge::anon], 86 * kMiB);
  EXPECT_TRUE(sampled->appeared.empty());
  EXPECT_EQ(sampled->gone.size(), std::size_t{0});
  EXPECT_TRUE(sampled->candidates.empty());
}

TEST_P(EveryKindNearItsLimit, CacheThatCanBeDroppedDoesNotCount) {
  tree_.put("/cache", files({.file_bytes = 95 * kMiB, .anon_bytes = 5 * kMiB, .limit_bytes = 100 * kMiB}));
  Sampler one = sampler();
  one.scan(1000);
  EXPECT_FALSE(one.sample_near_limit(2000));
}

TEST_P(EveryKindNearItsLimit, OneThatGrowsTowardsItIsNoticedBetweenTwoScans) {
  hold("/web", 10);
  Sampler one = sampler();
  one.scan(1000);
  EXPECT_FALSE(one.sample_near_limit(2000));
  hold("/web", 60);
  const auto sampled = one.sample_near_limit(3000);
  ASSERT_TRUE(sampled);
  EXPECT_EQ(sampled->scan.rows.at(0).gauges[Gauge::anon], 60 * kMiB);
}

TEST_P(EveryKindNearItsLimit, OneThatReadsFilesIsNotOnItsWayThere) {
  hold("/web", 10);
  Sampler one = sampler();
  one.scan(1000);
  tree_.put("/web", files({.file_bytes = 85 * kMiB, .anon_bytes = 10 * kMiB, .limit_bytes = 100 * kMiB}));
  EXPECT_FALSE(one.sample_near_limit(2000));
  EXPECT_FALSE(one.sample_near_limit(3000));
}

TEST_P(EveryKindNearItsLimit, ThereAreNoMoreThanMaxCountAndTheNearestComeFirst) {
  for (int i = 86; i < 96; ++i) hold("/web" + std::to_string(i), static_cast<std::uint64_t>(i));
  Sampler one = sampler();
  one.set_near_limit_bounds({.over_pct = 85, .max_count = 2});
  one.scan(1000);
  const auto sampled = one.sample_near_limit(2000);
  ASSERT_TRUE(sampled);
  ASSERT_EQ(sampled->scan.rows.size(), 2U);
  for (const auto& row : sampled->scan.rows) EXPECT_GE(*row.gauges[Gauge::anon], 94 * kMiB);
  one.set_near_limit_bounds({.over_pct = 85, .max_count = 0});
  EXPECT_FALSE(one.sample_near_limit(3000));
}

TEST_P(EveryKindNearItsLimit, SwitchedOffItWakesNobodyUpEverySecond) {
  hold("/far", 10);
  hold("/near", 86);
  Sampler one = sampler();
  one.scan(1000);
  EXPECT_EQ(one.sample_again_after_us(), core::kNearLimitEvery_us);
  one.set_near_limit_bounds({.over_pct = 85, .max_count = 0});
  one.scan(2000);
  EXPECT_EQ(one.sample_again_after_us(), 5 * core::kNearLimitEvery_us);
}

TEST_P(EveryKindNearItsLimit, IncreasesAreThoseSinceThePreviousSampleOfEitherKind) {
  hold("/web", 90);
  Sampler one = sampler();
  one.scan(1000);
  hold("/web", 90, 1);
  const auto sampled = one.sample_near_limit(2000);
  ASSERT_TRUE(sampled);
  EXPECT_EQ(sampled->scan.rows.at(0).increases[Counter::oom_kills], 1U);
  ASSERT_EQ(sampled->oom_kills.size(), 1U);
  EXPECT_EQ(sampled->oom_kills[0].since_at_us, 1000);
  EXPECT_EQ(sampled->oom_kills[0].at_us, 2000);
  EXPECT_EQ(one.scan(3000).scan.rows.at(0).increases[Counter::oom_kills], 0U);
}

TEST_P(EveryKindNearItsLimit, OneThatHasVanishedIsLeftToTheNextScan) {
  hold("/web", 90);
  Sampler one = sampler();
  const auto first = one.scan(1000);
  tree_.remove("/web");
  EXPECT_FALSE(one.sample_near_limit(2000));
  EXPECT_EQ(one.scan(3000).gone.size(), std::size_t{1});
}

const std::string kOtherContainer = kPod + "/" + std::string(64, 'b');

TEST_P(EveryKindNearItsLimit, APodIsSampledWithItsContainersAndItsRemainder) {
  tree_.put(kPod, files({.anon_bytes = 90 * kMiB, .limit_bytes = 100 * kMiB}));
  tree_.put(kContainer, files({.anon_bytes = 10 * kMiB}));
  tree_.put(kOtherContainer, files({.anon_bytes = 20 * kMiB}));
  Sampler one = sampler();
  one.scan(1000);
  tree_.put(kPod, files({.anon_bytes = 95 * kMiB, .limit_bytes = 100 * kMiB}));
  tree_.put(kContainer, files({.anon_bytes = 15 * kMiB}));
  const auto sampled = one.sample_near_limit(2000);
  ASSERT_TRUE(sampled);
  EXPECT_EQ(sampled->scan.rows.size(), 3U);
  EXPECT_EQ(gauges_of(*sampled, kContainer)[Gauge::anon], 15 * kMiB);
  EXPECT_EQ(gauges_of(*sampled, kOtherContainer)[Gauge::anon], 20 * kMiB);
  EXPECT_EQ(gauges_of(*sampled, kPod)[Gauge::anon], 60 * kMiB);
}

TEST_P(EveryKindNearItsLimit, AContainerThatIsNearToo_IsSampledOnce) {
  tree_.put(kPod, files({.anon_bytes = 95 * kMiB, .limit_bytes = 100 * kMiB}));
  hold(kContainer, 90);
  Sampler one = sampler();
  one.scan(1000);
  const auto sampled = one.sample_near_limit(2000);
  ASSERT_TRUE(sampled);
  EXPECT_EQ(sampled->scan.rows.size(), 2U);
  EXPECT_EQ(gauges_of(*sampled, kPod)[Gauge::anon], 5 * kMiB);
}

TEST_P(EveryKindNearItsLimit, WhatAContainerThatNoScanHasFoundHolds_IsNotThePodsRemainder) {
  tree_.put(kPod, files({.anon_bytes = 90 * kMiB, .limit_bytes = 100 * kMiB}));
  tree_.put(kContainer, files({.anon_bytes = 10 * kMiB}));
  Sampler one = sampler();
  one.scan(1000);
  tree_.put(kOtherContainer, files({.anon_bytes = 70 * kMiB}));
  const auto sampled = one.sample_near_limit(2000);
  ASSERT_TRUE(sampled);
  EXPECT_EQ(sampled->scan.rows.size(), 2U) << "the next scan finds it";
  EXPECT_EQ(gauges_of(*sampled, kPod)[Gauge::anon], 10 * kMiB);
}

TEST_P(EveryKindNearItsLimit, OfAPodOnlyWhatCanNotBeDroppedCounts_WithItsContainers) {
  tree_.put(kPod, files({.file_bytes = 90 * kMiB, .anon_bytes = 5 * kMiB, .limit_bytes = 100 * kMiB}));
  tree_.put(kContainer, files({.file_bytes = 80 * kMiB, .anon_bytes = 5 * kMiB}));
  Sampler one = sampler();
  one.scan(1000);
  EXPECT_FALSE(one.sample_near_limit(2000));
  tree_.put(kPod, files({.file_bytes = 20 * kMiB, .anon_bytes = 60 * kMiB, .limit_bytes = 100 * kMiB}));
  tree_.put(kContainer, files({.file_bytes = 10 * kMiB, .anon_bytes = 60 * kMiB}));
  EXPECT_FALSE(one.sample_near_limit(3000)) << "less the cache that it had at the last sample, it did not grow";
  one.scan(4000);
  const auto sampled = one.sample_near_limit(5000);
  ASSERT_TRUE(sampled) << "it grows fast";
  EXPECT_EQ(gauges_of(*sampled, kPod)[Gauge::file], 10 * kMiB);
}

std::vector<std::string> paths_of(const Sampler::Result& result) {
  std::vector<std::string> paths;
  for (const auto& row : result.scan.rows) paths.push_back(row.cgroup->id.path.string());
  std::ranges::sort(paths);
  return paths;
}

TEST_P(EveryKindNearItsLimit, OfAnInnerCgroupThoseAreSampledThatGrow_AndTheLargest) {
  hold("/slice", 90);
  hold("/slice/small", 1);
  hold("/slice/grows", 2);
  for (int i = 0; i < 6; ++i) hold("/slice/calm" + std::to_string(i), static_cast<std::uint64_t>(10 + i));
  hold("/slice/deeper/grows", 3);
  hold("/beside", 5);
  Sampler one = sampler();
  one.scan(1000);
  hold("/slice", 95);
  hold("/slice/grows", 5);
  hold("/slice/deeper/grows", 5);
  const auto sampled = one.sample_near_limit(2000);
  ASSERT_TRUE(sampled) << "each of them is far from the limit, all together are not";
  const std::vector<std::string> wanted{"/slice/calm2", "/slice/calm3",        "/slice/calm4",
                                        "/slice/calm5", "/slice/deeper/grows", "/slice/grows"};
  EXPECT_EQ(paths_of(*sampled), wanted);
  EXPECT_EQ(gauges_of(*sampled, "/slice/grows")[Gauge::anon], 5 * kMiB);
}

TEST_P(EveryKindNearItsLimit, OfAnInnerCgroupThatIsFarFromItsLimitNoneIsSampled) {
  hold("/slice", 50);
  hold("/slice/a", 25);
  hold("/slice/b", 25);
  Sampler one = sampler();
  one.scan(1000);
  EXPECT_FALSE(one.sample_near_limit(2000));
}

TEST_P(EveryKindNearItsLimit, GrowthToAnInnerCgroupsLimitIsNoticedBetweenTwoScans) {
  hold("/slice", 40);
  hold("/slice/a", 35);
  hold("/slice/b", 5);
  Sampler one = sampler();
  one.set_near_limit_bounds({.over_pct = 85, .max_count = 1});
  one.scan(1000);
  hold("/slice", 80);
  hold("/slice/b", 45);
  const auto sampled = one.sample_near_limit(2000);
  ASSERT_TRUE(sampled);
  EXPECT_EQ(paths_of(*sampled), std::vector<std::string>{"/slice/b"}) << "no more than max_count";
  EXPECT_EQ(one.scan(3000).scan.rows.size(), 3U);
}

/// What memory.stat does not show: kernel memory (v1), and counters that have files of their own.
TEST_P(EveryKindWithCounters, EveryValueIsOfItsOwnScanAlthoughMemoryStatStaysTheSame) {
  const bool is_v1 = GetParam().name == kV1.name;
  tree_.put("/web", files({}));
  kernel::Hierarchy hierarchy = kernel::open_hierarchy(tree_.root());
  hierarchy.real = true;  // its files may be held open, so they are written in place
  Sampler one(hierarchy, {});
  one.scan(1000);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    const std::string stat = tree_.file("/web", "memory.stat");
    const std::string number = std::to_string(i * kMiB);
    tree_.put_file("/web", is_v1 ? "memory.usage_in_bytes" : "memory.current", number + "\n");
    tree_.put_file("/web", is_v1 ? "memory.kmem.usage_in_bytes" : "memory.swap.current", number + "\n");
    if (is_v1) tree_.put_file("/web", "memory.failcnt", std::to_string(100 * i) + "\n");
    if (is_v1) tree_.put_file("/web", "memory.max_usage_in_bytes", std::to_string(100 * kMiB) + "\n");
    tree_.put_file("/web", is_v1 ? "memory.oom_control" : "memory.events",
                   is_v1 ? "oom_kill " + std::to_string(10 * i) + "\n"
                         : "max " + std::to_string(100 * i) + "\noom_kill " + std::to_string(10 * i) + "\n");
    const Sampler::Result result = one.scan(1000 + static_cast<std::int64_t>(i) * 1000);
    EXPECT_EQ(tree_.file("/web", "memory.stat"), stat);
    const core::ScanRow& row = result.scan.rows.at(0);
    EXPECT_EQ(row.gauges[Gauge::usage], i * kMiB);
    EXPECT_EQ(row.gauges[is_v1 ? Gauge::kernel : Gauge::swap], i * kMiB);
    EXPECT_EQ(row.oom_kills_total, 10 * i);
    if (i == 1) continue;  // increases since what the fake files held before
    EXPECT_EQ(row.increases[Counter::limit_hits], 100U);
    EXPECT_EQ(row.increases[Counter::oom_kills], 10U);
  }
}

/// v1: memory.failcnt of a cgroup without a limit, and memory.oom_control while nobody is killed on this node.
TEST(V1Sampler, ReadsWhatCanNotHaveChangedOnceAMinute) {
  constexpr std::int64_t kSecond = 1'000'000;
  FakeCgroups tree;
  test::Files files = test::v1_files({});
  files["memory.stat"] += "hierarchical_memory_limit 9223372036854771712\n";
  files["memory.limit_in_bytes"] = "9223372036854771712\n";
  files["memory.failcnt"] = "1\n";
  files["memory.oom_control"] = "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n";
  tree.put("/web", files);
  kernel::Hierarchy hierarchy = kernel::open_hierarchy(tree.root());
  hierarchy.real = true;  // so that this node's own count of kills holds for it
  Sampler one(hierarchy, {});
  for (const std::int64_t at_us : {0 * kSecond, kSecond, 2 * kSecond}) one.scan(at_us);
  tree.put_file("/web", "memory.failcnt", "5\n");
  tree.put_file("/web", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  const auto increases = [&](std::int64_t at_us) { return one.scan(at_us).scan.rows.at(0).increases; };
  EXPECT_EQ(increases(3 * kSecond)[Counter::limit_hits], 0U);
  const core::Counters later = increases(63 * kSecond);
  EXPECT_EQ(later[Counter::limit_hits], 4U);
  EXPECT_EQ(later[Counter::oom_kills], 2U);

  files["memory.stat"] = test::v1_files({.limit_bytes = 64 * kMiB})["memory.stat"];
  tree.put_file("/web", "memory.stat", files["memory.stat"]);
  tree.put_file("/web", "memory.limit_in_bytes", std::to_string(64 * kMiB) + "\n");
  tree.put_file("/web", "memory.failcnt", "9\n");
  EXPECT_EQ(increases(64 * kSecond)[Counter::limit_hits], 4U) << "it has a limit now, and can have hit it";
}

TEST(V1Sampler, ReadsLimitHitsInEveryScanOnceThePeakIsCloseToTheLimit) {
  FakeCgroups tree;
  tree.put("/web", test::v1_files({.anon_bytes = 10 * kMiB, .limit_bytes = 100 * kMiB}));
  Sampler one(kernel::open_hierarchy(tree.root()), {});
  std::int64_t at_us = 1000;
  const auto hits = [&](std::uint64_t peak_mib, int failcnt) {
    tree.put_file("/web", "memory.max_usage_in_bytes", std::to_string(peak_mib * kMiB) + "\n");
    tree.put_file("/web", "memory.failcnt", std::to_string(failcnt) + "\n");
    return one.scan(at_us += 1000).scan.rows.at(0).increases[Counter::limit_hits];
  };
  hits(10, 2);
  EXPECT_EQ(hits(90, 9), 0U) << "that can't be, so it was not read";
  EXPECT_EQ(hits(99, 12), 10U);
  EXPECT_EQ(hits(99, 13), 1U);
}

TEST_P(EveryKindWithCounters, NoticesAnOwnLimitThatIsNotTheSmallestWithinAMinute) {
  test::Files its_files = files({.limit_bytes = 64 * kMiB});
  const std::string limit = GetParam().name == kV1.name ? "memory.limit_in_bytes" : "memory.max";
  its_files[limit] = std::to_string(100 * kMiB) + "\n";
  tree_.put("/web", its_files);
  Sampler one = sampler();
  one.scan(0);
  tree_.put_file("/web", limit, std::to_string(200 * kMiB) + "\n");
  EXPECT_EQ(one.scan(60'000'000).scan.rows.at(0).cgroup->limits.limit_bytes, 200 * kMiB);
}

class OneCgroup : public testing::Test {
 protected:
  static constexpr std::int64_t kSecond = 1'000'000;

  /// The next scan, ten seconds later, in which it is the only one.
  Sampler::Result scan() {
    if (!sampler_) sampler_.emplace(kernel::open_hierarchy(tree_.root()), core::Policy{});
    return sampler_->scan(at_us_ += 10 * kSecond);
  }
  static std::optional<std::uint64_t> peak(const Sampler::Result& result) {
    return result.scan.rows.at(0).gauges[Gauge::peak];
  }
  FakeCgroups tree_;
  std::int64_t at_us_ = 1000 * kSecond;
  std::optional<Sampler> sampler_;
};

TEST_F(OneCgroup, ThatRosePastBothSamplesInBetweenHasAPeak) {
  for (const auto& [files, name] : {std::pair{test::v1_files({.anon_bytes = 10 * kMiB}), "memory.max_usage_in_bytes"},
                                    {test::v2_files({.anon_bytes = 10 * kMiB}), "memory.peak"}}) {
    sampler_.reset();
    tree_.put("/web", files);
    tree_.put_file("/web", name, "20971520\n");
    EXPECT_EQ(peak(scan()), std::nullopt) << "when it was is not known";
    EXPECT_EQ(peak(scan()), std::nullopt) << "it was before";
    tree_.put_file("/web", name, "94371840\n");
    EXPECT_EQ(peak(scan()), 90 * kMiB);
    EXPECT_EQ(peak(scan()), std::nullopt);
    tree_.remove("/web");
  }
}

TEST_F(OneCgroup, WithoutALimitHasNoPeakForItIsNotRead) {
  test::Files files = test::v2_files({.anon_bytes = 10 * kMiB});
  files["memory.max"] = "max\n";
  tree_.put("/web", files);
  scan();
  scan();
  tree_.put_file("/web", "memory.peak", "94371840\n");
  EXPECT_EQ(peak(scan()), std::nullopt);
}

TEST_F(OneCgroup, ThatIsThrottledAtMemoryHighIsStuckAfterAMinuteAndSampledEverySecond) {
  std::uint64_t high = 100;
  std::uint64_t full_us = 1000;
  const auto throttled = [&](std::uint64_t events, std::uint64_t full_pct) {
    test::Files files = test::v2_files({.anon_bytes = 10 * kMiB});
    files["memory.events"] = "low 0\nhigh " + std::to_string(high += events) + "\nmax 0\noom 0\noom_kill 0\n";
    full_us += full_pct * 100'000;
    files["memory.pressure"] = "some avg10=98.00 avg60=0.00 avg300=0.00 total=" + std::to_string(full_us) +
                               "\nfull avg10=98.00 avg60=0.00 avg300=0.00 total=" + std::to_string(full_us) + "\n";
    tree_.put("/web", files);
    return scan();
  };
  throttled(0, 0);
  const std::int64_t began_at_us = at_us_;
  for (int i = 0; i < 5; ++i) {
    const Sampler::Result result = throttled(5000, 98);
    EXPECT_EQ(result.scan.rows.at(0).stuck, core::StuckState::unknown);
    EXPECT_TRUE(result.scan.stuck.empty());
  }
  const Sampler::Result stuck = throttled(5000, 98);
  EXPECT_EQ(stuck.scan.rows.at(0).stuck, core::StuckState::yes);
  ASSERT_EQ(stuck.scan.stuck.size(), 1U);
  EXPECT_EQ(stuck.scan.stuck[0].key, stuck.scan.rows[0].cgroup->key);
  EXPECT_EQ(stuck.scan.stuck[0].stuck.kind, core::StuckKind::memory_high);
  EXPECT_EQ(stuck.scan.stuck[0].stuck.began_at_us, began_at_us);
  EXPECT_EQ(stuck.scan.stuck[0].stuck.high_events, 30'000U);
  EXPECT_EQ(stuck.stuck_news.size(), 1U);
  EXPECT_EQ(sampler_->sample_again_after_us(), kSecond);
  EXPECT_TRUE(sampler_->sample_near_limit(at_us_ += kSecond)) << "although it is far from its limit";
  EXPECT_EQ(throttled(0, 0).scan.rows.at(0).stuck, core::StuckState::no);
  EXPECT_FALSE(sampler_->sample_near_limit(at_us_ += kSecond));
}

TEST_F(OneCgroup, OutOfMemoryWithTheKillerDisabledIsStuckAtOnce) {
  const auto with = [&](const std::string& control) {
    test::Files files = test::v1_files({.anon_bytes = 10 * kMiB});
    files["memory.oom_control"] = control;
    tree_.put("/web", files);
    return scan();
  };
  EXPECT_EQ(with("oom_kill_disable 1\nunder_oom 0\noom_kill 0\n").scan.rows.at(0).stuck, core::StuckState::no);
  const Sampler::Result stuck = with("oom_kill_disable 1\nunder_oom 1\noom_kill 0\n");
  ASSERT_EQ(stuck.scan.stuck.size(), 1U);
  EXPECT_EQ(stuck.scan.stuck[0].stuck.kind, core::StuckKind::under_oom);
  EXPECT_EQ(stuck.scan.stuck[0].stuck.began_at_us, at_us_);
  EXPECT_TRUE(with("oom_kill_disable 1\nunder_oom 1\noom_kill 0\n").stuck_news.empty()) << "told once";
  EXPECT_EQ(with("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n").stuck_news.size(), 1U);
}

TEST_F(OneCgroup, WithAValueThatIsNoNumberIsRecordedWithTheOthers) {
  test::Files files = test::v1_files({.file_bytes = 60 * kMiB});
  files["memory.stat"] = "cache 1\ntotal_cache 62914560\ntotal_rss 0\ntotal_shmem -8192\ntotal_swap -4096\n";
  tree_.put("/web", files);
  const Sampler::Result result = scan();
  ASSERT_EQ(result.scan.rows.size(), 1U);
  EXPECT_EQ(result.scan.error_count, 0);
  EXPECT_EQ(result.scan.rows[0].gauges[Gauge::file], 60 * kMiB);
  EXPECT_FALSE(result.scan.rows[0].gauges.has(Gauge::shmem));
  EXPECT_TRUE(result.candidates.empty()) << "how much of it can be dropped is not known";
  ASSERT_EQ(result.untold.no_numbers.size(), 2U);
  EXPECT_EQ(result.untold.no_numbers.at("memory.stat total_shmem").cgroup_count, 1);
  EXPECT_EQ(result.untold.no_numbers.at("memory.stat total_shmem").first, "/web: \"-8192\"");
}

TEST_F(OneCgroup, WithoutTheMemoryControllerIsCountedUntilItHasOne) {
  tree_.put("/app", test::v2_files({}));
  tree_.put("/web", {{"cgroup.controllers", "cpuset\n"}});
  for (int i = 0; i < 2; ++i) {
    const Sampler::Result result = scan();
    EXPECT_EQ(result.scan.rows.size(), 1U);
    EXPECT_EQ(result.scan.error_count, 0);
    EXPECT_EQ(result.untold.without_controller_count, 1);
    EXPECT_EQ(result.untold.without_controller, "/web");
  }
  tree_.put("/web", test::v2_files({}));
  const Sampler::Result result = scan();
  EXPECT_EQ(result.scan.rows.size(), 2U);
  EXPECT_EQ(result.untold.without_controller_count, 0);
}

}  // namespace
}  // namespace cgmm::daemon
