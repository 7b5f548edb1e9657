// SPDX-License-Identifier: Apache-2.0
#include "core/sample.hpp"

#include <gtest/gtest.h>

#include "core/oom_cause.hpp"

namespace cgmm::core {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

Gauges gauges_of(std::initializer_list<std::pair<Gauge, std::uint64_t>> mib) {
  Gauges gauges;
  for (const auto& [gauge, value] : mib) gauges.set(gauge, value * kMiB);
  return gauges;
}

TEST(Sample, ReclaimableCacheIsWithoutShmem) {
  EXPECT_EQ(reclaimable_cache_bytes(gauges_of({{Gauge::file, 100}, {Gauge::shmem, 30}})), 70 * kMiB);
  EXPECT_EQ(reclaimable_cache_bytes(gauges_of({{Gauge::file, 10}, {Gauge::shmem, 30}})), 0U);
  EXPECT_EQ(reclaimable_cache_bytes(gauges_of({{Gauge::file, 100}})), 100 * kMiB) << "the minimal v1 directory";
  EXPECT_EQ(reclaimable_cache_bytes(gauges_of({{Gauge::shmem, 30}})), 0U);
}

TEST(Sample, WithoutShmemTheListsOfFilesSayWhatCanBeDropped) {
  EXPECT_EQ(
      reclaimable_cache_bytes(gauges_of({{Gauge::file, 100}, {Gauge::inactive_file, 20}, {Gauge::active_file, 5}})),
      25 * kMiB);
  EXPECT_EQ(
      reclaimable_cache_bytes(gauges_of({{Gauge::file, 10}, {Gauge::inactive_file, 20}, {Gauge::active_file, 5}})),
      10 * kMiB);
}

TEST(Sample, AShmemThatIsNoNumberDoesNotMakeTheReclaimableCacheTooLarge) {
  Gauges gauges = gauges_of({{Gauge::file, 100}});
  gauges.set_no_number(Gauge::shmem);
  EXPECT_EQ(reclaimable_cache_bytes(gauges), 0U) << "what is not known is not dropped";
  gauges.set(Gauge::inactive_file, 20 * kMiB);
  gauges.set(Gauge::active_file, 5 * kMiB);
  EXPECT_EQ(reclaimable_cache_bytes(gauges), 25 * kMiB);
  gauges.set(Gauge::shmem, 90 * kMiB);
  EXPECT_FALSE(gauges.is_no_number(Gauge::shmem));
  EXPECT_EQ(reclaimable_cache_bytes(gauges), 10 * kMiB);
}

TEST(Sample, ReclaimableSlabIsNotMemoryThatCantBeDropped) {
  const Gauges gauges =
      gauges_of({{Gauge::usage, 1000}, {Gauge::file, 50}, {Gauge::shmem, 20}, {Gauge::slab_reclaimable, 780}});
  EXPECT_EQ(held_bytes(gauges), 190 * kMiB);
}

TEST(Sample, APeakIsToldOnlyWhereItSaysMoreThanTheSamples) {
  const auto told = [](std::optional<std::uint64_t> before_mib, std::uint64_t peak_mib, std::uint64_t usage_mib) {
    const auto before = before_mib ? std::optional(*before_mib * kMiB) : std::nullopt;
    return peak_since(before, gauges_of({{Gauge::usage, usage_mib}, {Gauge::peak, peak_mib}}));
  };
  EXPECT_EQ(told(50, 90, 40), 90 * kMiB);
  EXPECT_EQ(told(90, 90, 40), std::nullopt) << "it is older than the sample before";
  EXPECT_EQ(told(50, 90, 90), std::nullopt) << "the usage says it";
  EXPECT_EQ(told(std::nullopt, 90, 40), std::nullopt) << "since when is not known";
  EXPECT_EQ(told(100, 90, 40), std::nullopt) << "somebody has reset it";
  EXPECT_EQ(peak_since(50, gauges_of({{Gauge::usage, 40}})), std::nullopt);
}

}  // namespace
}  // namespace cgmm::core
