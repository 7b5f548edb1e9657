// SPDX-License-Identifier: Apache-2.0
#include "core/oom_cause.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cgmm::core {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kKilledAt = 10'000 * kSecond;

struct Memory {
  std::uint64_t anon = 0, shmem = 0, kernel = 0, cache = 0, dirty = 0, slab_reclaimable = 0;
};

Gauges gauges_of(const Memory& memory) {
  Gauges gauges;
  gauges.set(Gauge::usage, (memory.anon + memory.shmem + memory.kernel + memory.cache) * kMiB);
  gauges.set(Gauge::anon, memory.anon * kMiB);
  gauges.set(Gauge::file, (memory.shmem + memory.cache) * kMiB);
  gauges.set(Gauge::shmem, memory.shmem * kMiB);
  gauges.set(Gauge::kernel, memory.kernel * kMiB);
  gauges.set(Gauge::dirty, memory.dirty * kMiB);
  gauges.set(Gauge::slab_reclaimable, memory.slab_reclaimable * kMiB);
  return gauges;
}

/// In a cgroup with a limit of 256 MiB.
OomEvidence evidence(std::vector<std::pair<std::int64_t, Memory>> seconds_before, std::optional<Memory> at_kill = {}) {
  OomEvidence result{.killed_at_us = kKilledAt, .limit_bytes = 256 * kMiB, .first_seen_at_us = 0};
  for (const auto& [seconds, memory] : seconds_before) {
    result.before.push_back({.at_us = kKilledAt - seconds * kSecond, .gauges = gauges_of(memory)});
  }
  if (at_kill) result.at_kill = MemoryAtKill{.gauges = gauges_of(*at_kill), .limit_bytes = 256 * kMiB};
  return result;
}

std::string cause(const OomEvidence& evidence) {
  const auto found = explain(evidence).cause;
  return found ? std::string(to_string(*found)) : "unknown";
}

struct Case {
  std::string what;
  OomEvidence evidence;
  std::string cause;
};

TEST(OomCause, IsToldFromWhatGrewOrElseFromWhatThereWas) {
  const Case cases[] = {
      {"nothing is known", evidence({}), "unknown"},
      {"only the log, heap", evidence({}, Memory{.anon = 250, .kernel = 6}), "anon_growth"},
      {"only the log, tmpfs", evidence({}, Memory{.anon = 20, .shmem = 230}), "shmem"},
      {"only the log, slab", evidence({}, Memory{.anon = 20, .kernel = 230}), "kernel_memory"},
      {"dentries that could not be dropped", evidence({}, Memory{.anon = 60, .kernel = 190, .slab_reclaimable = 180}),
       "kernel_memory"},
      {"the heap grows while dentries are dropped",
       evidence({{5, {.anon = 60, .kernel = 190, .slab_reclaimable = 180}}},
                Memory{.anon = 200, .kernel = 50, .slab_reclaimable = 40}),
       "anon_growth"},
      {"only the log, dirty cache", evidence({}, Memory{.anon = 20, .cache = 230, .dirty = 200}), "cache"},
      {"heap grows beside cache that is locked",
       evidence({{5, {.anon = 20, .cache = 140}}}, Memory{.anon = 110, .cache = 146}), "anon_growth"},
      {"dirty cache fills it, and the heap grew a little",
       evidence({{5, {.anon = 20}}}, Memory{.anon = 36, .cache = 220, .dirty = 200}), "cache"},
      {"heap grows beside a big tmpfs",
       evidence({{20, {.anon = 10, .shmem = 180}}, {10, {.anon = 12, .shmem = 180}}}, Memory{.anon = 76, .shmem = 180}),
       "anon_growth"},
      {"tmpfs grows beside a big heap",
       evidence({{20, {.anon = 180}}, {10, {.anon = 180, .shmem = 5}}}, Memory{.anon = 180, .shmem = 76}), "shmem"},
      {"kernel memory grows", evidence({{10, {.anon = 180}}}, Memory{.anon = 180, .kernel = 76}), "kernel_memory"},
      {"cache that came and went is no growth",
       evidence({{10, {.anon = 150, .cache = 100}}}, Memory{.anon = 250, .cache = 6}), "anon_growth"},
      {"only samples, and the cache of then counts for nothing",
       evidence({{20, {.anon = 150, .cache = 90}}, {10, {.anon = 150, .cache = 90}}}), "anon_growth"},
      {"only samples, of a cgroup that was far from its limit", evidence({{20, {.anon = 30}}, {10, {.anon = 30}}}),
       "unknown"},
      {"only samples, of nothing", evidence({{10, {}}}), "unknown"},
      {"at its limit for ten minutes",
       evidence({{600, {.anon = 245}}, {300, {.anon = 250}}, {10, {.anon = 248}}}, Memory{.anon = 250, .kernel = 6}),
       "limit_too_small"},
      {"at its limit, but for a minute only", evidence({{60, {.anon = 248}}, {10, {.anon = 250}}}, Memory{.anon = 256}),
       "anon_growth"},
  };
  for (const Case& one : cases) EXPECT_EQ(cause(one.evidence), one.cause) << one.what;
}

