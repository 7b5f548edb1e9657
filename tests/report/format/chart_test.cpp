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

TEST(Chart, FitsTheWidthAndLabelsBothAxes) {
  const auto lines = lines_of("Usage", ramp(101, 1024 * 1024));
  ASSERT_EQ(lines.size(), 7u);  // title, four rows, axis, times
  for (const std::string& line : lines) EXPECT_LE(display_width(line), 60u) << line;
  EXPECT_TRUE(lines[1].starts_with("100.0 MiB ┤")) << lines[1];
  EXPECT_TRUE(lines[3].starts_with(" 50.0 MiB ┤")) << lines[3];
  EXPECT_TRUE(lines[5].starts_with("      0 B └─")) << lines[5];
  EXPECT_EQ(lines[6], "           2026-11-23T03:12:00Z         2026-11-23T03:13:40Z");
}

TEST(Chart, FitsANarrowTerminal) {
  for (const std::size_t width : {32u, 40u, 51u, 52u, 59u}) {
    std::vector<ChartPoint> points = ramp(101, 1024 * 1024);
    const ChartMarks marks{.kill_at_us = points.back().at_us};
    const std::string text = chart("Usage", points, 4, {.colour = false, .width = width}, marks);
    for (const auto line : std::views::split(text, '\n')) {
      EXPECT_LE(display_width(std::string_view(line.begin(), line.end())), width) << text;
    }
    EXPECT_NE(text.find("2026-11-23T03:12:00Z"), std::string::npos) << text;
    EXPECT_NE(text.find("2026-11-23T03:13:40Z\n"), std::string::npos) << text;
    EXPECT_NE(text.find("kill ▲"), std::string::npos) << text;
  }
}

TEST(Chart, NamesTheMiddleOfTheTimeWhereItFits) {
  const auto lines = lines_of("", ramp(101, 1024), 4, {.colour = false, .width = 100});
  EXPECT_NE(lines.back().find("2026-11-23T03:12:50Z"), std::string::npos) << lines.back();
  EXPECT_LE(display_width(lines.back()), 100u);
}

TEST(Chart, RisesWithItsValues) {
  const auto lines = lines_of("", ramp(8, 1), 1, {.colour = false, .width = 40});
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
  EXPECT_NE(row.find("█"), std::string::npos) << row;
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
