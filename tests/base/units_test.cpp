// SPDX-License-Identifier: Apache-2.0
#include "base/units.hpp"
#include "base/time.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <utility>

#include "base/time.hpp"

namespace cgmm::base {
namespace {

using Sizes = std::initializer_list<std::pair<std::string_view, std::uint64_t>>;
using Durations = std::initializer_list<std::pair<std::string_view, std::int64_t>>;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kNow = 1'795'403'520 * kSecond;  // 2026-11-23T03:12:00Z

// What no number in the configuration may look like, whatever it counts.
constexpr std::string_view kNoNumbers[] = {"",     " ",        "nan",  "inf",        "infinity", "+5",
                                           "-1",   "-0",       "0x10", "1e3",        "1e+3",     ".5",
                                           "5.",   "1.2.3",    "1,5",  "1_000",      "five",     "KiB",
                                           "s",    "%",        "5 %%", "25 bananas", "1 2",      "99999999999999999999",
                                           "\xff", "5\xc2\xa0"};

TEST(ParseSize, TakesWhatTheRustProgramTakes) {
  for (const auto& [text, bytes] : Sizes{{"100", 100},
                                         {"100B", 100},
                                         {"100KB", 100'000},
                                         {"100KiB", 102'400},
                                         {"100MB", 100'000'000},
                                         {"100MiB", 104'857'600},
                                         {"100GB", 100'000'000'000},
                                         {"100GiB", 107'374'182'400},
                                         {"100TB", 100'000'000'000'000},
                                         {"100TiB", 109'951'162'777'600},
                                         {"1PiB", 1'125'899'906'842'624},
                                         {"1EB", 1'000'000'000'000'000'000},
                                         {"1.5MB", 1'500'000},
                                         {"0", 0}}) {
    EXPECT_EQ(parse_size(text), bytes) << text;
  }
}

TEST(ParseSize, TakesQuantitiesOfKubernetes) {
  for (const auto& [text, bytes] : Sizes{{"512Mi", 536'870'912},
                                         {"64Ki", 65'536},
                                         {"2Gi", 2'147'483'648},
                                         {"1Ti", 1'099'511'627'776},
                                         {"129M", 129'000'000},
                                         {"1k", 1'000},
                                         {"3G", 3'000'000'000},
                                         {"1T", 1'000'000'000'000}}) {
    EXPECT_EQ(parse_size(text), bytes) << text;
  }
}

TEST(ParseSize, CaresNeitherForCaseNorForSpacesAroundTheUnit) {
  for (const auto text : {"100kib", "100KIB", "100 KiB", "  100KiB ", "100\tkiB"}) {
    EXPECT_EQ(parse_size(text), 102'400u) << text;
  }
}

TEST(ParseSize, KeepsEveryByteOfALargeNumber) {
  EXPECT_EQ(parse_size("9007199254740993"), 9'007'199'254'740'993u);  // a double has no such number
  EXPECT_EQ(parse_size("9223372036854775807"), 9'223'372'036'854'775'807u);
}

TEST(ParseSize, RoundsAFractionToTheNearestByte) {
  EXPECT_EQ(parse_size("1.1KiB"), 1'126u);  // 1126.4
  EXPECT_EQ(parse_size("0.9999KiB"), 1'024u);
}

TEST(ParseSize, RefusesWhatIsNoSize) {
  for (const auto text : kNoNumbers) EXPECT_EQ(parse_size(text), std::nullopt) << text;
  for (const auto text : {"10Kb/s", "10 K B", "10iB", "10Bi", "10KBB", "10KK", "10 s", "10%", "10K10"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(ParseSize, RefusesWhatDoesNotFitIn63Bits) {
  for (const auto text : {"9223372036854775808", "8EiB", "7.9999999999999999999EiB", "9.3EB", "18446744073709551616"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(ParseDuration, TakesABareNumberAsSeconds) {
  EXPECT_EQ(parse_duration_us("10"), 10 * kSecond);
  EXPECT_EQ(parse_duration_us("0"), 0);
  EXPECT_EQ(parse_duration_us("0.25"), kSecond / 4);
}

TEST(ParseDuration, TakesUnitsFractionsAndCombinations) {
  for (const auto& [text, us] : Durations{{"250us", 250},
                                          {"500ms", 500'000},
                                          {"30s", 30 * kSecond},
                                          {"5m", 5 * kMinute},
                                          {"1h", kHour},
                                          {"7d", 7 * kDay},
                                          {"1.5h", 90 * kMinute},
                                          {" 30 s ", 30 * kSecond},
                                          {"1h30m", 90 * kMinute},
                                          {"1d 3h", 27 * kHour},
                                          {"1m500ms", kMinute + 500'000}}) {
    EXPECT_EQ(parse_duration_us(text), us) << text;
  }
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
  for (const auto text : kNoNumbers) EXPECT_EQ(parse_duration_us(text), std::nullopt) << text;
  for (const auto text : {"10S", "10M", "10min", "1w", "1h30", "30 1h", "30m1h", "1h2h", "1h-30m", "1h30m x"}) {
    EXPECT_EQ(parse_duration_us(text), std::nullopt) << text;
  }
}

TEST(ParseDuration, RefusesMoreThanAThousandYears) {
  EXPECT_EQ(parse_duration_us("365250d"), 365'250 * kDay);
  for (const auto text : {"365251d", "365250d1s", "31557600001", "18446744073709551615s", "18446744073709551615us"}) {
    EXPECT_EQ(parse_duration_us(text), std::nullopt) << text;
  }
}

TEST(FormatBytes, UsesTheLargestBinaryUnitThatFits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(67'108'864), "64.0 MiB");
  EXPECT_EQ(format_bytes(1'610'612'736), "1.5 GiB");
  EXPECT_EQ(format_bytes(std::numeric_limits<std::uint64_t>::max()), "16.0 EiB");
}

TEST(FormatBytes, NeverRoundsUpTo1024OfAUnit) {
  EXPECT_EQ(format_bytes(1'048'575), "1.0 MiB");
  EXPECT_EQ(format_bytes(1'073'741'823), "1.0 GiB");
  EXPECT_EQ(format_bytes(1'048'000), "1023.4 KiB");
}

TEST(FormatDuration, ShowsTheTwoLargestPartsAtMost) {
  const std::initializer_list<std::pair<std::int64_t, std::string_view>> cases = {
      {0, "0 s"},
      {350, "350 us"},
      {12'345, "12.3 ms"},
      {500'000, "500 ms"},
      {4'200'000, "4.2 s"},
      {30 * kSecond, "30 s"},
      {59'999'999, "59.9 s"},
      {kMinute, "1m"},
      {3 * kMinute + 20 * kSecond, "3m 20s"},
      {2 * kHour + 5 * kMinute + 59 * kSecond, "2h 5m"},
      {7 * kDay, "7d"},
      {kDay + 3 * kHour + 59 * kMinute, "1d 3h"},
      {-3 * kMinute, "-3m"},
      {std::numeric_limits<std::int64_t>::min(), "-106751991d 4h"},
      {std::numeric_limits<std::int64_t>::max(), "106751991d 4h"}};
  for (const auto& [us, text] : cases) EXPECT_EQ(format_duration_us(us), text);
}

TEST(SpanInWords, IsInTheLargestUnitThatDividesIt) {
  EXPECT_EQ(span_in_words(7 * kDay_us), "7 days");
  EXPECT_EQ(span_in_words(kDay_us), "day");
  EXPECT_EQ(span_in_words(36 * kHour_us), "36 hours");
  EXPECT_EQ(span_in_words(90 * kMinute_us), "90 minutes");
  EXPECT_EQ(span_in_words(kHour_us + kSecond_us), "1h");
}

TEST(DurationSetting, IsExactAndIsTakenBack) {
  const std::initializer_list<std::pair<std::int64_t, std::string_view>> cases = {
      {0, "0s"},           {1, "1us"},    {500'000, "500ms"}, {30 * kSecond, "30s"}, {90 * kSecond, "90s"},
      {kMinute * 5, "5m"}, {kHour, "1h"}, {7 * kDay, "7d"},   {1'500'000, "1500ms"}};
  for (const auto& [us, text] : cases) {
    EXPECT_EQ(duration_setting(us), text);
    EXPECT_EQ(parse_duration_us(duration_setting(us)), us);
  }
}

TEST(FormatUtc, WritesAnInstantInUtc) {
  EXPECT_EQ(format_utc(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_utc(kNow), "2026-11-23T03:12:00Z");
  EXPECT_EQ(format_utc(kNow + 123'999, true), "2026-11-23T03:12:00.123Z");
  EXPECT_EQ(format_utc(-1, true), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_utc(951'782'400 * kSecond), "2000-02-29T00:00:00Z");
}

TEST(FormatUtc, KeepsToYearsOfFourDigits) {
  EXPECT_EQ(format_utc(std::numeric_limits<std::int64_t>::max()), "9999-12-31T23:59:59Z");
  EXPECT_EQ(format_utc(std::numeric_limits<std::int64_t>::min()), "0000-01-01T00:00:00Z");
}

TEST(ParseWhen, TakesAnInstantInUtc) {
  const std::int64_t midnight_at_us = kNow - 3 * kHour - 12 * kMinute;
  for (const auto& [text, at_us] : Durations{{"2026-11-23", midnight_at_us},
                                             {"2026-11-23T03:12", kNow},
                                             {"2026-11-23 03:12:00", kNow},
                                             {"2026-11-23T03:12:00Z", kNow},
                                             {"2026-11-23T03:12:00.5Z", kNow + 500'000},
                                             {"2026-11-23T03:12:00.1234567", kNow + 123'456},
                                             {"1970-01-01", 0},
                                             {"1969-12-31T23:59:59Z", -kSecond},
                                             {"2028-02-29", 1'835'395'200 * kSecond}}) {
    EXPECT_EQ(parse_when(text, /*now_us=*/5), at_us) << text;
  }
}

TEST(ParseWhen, TakesBackWhatFormatUtcWrites) {
  for (const std::int64_t at_us : {std::int64_t{0}, kNow, kNow + 123'000, -kDay}) {
    EXPECT_EQ(parse_when(format_utc(at_us, true), 0), at_us);
  }
}

TEST(ParseWhen, TakesADurationAsThatLongAgo) {
  EXPECT_EQ(parse_when("7d", kNow), kNow - 7 * kDay);
  EXPECT_EQ(parse_when("1h30m", kNow), kNow - 90 * kMinute);
  EXPECT_EQ(parse_when("now", kNow), kNow);
}

TEST(ParseWhen, RefusesWhatIsNoInstant) {
  for (const auto text : kNoNumbers) EXPECT_EQ(parse_when(text, kNow), std::nullopt) << text;
  for (const auto text : {"2026",
                          "30",
                          "2026-11",
                          "2026-1-2",
                          "2026-02-30",
                          "2027-02-29",
                          "2026-13-01",
                          "2026-00-10",
                          "2026-11-00",
                          "2026-11-23T",
                          "2026-11-23Z",
                          "2026-11-23T24:00",
                          "2026-11-23T03:60",
                          "2026-11-23T03:12:60",
                          "2026-11-23T03:12:00.",
                          "2026-11-23T03:12.5",
                          "2026-11-23T03:12:00+01:00",
                          "2026-11-23T03:12:00ZZ",
                          "26-11-23",
                          "yesterday",
                          "-7d",
                          "2026-11-23X03:12"}) {
    EXPECT_EQ(parse_when(text, kNow), std::nullopt) << text;
  }
}

/// The machine's zone is this one, and times are shown in it.
class InZone {
 public:
  explicit InZone(const char* zone) {
    ::setenv("TZ", zone, 1);
    show_local_time();
  }
  ~InZone() {
    ::unsetenv("TZ");
    show_local_time(false);
  }
};

TEST(FormatTime, IsUtcUnlessTheZoneOfTheMachineIsAskedFor) {
  EXPECT_EQ(format_time(kNow), format_utc(kNow));
  EXPECT_EQ(shown_zone(kNow), "UTC");
  EXPECT_EQ(shown_offset_us(kNow), 0);
}

TEST(FormatTime, SaysTheOffset) {
  constexpr std::int64_t kAt_us = 1'795'403'520'123'456;  // 2026-11-23T03:12:00Z
  {
    const InZone zone("XXX-1");
    EXPECT_EQ(format_time(kAt_us), "2026-11-23 04:12:00 +01:00");
    EXPECT_EQ(format_time(kAt_us, true), "2026-11-23 04:12:00.123 +01:00");
    EXPECT_EQ(shown_zone(kAt_us), "UTC+01:00");
    EXPECT_EQ(format_utc(kAt_us), "2026-11-23T03:12:00Z");
  }
  const InZone zone("XXX+3:30");
  EXPECT_EQ(format_time(kAt_us), "2026-11-22 23:42:00 -03:30");
  for (const std::int64_t extreme :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_FALSE(format_time(extreme).empty());
  }
}

TEST(FormatUtcExact, HasMicroseconds) {
  EXPECT_EQ(format_utc_exact(1'795'403'520'000'007), "2026-11-23T03:12:00.000007Z");
  EXPECT_EQ(format_utc_exact(-1), "1969-12-31T23:59:59.999999Z");
}

TEST(Counted, PutsTheNounInItsForm) {
  EXPECT_EQ(counted(0, "cgroup"), "0 cgroups");
  EXPECT_EQ(counted(1, "cgroup"), "1 cgroup");
  EXPECT_EQ(counted(2, "other process", "other processes"), "2 other processes");
  EXPECT_EQ(counted(1, "record waits", "records wait"), "1 record waits");
}

TEST(Counted, GroupsLargeNumbers) {
  EXPECT_EQ(counted(9'999, "scan"), "9999 scans");
  EXPECT_EQ(counted(60'433, "scan"), "60 433 scans");
  EXPECT_EQ(grouped(1'234'567), "1 234 567");
  EXPECT_EQ(grouped(-5), "-5");
}

}  // namespace
}  // namespace cgmm::base
