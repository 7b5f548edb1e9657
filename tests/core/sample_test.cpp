// SPDX-License-Identifier: Apache-2.0
#include "core/sample.hpp"

#include <gtest/gtest.h>

namespace cgmm::core {
namespace {

TEST(GaugesKib, HoldsWholeKibAndWhatIsAbsent) {
  Gauges gauges;
  gauges.set(Gauge::usage, 5 * 1024 + 1023);
  gauges.set(Gauge::swap, 0);
  const GaugesKib kept(gauges);
  EXPECT_TRUE(kept.holds_all());
  gauges.set(Gauge::usage, 5 * 1024);
  EXPECT_EQ(kept.bytes(), gauges);
}

TEST(GaugesKib, SaysWhereItCantHoldAll) {
  Gauges gauges;
  gauges.set(Gauge::anon, (std::uint64_t{1} << 42) - 1024);
  EXPECT_TRUE(GaugesKib(gauges).holds_all());
  EXPECT_EQ(GaugesKib(gauges).bytes(), gauges);
  gauges.set(Gauge::anon, std::uint64_t{1} << 42);
  EXPECT_FALSE(GaugesKib(gauges).holds_all());
}

}  // namespace
}  // namespace cgmm::core