TEST(OomCause, IsTheNodeOrTheAncestorWhateverGrew) {
  OomEvidence one = evidence({{10, {.anon = 10}}}, Memory{.anon = 256});
  one.limit_is_above = true;
  EXPECT_EQ(cause(one), "ancestor_limit");
  one.scope = OomScope::node;
  EXPECT_EQ(cause(one), "node");
}

TEST(OomCause, AtThePodsLimitIsToldAsForItsOwnWhereThatIsNotReallyShared) {
  OomEvidence one = evidence({{20, {.anon = 100}}, {1, {.anon = 200}}}, Memory{.anon = 240, .shmem = 16});
  one.limit_is_above = one.is_as_its_own = true;
  EXPECT_EQ(cause(one), "anon_growth");
  const OomExplanation why = explain(one);
  ASSERT_TRUE(why.growth);
  EXPECT_EQ(why.growth->to_bytes, 200 * kMiB) << "by its own samples: the kernel's numbers are the pod's";
  one = evidence({{10, {.anon = 2}}, {5, {.anon = 20}}}, Memory{.anon = 22, .shmem = 234});
  one.limit_is_above = one.is_as_its_own = true;
  EXPECT_EQ(cause(one), "shmem") << "it grew, but held little of the limit";
  one.early_kill_count = 2;
  one.first_seen_at_us = kKilledAt - 10 * kSecond;
  EXPECT_EQ(cause(one), "shmem") << "an earlier container may have left it: no limit is too small for its start";
  one.at_kill = MemoryAtKill{.gauges = gauges_of({.anon = 256}), .limit_bytes = 256 * kMiB};
  EXPECT_EQ(cause(one), "limit_too_small");
}

TEST(OomCause, IsWhatRanOutWhereItWasNoLimit) {
  OomEvidence one = evidence({{10, {.anon = 10}}});
  for (const OomScope scope :
       {OomScope::node, OomScope::cpuset, OomScope::memory_policy, OomScope::fragmentation, OomScope::sysrq}) {
    one.scope = scope;
    EXPECT_EQ(cause(one), to_string(scope));
  }
}

TEST(OomCause, CountsSwapWhereTheLimitOfMemoryAndSwapWasHit) {
  OomEvidence one = evidence({{20, {.anon = 100}}, {10, {.anon = 100}}}, Memory{.anon = 100});
  for (MemoryBefore& sample : one.before) sample.gauges.set(Gauge::swap, 0);
  one.at_kill->gauges.set(Gauge::swap, 400 * kMiB);
  one.at_kill->limit_bytes = 500 * kMiB;
  one.scope = OomScope::memory_and_swap;
  const OomExplanation why = explain(one);
  EXPECT_EQ(why.cause, OomCause::anon_growth);
  ASSERT_TRUE(why.growth);
  EXPECT_EQ(why.growth->to_bytes, 500 * kMiB) << "memory alone did not grow";
  EXPECT_EQ(why.gauges[Gauge::usage], 100 * kMiB) << "but usage is what is in memory";
  EXPECT_EQ(why.limit_bytes, 500 * kMiB);
}

TEST(OomCause, IsTheLimitOfAWorkloadThatIsKilledAgainAndAgainShortlyAfterItsStart) {
  OomEvidence one = evidence({{10, {.anon = 10}}}, Memory{.anon = 256});
  one.early_kill_count = 2;
  one.first_seen_at_us = kKilledAt - 20 * kSecond;
  EXPECT_EQ(cause(one), "limit_too_small");
  one.before.front().at_us = kKilledAt - 15 * kSecond;
  EXPECT_EQ(cause(one), "anon_growth") << "but it grew for longer than a start takes";
  one.before.front().at_us = kKilledAt - 5 * kSecond;
  one.early_kill_count = 1;
  EXPECT_EQ(cause(one), "anon_growth") << "once is no pattern";
  one.early_kill_count = 5;
  one.first_seen_at_us = kKilledAt - 3600 * kSecond;
  EXPECT_EQ(cause(one), "anon_growth") << "this time it had got past its start";
}

TEST(OomCause, OfANestedLimitIsNotToldFromTheContainersSamples) {
  OomEvidence one = evidence({{600, {.anon = 240}}, {300, {.anon = 245}}, {10, {.anon = 243}}}, Memory{.shmem = 100});
  one.limit_is_below = true;
  EXPECT_EQ(cause(one), "shmem") << "the container's 240 of 256 MiB are another matter";
  EXPECT_FALSE(explain(one).growth);
}

