// SPDX-License-Identifier: Apache-2.0
#include "report/format/chart.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <ranges>

#include "base/text.hpp"
#include "report/format/escape.hpp"

namespace cgmm::report {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kStartUs = 1'795'403'520 * kSecondUs;  // 2026-11-23T03:12:00Z
constexpr Style kNarrow{.colour = false, .width = 60};

std::vector<std::string> lines_of(std::string_view title, const std::vector<ChartPoint>& points, std::size_t height = 4,
                                  const Style& style = kNarrow) {
  const std::string text = chart(title, points, height, style);
  EXPECT_TRUE(base::is_valid_utf8(text));
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::vector<ChartPoint> ramp(std::size_t count, double step_bytes) {
  std::vector<ChartPoint> points;
  for (std::size_t i = 0; i < count; ++i) {
    points.push_back({kStartUs + static_cast<std::int64_t>(i) * kSecondUs, static_cast<double>(i) * step_bytes});
  }
  return points;
}

TEST(Chart, WithoutPointsSaysSo) {
  EXPECT_EQ(chart("Usage", {}, 4, kNarrow), "Usage\n(no samples)\n");
  const std::vector<ChartPoint> gaps = {{kStartUs, std::nullopt},
                                        {kStartUs + 1, std::numeric_limits<double>::quiet_NaN()}};
  EXPECT_EQ(chart("Usage", gaps, 4, kNarrow), "Usage\n(no samples)\n");
}

TEST(Chart, FitsTheWidthAndHasRoundLabelsOnBothAxes) {
  const auto lines = lines_of("Usage", ramp(101, 1024 * 1024));
  ASSERT_EQ(lines.size(), 8u);  // title, four rows, axis, times, day
  for (const std::string& line : lines) EXPECT_LE(display_width(line), 60u) << line;
  EXPECT_TRUE(lines[1].starts_with(" 128 MiB ┤")) << lines[1];
  EXPECT_TRUE(lines[2].starts_with("  96 MiB ┤")) << lines[2];
  EXPECT_TRUE(lines[5].starts_with("     0 B └┬──")) << lines[5];
  EXPECT_EQ(lines[6], "     UTC  03:12:00  03:12:30       03:13:00       03:13:30");
  EXPECT_EQ(lines[7], "          23 Nov");
}

TEST(Chart, FitsANarrowTerminal) {
  for (const std::size_t width : {32u, 40u, 51u, 52u, 59u}) {
    std::vector<ChartPoint> points = ramp(101, 1024 * 1024);
    const ChartMarks marks{
        .limit = 200.0 * 1024 * 1024,
        .marks = {{points.back().at_us, "", Mark::Kind::kill, 1234}, {points.front().at_us, "", Mark::Kind::restart}}};
    const Style style{.colour = false, .width = width};
    const std::string text = chart("Usage", points, 4, style, marks) + chart_signs(marks, style);
    for (const auto line : std::views::split(text, '\n')) {
      EXPECT_LE(display_width(std::string_view(line.begin(), line.end())), std::max<std::size_t>(width, 38)) << text;
    }
    EXPECT_NE(text.find("23 Nov"), std::string::npos) << text;
    EXPECT_NE(text.find("   kills  "), std::string::npos) << text;
    EXPECT_NE(text.find("▲1234\n"), std::string::npos) << text;
    EXPECT_NE(text.find("restarts  ↻\n"), std::string::npos) << text;
  }
}

TEST(Chart, OfATimeWithoutARoundOneNamesItsBegin) {
  const std::vector<ChartPoint> points = {{kStartUs + 100'000, 1.0}, {kStartUs + 500'000, 2.0}};
  EXPECT_EQ(lines_of("", points).back(), "          2026-11-23T03:12:00Z");
  EXPECT_EQ(lines_of("", {{kStartUs, 1.0}}).back(), "          2026-11-23T03:12:00Z");
}

TEST(Chart, OfNothingButZeroIsOneLine) { EXPECT_EQ(chart("swap", ramp(100, 0), 8, kNarrow), "swap: 0 all the time\n"); }

TEST(Chart, DrawsTheLimitAsALineUnlessItIsFarAbove) {
  ChartMarks marks{.limit = 120.0 * 1024 * 1024};
  std::string text = chart("Usage", ramp(101, 1024 * 1024), 4, kNarrow, marks);
  EXPECT_NE(text.find("   limit ┤╌╌╌╌"), std::string::npos) << text;
  EXPECT_EQ(text.find("╌"), text.find("┤") + std::string_view("┤").size()) << "in the uppermost row";
  EXPECT_NE(chart_signs(marks, kNarrow).find("╌ limit 120.0 MiB"), std::string::npos);
  marks.limit = 64.0 * 1024 * 1024 * 1024;
  text = chart("Usage", ramp(101, 1024 * 1024), 4, kNarrow, marks);
  EXPECT_EQ(text.find("╌"), std::string::npos) << text;
}

TEST(Chart, CountsTheMarksThatFallTogether) {
  const std::vector<ChartPoint> points = ramp(61, 1024);
  ChartMarks marks;
  for (const int at_s : {0, 20, 20, 20, 40}) {
    marks.marks.push_back({kStartUs + at_s * kSecondUs, "", Mark::Kind::reclaim});
  }
  marks.marks.push_back({kStartUs + 30 * kSecondUs, "", Mark::Kind::kill, 12});
  const std::string text = chart("", points, 4, {.colour = false, .width = 70 + 1}, marks);  // 61 columns
  EXPECT_NE(text.find("\nreclaims  ▼                   ▼3                  ▼\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\n   kills                                ▲12\n"), std::string::npos) << text;
  EXPECT_EQ(chart_signs(marks, kNarrow),
            "█ lowest, ▒ highest in a column's time; ▲ OOM kill\n▼ reclaim; a number: how many\n");
}

TEST(Chart, ShadesAColumnFromItsLowestToItsHighest) {
  std::vector<ChartPoint> points;
  for (int i = 0; i < 1000; ++i) points.push_back({kStartUs + i * kSecondUs, i % 2 == 0 ? 25.0 : 100.0});
  const auto lines = lines_of("", points);
  EXPECT_NE(lines[1].find("▒▒▒▒"), std::string::npos) << lines[1];
  EXPECT_EQ(lines[3].find("▒"), std::string::npos) << lines[3];
  EXPECT_NE(lines[3].find("███"), std::string::npos) << lines[3];
}

TEST(Chart, ShadesUpToAPeakUntilTheNextPoint) {
  const std::vector<ChartPoint> points = {
      {0, 32.0, 128.0}, {50 * kSecondUs, 32.0, std::nullopt}, {100 * kSecondUs, 32.0, std::nullopt}};
  const std::string top = lines_of("", points)[0];
  EXPECT_EQ(display_width(top.substr(top.find("▒"))), 24u) << "half of the columns: " << top;
}

TEST(Chart, RisesWithItsValues) {
  const auto lines = lines_of("", ramp(9, 1), 1, {.colour = false, .width = 40});
  std::string seen;
  for (const char* block : {"▁", "▂", "▃", "▅", "▆", "▇", "█"}) {
    const std::size_t at = lines[0].find(block);
    ASSERT_NE(at, std::string::npos) << block << " in " << lines[0];
    EXPECT_GT(at, lines[0].find(seen.empty() ? "┤" : seen)) << block;
    seen = block;
  }
}

TEST(Chart, LeavesAGapBlankButMarksASampleOfNothing) {
  const std::vector<ChartPoint> points = {{0, 0.0}, {10, std::nullopt}, {20, 8.0}, {30, 8.0}};
  const std::string row = lines_of("", points, 1, {.colour = false, .width = 40})[0];
  const std::size_t trace = row.find("▁"), blank = row.find(' ', trace), full = row.find("█");
  ASSERT_NE(trace, std::string::npos) << row;
  EXPECT_LT(trace, blank);
  EXPECT_LT(blank, full) << row;
}

TEST(Chart, ShowsTheLargestOfThePointsThatShareAColumn) {
  std::vector<ChartPoint> points = ramp(10'000, 0);
  points[5'000].value = 1024;
  const std::string row = lines_of("", points, 1)[0];
  EXPECT_NE(row.find("▒"), std::string::npos) << row;
}

TEST(Chart, SurvivesExtremes) {
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  lines_of("", {{kMin, 1.0}, {kMax, 1e300}});
  lines_of("", {{0, -5.0}}, 0, {.colour = true, .width = 0});
  lines_of("", {{5, 1.0}, {1, 2.0}, {9, std::numeric_limits<double>::infinity()}}, 1'000'000);
}

TEST(Chart, EscapesItsTitle) { EXPECT_EQ(lines_of("/a\n\x1b[31m\xff", ramp(2, 1))[0], "/a\\n\\x1b[31m\\xff"); }

}  // namespace
}  // namespace cgmm::report
