// SPDX-License-Identifier: Apache-2.0
#include "core/idle.hpp"

#include <gtest/gtest.h>

namespace cgmm::core {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kPage = 4096;

CacheUse use(std::uint64_t active_mib, std::uint64_t refaulted_mib, std::uint64_t faulted_mib) {
  return {.cache_bytes = 100 * kMiB,
          .active_bytes = active_mib * kMiB,
          .refault_file = refaulted_mib * kMiB / kPage,
          .major_faults = faulted_mib * kMiB / kPage};
}

TEST(Idle, IsWhatIsInactiveAndNeitherMappedNorDirty) {
  MemorySample sample;
  EXPECT_EQ(idle_cache_bytes(sample), std::nullopt);
  sample.gauges.set(Gauge::inactive_file, 200 * kMiB);
  EXPECT_EQ(idle_cache_bytes(sample), 200 * kMiB);
  sample.mapped_bytes = 50 * kMiB;
  sample.gauges.set(Gauge::dirty, 30 * kMiB);
  EXPECT_EQ(idle_cache_bytes(sample), 120 * kMiB);
  sample.mapped_bytes = 500 * kMiB;
  EXPECT_EQ(idle_cache_bytes(sample), 0);
}

TEST(CacheUse, OfAFiftiethOfTheCacheIsUse) {
  const CacheUse before = use(50, 10, 10);
  struct Case {
    const char* what;
    CacheUse now;
    bool is_in_use;
  };
  for (const auto& [what, now, is_expected] :
       {Case{"nothing", use(50, 10, 10), false}, Case{"a little became active", use(51, 10, 10), false},
        Case{"much became active", use(52, 10, 10), true}, Case{"fewer are active", use(20, 10, 10), false},
        Case{"a little was read back", use(50, 11, 10), false}, Case{"much was read back", use(50, 12, 10), true},
        Case{"much was faulted in", use(50, 10, 12), true}, Case{"the counters went back", use(50, 0, 0), false}}) {
    EXPECT_EQ(is_in_use(before, now, kPage), is_expected) << what;
  }
}

TEST(CacheUse, ThatIsNotKnownIsNoReason) {
  EXPECT_FALSE(is_in_use({}, {}, kPage));
  EXPECT_FALSE(is_in_use({}, use(50, 50, 50), kPage));
  EXPECT_FALSE(is_in_use(use(50, 50, 50), {.cache_bytes = kMiB}, kPage));
}

TEST(CacheWatch, WaitsForASecondScanThatFindsNoUse) {
  CacheWatch watch;
  EXPECT_FALSE(watch.leaves_alone(false, true, use(50, 10, 10), kPage));
  EXPECT_TRUE(watch.is_new());
  EXPECT_TRUE(watch.leaves_alone(true, true, use(50, 10, 10), kPage));
  EXPECT_FALSE(watch.is_new());
  EXPECT_TRUE(watch.leaves_alone(true, true, use(50, 12, 10), kPage));
  EXPECT_FALSE(watch.leaves_alone(true, true, use(50, 12, 10), kPage));
  EXPECT_FALSE(watch.leaves_alone(false, true, use(50, 20, 10), kPage));  // it counts from here on
  EXPECT_FALSE(watch.leaves_alone(true, true, use(50, 20, 10), kPage));
}

TEST(CacheWatch, DoesNotWaitWhereAllOfTheCacheIsTaken) {
  CacheWatch watch;
  EXPECT_FALSE(watch.leaves_alone(true, false, use(50, 10, 10), kPage));
  EXPECT_TRUE(watch.is_new());
}

}  // namespace
}  // namespace cgmm::core
