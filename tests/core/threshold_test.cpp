// SPDX-License-Identifier: Apache-2.0
#include "core/threshold.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <utility>

namespace cgmm::core {
namespace {

constexpr std::uint64_t kLimitBytes = 1'073'741'824;

TEST(Threshold, IsTakenAsTheRustProgramTakesIt) {
  const std::initializer_list<std::pair<std::string_view, std::uint64_t>> cases = {
      {"50%", 536'870'912},       {"12.5%", 134'217'728},      {"100", 100},
      {"100KB", 100'000},         {"100KiB", 102'400},         {"100MB", 100'000'000},
      {"100MiB", 104'857'600},    {"100GB", 100'000'000'000},  {"100GiB", 107'374'182'400},
      {"1TB", 1'000'000'000'000}, {"1TiB", 1'099'511'627'776}, {"100mib", 104'857'600},
      {"100MIB", 104'857'600},    {"512Mi", 536'870'912},      {"0%", 0},
      {"100%", kLimitBytes},      {" 50 % ", 536'870'912}};
  for (const auto& [text, bytes] : cases) {
    const auto threshold = Threshold::parse(text);
    ASSERT_TRUE(threshold) << text;
    EXPECT_EQ(threshold->bytes(kLimitBytes), bytes) << text;
  }
}

TEST(Threshold, RefusesWhatIsNeitherASizeNorAPercentage) {
  for (const auto text :
       {"",     " ",    "%",    " %",         "-1",   "-1%",    "+5",   "+5%",  "nan",
        "nan%", "inf%", "0x10", "0x10%",      "1e3",  "1e1%",   ".5%",  "5.%",  "1.2.3%",
        "5 %%", "%5",   "5%5",  "25 bananas", "150%", "100.1%", "5 5%", "1,5%", "99999999999999999999"}) {
    EXPECT_EQ(Threshold::parse(text), std::nullopt) << text;
  }
}

TEST(Threshold, OfAPercentageIsRoundedUpToAWholeByte) {
  EXPECT_EQ(Threshold::of_percent(12.5).bytes(100), 13u);
  EXPECT_EQ(Threshold::of_percent(25).bytes(1), 1u);
  EXPECT_EQ(Threshold::of_percent(1e-9).bytes(100), 1u);
}

TEST(Threshold, OfAnExactShareIsNotRoundedUpByTheErrorOfADouble) {
  EXPECT_EQ(Threshold::of_percent(33.3).bytes(1000), 333u);
  EXPECT_EQ(Threshold::of_percent(0.1).bytes(1000), 1u);
  EXPECT_EQ(Threshold::of_percent(7.1).bytes(1'000'000'000'000), 71'000'000'000u);
}

TEST(Threshold, IsExactForTheLargestLimit) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(Threshold::of_percent(100).bytes(kMax), kMax);
  EXPECT_EQ(Threshold::of_percent(50).bytes(kMax), kMax / 2 + 1);
}

TEST(Threshold, OfAPercentageNeedsALimitAndOneInBytesDoesNot) {
  EXPECT_EQ(Threshold::of_percent(50).bytes(std::nullopt), std::nullopt);
  EXPECT_EQ(Threshold::of_bytes(100).bytes(std::nullopt), 100u);
  EXPECT_EQ(Threshold::of_bytes(100).bytes(50), 100u);
}

TEST(Threshold, IsWrittenAsAConfigurationFileHasIt) {
  EXPECT_EQ(Threshold::of_percent(25).to_string(), "25%");
  EXPECT_EQ(Threshold::of_percent(12.5).to_string(), "12.5%");
  EXPECT_EQ(Threshold::of_bytes(0).to_string(), "0");
  EXPECT_EQ(Threshold::of_bytes(100'000'001).to_string(), "100000001");
  EXPECT_EQ(Threshold::of_bytes(104'857'600).to_string(), "100MiB");
  EXPECT_EQ(Threshold::of_bytes(1536).to_string(), "1536");
  EXPECT_EQ(Threshold::of_bytes(std::uint64_t{2048} << 40).to_string(), "2048TiB");
}

TEST(Threshold, IsTakenBackAsItIsWritten) {
  for (const auto& threshold : {Threshold::of_percent(0), Threshold::of_percent(33.3), Threshold::of_percent(1e-7),
                                Threshold::of_bytes(0), Threshold::of_bytes(1), Threshold::of_bytes(3 << 20)}) {
    EXPECT_EQ(Threshold::parse(threshold.to_string()), threshold) << threshold.to_string();
  }
}

}  // namespace
}  // namespace cgmm::core