TEST(OomCause, OfAKernelThatDoesNotTellShmemIsToldFromTheListsOfFiles) {
  OomEvidence one = evidence({}, Memory{.anon = 20, .cache = 230});
  one.at_kill->gauges.set(Gauge::shmem, std::nullopt);
  one.at_kill->gauges.set(Gauge::inactive_file, 5 * kMiB);
  one.at_kill->gauges.set(Gauge::active_file, 5 * kMiB);
  EXPECT_EQ(cause(one), "shmem");
  EXPECT_EQ(reclaimable_cache_bytes(explain(one).gauges), 10 * kMiB);
}

TEST(OomCause, NumbersAreTheKernelsOwnWhereItToldThem) {
  const OomExplanation by_log = explain(evidence({{10, {.anon = 100}}}, Memory{.anon = 250, .kernel = 6}));
  EXPECT_TRUE(by_log.from_log);
  EXPECT_EQ(by_log.measured_at_us, kKilledAt);
  EXPECT_EQ(by_log.gauges[Gauge::anon], 250 * kMiB);
  const OomExplanation by_sample = explain(evidence({{10, {.anon = 100}}}));
  EXPECT_FALSE(by_sample.from_log);
  EXPECT_EQ(by_sample.measured_at_us, kKilledAt - 10 * kSecond);
  EXPECT_EQ(by_sample.gauges[Gauge::anon], 100 * kMiB);
}

TEST(OomGrowth, BeginsWhereTheLastRiseBegan) {
  std::vector<std::pair<std::int64_t, Memory>> samples;
  for (std::int64_t s = 1800; s > 1700; s -= 10) samples.push_back({s, {.anon = static_cast<std::uint64_t>(1800 - s)}});
  for (std::int64_t s = 1700; s >= 10; s -= 10)
    samples.push_back({s, {.anon = static_cast<std::uint64_t>(100 + (s / 10) % 2)}});  // stands still
  for (std::int64_t s = 5; s >= 1; --s) samples.push_back({s, {.anon = static_cast<std::uint64_t>(250 - s * 28)}});
  const auto growth = explain(evidence(samples, Memory{.anon = 256})).growth;
  ASSERT_TRUE(growth);
  EXPECT_GE(growth->from_at_us, kKilledAt - 10 * kSecond) << "not its start half an hour ago";
  EXPECT_LE(growth->from_bytes, 112 * kMiB);
  EXPECT_EQ(growth->to_bytes, 256 * kMiB);
}

TEST(OomGrowth, BeginsWhereItBecameSteep) {
  std::vector<std::pair<std::int64_t, Memory>> samples{{90, {.anon = 8}}};
  for (std::int64_t s = 80; s >= 10; s -= 10) samples.push_back({s, {.anon = static_cast<std::uint64_t>(44 - s / 10)}});
  for (std::int64_t s = 5; s >= 1; --s) samples.push_back({s, {.anon = static_cast<std::uint64_t>(256 - s * 42)}});
  const auto growth = explain(evidence(samples, Memory{.anon = 256})).growth;
  ASSERT_TRUE(growth);
  EXPECT_EQ(growth->from_at_us, kKilledAt - 5 * kSecond);
  EXPECT_EQ(growth->from_bytes, 46 * kMiB);
}

TEST(OomGrowth, MayBeASlowLeak) {
  std::vector<std::pair<std::int64_t, Memory>> samples;
  for (std::int64_t s = 1790; s >= 10; s -= 10)
    samples.push_back({s, {.anon = static_cast<std::uint64_t>(250 - s / 20)}});
  const auto growth = explain(evidence(samples, Memory{.anon = 256})).growth;
  ASSERT_TRUE(growth);
  EXPECT_LT(growth->from_at_us, kKilledAt - 1500 * kSecond);
  EXPECT_LT(growth->from_bytes, 175 * kMiB);
}

TEST(OomGrowth, IsNoneOfWhatGrewLongBeforeAndStoodStill) {
  OomEvidence one =
      evidence({{12, {.anon = 38}}, {10, {.anon = 95}}, {8, {.anon = 95}}, {4, {.anon = 95}}, {1, {.anon = 95}}},
               Memory{.anon = 256});
  one.limit_is_above = true;  // another below it ran into the limit
  EXPECT_FALSE(explain(one).growth);
}

TEST(OomGrowth, IsNoneWhereItOnlyWentUpAndDown) {
  EXPECT_FALSE(explain(evidence({{40, {.anon = 255}}, {30, {.anon = 250}}, {20, {.anon = 254}}, {10, {.anon = 252}}},
                                Memory{.anon = 256}))
                   .growth);
  EXPECT_FALSE(explain(evidence({})).growth);
}

}  // namespace
}  // namespace cgmm::core
