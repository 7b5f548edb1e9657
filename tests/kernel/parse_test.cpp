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
  EXPECT_EQ(numbers("file").value, 2U);
  EXPECT_EQ(numbers("anon").value, 9223372036854775807U);
  EXPECT_EQ(numbers("file").value, 2U) << "in any order";
  EXPECT_EQ(numbers("fil").value, 3U);
}

TEST(ParseKeyedNumbers, LeavesWhatIsNotThereAbsent) {
  const KeyedNumbers numbers("anon 1\n");
  EXPECT_TRUE(numbers("file").is_absent());
  EXPECT_TRUE(numbers.no_numbers().empty());
}

TEST(MemoryStat, ASumOfNumbersThatNoKernelHasDoesNotWrapAround) {
  const KeyedNumbers stat(
      "slab 9223372036854775807\nkernel_stack 9223372036854775807\npercpu 9223372036854775807\nsock 1\n");
  EXPECT_EQ(v2::sample_of(stat).gauges[core::Gauge::kernel], 9223372036854775807U);
}

TEST(MemoryStat, ASumOfWhichOnePartIsNoNumberIsNone) {
  const KeyedNumbers stat("file_dirty 4096\nfile_writeback -4096\n");
  const core::Gauges gauges = v2::sample_of(stat).gauges;
  EXPECT_FALSE(gauges.has(core::Gauge::dirty));
  EXPECT_TRUE(gauges.is_no_number(core::Gauge::dirty));
}

TEST(MemoryStat, AHierarchicalValueThatIsNoNumberIsNotReplacedByTheCgroupsOwn) {
  const KeyedNumbers stat("shmem 4096\ntotal_shmem -8192\n");
  EXPECT_FALSE(v1::sample_of(stat).gauges.has(core::Gauge::shmem));
}

TEST(ParseKeyedNumbers, RefusesATextThatIsNotWhole) {
  EXPECT_EQ(message_of([] { KeyedNumbers(""); }), "is empty");
  EXPECT_EQ(message_of([] { KeyedNumbers("anon 1\nfile 12"); }), "ends in the middle of a line");
}

TEST(ParseKeyedNumbers, TellsOfValuesThatAreNoNumberAndOfTheOthers) {
  for (const std::string text : {"", "abc", "-1", "1 2", "99999999999999999999", "9223372036854775808"}) {
    const std::string file = "anon 1\nfile" + (text.empty() ? "" : " " + text) + "\nshmem 3\n";
    const KeyedNumbers numbers(file);
    EXPECT_TRUE(numbers("file").is_no_number) << text;
    EXPECT_FALSE(numbers("file").value) << text;
    EXPECT_EQ(numbers("anon").value, 1U);
    EXPECT_EQ(numbers("shmem").value, 3U);
    ASSERT_FALSE(numbers.no_numbers().empty());
    EXPECT_EQ(numbers.no_numbers().front().key, "file");
    EXPECT_EQ(numbers.no_numbers().front().text, "\"" + text + "\"");
  }
}

TEST(ParseKeyedNumbers, SurvivesGarbage) {
  std::string garbage;
  for (int i = 0; i < 4096; ++i) garbage += static_cast<char>(i * 37);
  garbage += '\n';
  EXPECT_TRUE(KeyedNumbers(garbage)("file").is_absent());
}

TEST(ParseNumberFile, TakesANumberAndNothingElse) {
  EXPECT_EQ(parse_number_file("42\n").value, 42U);
  EXPECT_EQ(parse_number_file("42").value, 42U);
  EXPECT_EQ(message_of([] { parse_number_file(""); }), "is empty, expected a number");
  for (const char* const text : {"max\n", "-1\n", "18446744073709547520\n", "\n"}) {
    EXPECT_TRUE(parse_number_file(text).is_no_number) << text;
  }
  EXPECT_EQ(kernel::quoted(std::string(100, 'x')), "\"" + std::string(60, 'x') + "...\"");
}

TEST(ParseLimitFile, KnowsBothWaysToSayThatThereIsNone) {
  EXPECT_EQ(parse_limit_file("max\n"), std::nullopt);
  EXPECT_EQ(parse_limit_file("9223372036854771712\n"), std::nullopt);   // 4 KiB pages
  EXPECT_EQ(parse_limit_file("9223372036854710272\n"), std::nullopt);   // 64 KiB pages
  EXPECT_EQ(parse_limit_file("18446744073709551615\n"), std::nullopt);  // Linux 3.13 to 3.18
  EXPECT_EQ(parse_limit_file("99999999999999999999999\n"), std::nullopt);
  EXPECT_EQ(parse_limit_file("67108864\n"), 67108864U);
  EXPECT_EQ(message_of([] { parse_limit_file("much\n"); }), "\"much\": expected a number or \"max\"");
  EXPECT_EQ(message_of([] { parse_limit_file("-4096\n"); }), "\"-4096\": expected a number or \"max\"");
  EXPECT_EQ(message_of([] { parse_limit_file(""); }), "is empty, expected a number or \"max\"");
}

TEST(ParsePressure, TakesTheTotals) {
  const Pressure pressure = parse_pressure(
      "some avg10=0.00 avg60=1.00 avg300=0.00 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=45\n");
  EXPECT_EQ(pressure.some_us.value, 123U);
  EXPECT_EQ(pressure.full_us.value, 45U);
  EXPECT_TRUE(parse_pressure("some avg10=0.00 total=1\n").full_us.is_absent());
}

TEST(ParsePressure, SaysWhatIsWrong) {
  EXPECT_EQ(message_of([] { parse_pressure(""); }), "is empty");
  EXPECT_EQ(message_of([] { parse_pressure("x\n"); }), "has no line that begins with \"some\"");
  EXPECT_TRUE(parse_pressure("some avg10=0.00\n").some_us.is_no_number);
  const Pressure pressure = parse_pressure("some total=x\nfull avg10=0.00 total=5\n");
  EXPECT_TRUE(pressure.some_us.is_no_number);
  EXPECT_EQ(pressure.full_us.value, 5U) << "the other one is kept";
}

}  // namespace
}  // namespace cgmm::kernel
