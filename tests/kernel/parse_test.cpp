// SPDX-License-Identifier: Apache-2.0
#include "kernel/parse.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "kernel/memory_stat.hpp"

namespace cgmm::kernel {
namespace {

std::string message_of(const std::function<void()>& parse) {
  try {
    parse();
  } catch (const MalformedFile& error) {
    return error.what();
  }
  return "";
}

TEST(ParseKeyedNumbers, MatchesWholeKeysAndIgnoresTheRest) {
  const KeyedNumbers numbers("file_mapped 1\nfile 2\nfil 3\nnew_in_kernel_9 x y\nanon 9223372036854775807\n");
  EXPECT_EQ(numbers("file"), 2U);
  EXPECT_EQ(numbers("anon"), 9223372036854775807U);
  EXPECT_EQ(numbers("file"), 2U) << "in any order";
  EXPECT_EQ(numbers("fil"), 3U);
}

TEST(ParseKeyedNumbers, LeavesWhatIsNotThereAbsent) { EXPECT_EQ(KeyedNumbers("anon 1\n")("file"), std::nullopt); }

TEST(MemoryStat, ASumOfNumbersThatNoKernelHasDoesNotWrapAround) {
  const KeyedNumbers stat(
      "slab 9223372036854775807\nkernel_stack 9223372036854775807\npercpu 9223372036854775807\nsock 1\n");
  EXPECT_EQ(v2::sample_of(stat).gauges[core::Gauge::kernel], 9223372036854775807U);
}

TEST(ParseKeyedNumbers, SaysWhatIsWrongAndInWhichLine) {
  struct Case {
    std::string text;
    std::string message;
  };
  for (const Case& one :
       {Case{"", "is empty"},
        {"anon 1\nfile 12", "ends in the middle of a line"},
        {"anon 1\nfile\n", "line 2: \"file\": expected a key and a number"},
        {"file abc\n", "line 1: \"file abc\": expected a key and a number"},
        {"file -1\n", "line 1: \"file -1\": expected a key and a number"},
        {"file 1 2\n", "line 1: \"file 1 2\": expected a key and a number"},
        {"file 99999999999999999999\n", "line 1: \"file 99999999999999999999\": expected a key and a number"},
        {"file 9223372036854775808\n", "line 1: \"file 9223372036854775808\": expected a key and a number"}}) {
    EXPECT_EQ(message_of([&] { KeyedNumbers(one.text)("file"); }), one.message);
  }
}

TEST(ParseKeyedNumbers, SurvivesGarbage) {
  std::string garbage;
  for (int i = 0; i < 4096; ++i) garbage += static_cast<char>(i * 37);
  garbage += '\n';
  EXPECT_EQ(KeyedNumbers(garbage)("file"), std::nullopt);
}

TEST(ParseNumberFile, TakesANumberAndNothingElse) {
  EXPECT_EQ(parse_number_file("42\n"), 42U);
  EXPECT_EQ(parse_number_file("42"), 42U);
  EXPECT_EQ(message_of([] { parse_number_file(""); }), "is empty, expected a number");
  EXPECT_EQ(message_of([] { parse_number_file("max\n"); }), "\"max\": expected a number");
  EXPECT_EQ(message_of([] { parse_number_file("-1\n"); }), "\"-1\": expected a number");
  EXPECT_EQ(message_of([] { parse_number_file(std::string(100, 'x')); }),
            "\"" + std::string(60, 'x') + "...\": expected a number");
}

TEST(ParseLimitFile, KnowsBothWaysToSayThatThereIsNone) {
  EXPECT_EQ(parse_limit_file("max\n"), std::nullopt);
  EXPECT_EQ(parse_limit_file("9223372036854771712\n"), std::nullopt);  // 4 KiB pages
  EXPECT_EQ(parse_limit_file("9223372036854710272\n"), std::nullopt);  // 64 KiB pages
  EXPECT_EQ(parse_limit_file("67108864\n"), 67108864U);
  EXPECT_EQ(message_of([] { parse_limit_file("much\n"); }), "\"much\": expected a number or \"max\"");
  EXPECT_EQ(message_of([] { parse_limit_file(""); }), "is empty, expected a number or \"max\"");
}

TEST(ParsePressure, TakesTheTotals) {
  const Pressure pressure = parse_pressure(
      "some avg10=0.00 avg60=1.00 avg300=0.00 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=45\n");
  EXPECT_EQ(pressure.some_us, 123U);
  EXPECT_EQ(pressure.full_us, 45U);
  EXPECT_EQ(parse_pressure("some avg10=0.00 total=1\n").full_us, std::nullopt);
}

TEST(ParsePressure, SaysWhatIsWrong) {
  EXPECT_EQ(message_of([] { parse_pressure(""); }), "is empty");
  EXPECT_EQ(message_of([] { parse_pressure("x\n"); }), "has no line that begins with \"some\"");
  EXPECT_EQ(message_of([] { parse_pressure("some avg10=0.00\n"); }),
            "line 1: \"some avg10=0.00\": expected \"some ... total=MICROSECONDS\"");
  EXPECT_EQ(message_of([] { parse_pressure("some total=x\n"); }),
            "line 1: \"some total=x\": expected \"some ... total=MICROSECONDS\"");
}

}  // namespace
}  // namespace cgmm::kernel
