// SPDX-License-Identifier: Apache-2.0
#include "core/remainder.hpp"

#include <gtest/gtest.h>

namespace cgmm::core {
namespace {

constexpr std::uint64_t kKiB = 1024;

Gauges gauges(std::uint64_t usage_kib, std::uint64_t file_kib, std::uint64_t inactive_kib, std::uint64_t swap_kib) {
  Gauges all;
  all.set(Gauge::usage, usage_kib * kKiB);
  all.set(Gauge::file, file_kib * kKiB);
  all.set(Gauge::inactive_file, inactive_kib * kKiB);
  all.set(Gauge::swap, swap_kib * kKiB);
  return all;
}

TEST(Remainder, IsWhatIsChargedBeyondTheCgroupsBelow) {
  Remainders remainders;
  remainders.add(1, gauges(300, 100, 50, 8));
  remainders.add(1, gauges(200, 100, 50, 0));
  EXPECT_EQ(remainders.of(0, gauges(900, 500, 300, 24)), gauges(400, 300, 200, 16));
}

TEST(Remainder, HasNoMoreCacheThanUsageAlthoughBothAreReadAtDifferentInstants) {
  Remainders remainders;
  remainders.add(1, gauges(468, 100, 50, 0));
  EXPECT_EQ(remainders.of(0, gauges(500, 228, 180, 64)), gauges(32, 32, 32, 64)) << "swap is not part of the usage";
  Gauges without_usage = gauges(0, 228, 180, 0);
  without_usage.set(Gauge::usage, std::nullopt);
  EXPECT_EQ((*remainders.of(0, without_usage))[Gauge::file], 128 * kKiB);
}

}  // namespace
}  // namespace cgmm::core
