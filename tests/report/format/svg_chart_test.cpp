// SPDX-License-Identifier: Apache-2.0
#include "report/format/chart.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/text.hpp"
#include "report/format/axis.hpp"
#include "support/hostile.hpp"
#include "support/html.hpp"

namespace cgmm::report {
namespace {

using test::Html;

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kHourUs = 3600 * kSecondUs;
constexpr std::int64_t kDayUs = 24 * kHourUs;
constexpr std::int64_t kStartUs = 1'795'403'520 * kSecondUs;  // 2026-11-23T03:12:00Z, a Monday
constexpr double kMiB = 1024 * 1024;

std::vector<std::string> labels(const std::vector<AxisTick>& ticks) {
  std::vector<std::string> all;
  for (const AxisTick& tick : ticks) all.push_back(tick.label + (tick.below.empty() ? "" : "|" + tick.below));
  return all;
}
using Labels = std::vector<std::string>;

/// Points every `step_us` from kStartUs on.
Series series_of(const std::vector<std::optional<double>>& values, std::int64_t step_us = kSecondUs,
                 Series::Kind kind = Series::Kind::line) {
  Series series{.label = "usage", .points = {}, .kind = kind};
  for (std::size_t i = 0; i < values.size(); ++i) {
    series.points.push_back({kStartUs + static_cast<std::int64_t>(i) * step_us, values[i]});
  }
  return series;
}

/// From the first point to the last.
SvgChart chart_of(std::vector<Series> series) {
  std::int64_t to_at_us = 0;
  for (const Series& one : series) {
    if (!one.points.empty()) to_at_us = std::max(to_at_us, one.points.back().at_us + one.bar_us);
  }
  return {.from_at_us = kStartUs, .to_at_us = to_at_us, .series = std::move(series), .marks = {}, .bands = {}};
}

std::string path_of(const Html& page, std::string_view css_class) {
  for (const auto& path : page.all("path")) {
    if (path.has_class(css_class)) return path.attributes.at("d");
  }
  return "";
}

std::vector<std::string> tooltips(const Html& page) {
  std::vector<std::string> all;
  for (const auto& title : page.all("title")) all.push_back(title.text);
  return all;
}

TEST(ByteTicks, AreRoundAndFourToSix) {
  EXPECT_EQ(labels(byte_ticks(700 * kMiB)), (Labels{"0 B", "256 MiB", "512 MiB", "768 MiB"}));
  EXPECT_EQ(labels(byte_ticks(1200 * kMiB)), (Labels{"0 B", "256 MiB", "512 MiB", "768 MiB", "1 GiB", "1.25 GiB"}));
  EXPECT_EQ(labels(byte_ticks(0)), (Labels{"0 B", "1 B", "2 B", "3 B", "4 B"}));
  for (double bytes = 1; bytes < 1e19; bytes *= 1.37) {
    const auto ticks = byte_ticks(bytes);
    EXPECT_GE(ticks.size(), 4u) << bytes;
    EXPECT_LE(ticks.size(), 6u) << bytes;
    EXPECT_EQ(ticks.front().share, 0);
    EXPECT_EQ(ticks.back().share, 1);
    for (std::size_t i = 1; i < ticks.size(); ++i) EXPECT_NE(ticks[i].label, ticks[i - 1].label) << bytes;
  }
}

TEST(TimeTicks, AreAtRoundTimesWithTheDayWhereItBeginsAndNoLabelOverTheEnd) {
  EXPECT_EQ(labels(time_ticks(kStartUs, kStartUs + 6 * kHourUs, 450)),
            (Labels{"04:00|23 Nov", "05:00", "06:00", "07:00", "08:00", "09:00"}));
  EXPECT_EQ(labels(time_ticks(kStartUs, kStartUs + kDayUs, 190)), (Labels{"12:00|23 Nov", "00:00|24 Nov"}));
  EXPECT_EQ(labels(time_ticks(kStartUs, kStartUs + 7 * kDayUs, 450)),
            (Labels{"24 Nov|Tue", "25 Nov|Wed", "26 Nov|Thu", "27 Nov|Fri", "28 Nov|Sat", "29 Nov|Sun", ""}));
  EXPECT_EQ(labels(time_ticks(kStartUs, kStartUs + 20 * kSecondUs, 450)),
            (Labels{"03:12:00|23 Nov", "03:12:05", "03:12:10", "03:12:15", ""}));
  EXPECT_EQ(labels(time_ticks(kStartUs, kStartUs + 60 * kDayUs, 190)), (Labels{"21 Dec|2026", "18 Jan|2027"}));
  EXPECT_TRUE(time_ticks(kStartUs, kStartUs, 450).empty());
}

TEST(TimeTicks, NeverReachIntoEachOther) {
  constexpr double kCharacter_px = 7;
  for (const double length_px : {190.0, 450.0, 800.0}) {
    for (double range_us = 1e6; range_us < 1e18; range_us *= 1.31) {
      const auto ticks = time_ticks(kStartUs, kStartUs + static_cast<std::int64_t>(range_us), length_px);
      EXPECT_LE(ticks.size(), 9u) << range_us;
      double free_from_px = -1e9;
      for (const AxisTick& tick : ticks) {
        if (tick.label.empty()) continue;
        const double width_px = kCharacter_px * static_cast<double>(std::max(tick.label.size(), tick.below.size()));
        EXPECT_GT(tick.share * length_px - width_px / 2, free_from_px) << tick.label << " of " << range_us;
        free_from_px = tick.share * length_px + width_px / 2;
      }
    }
  }
}

TEST(SvgChart, DrawsALineThatBreaksWhereNobodyLooked) {
  const Html page(svg_chart(chart_of({series_of({0, 4 * kMiB, std::nullopt, 2 * kMiB, 4 * kMiB}, kHourUs)})));
  EXPECT_EQ(path_of(page, "l"), "M0 250L250 0M750 125L1000 0");
  EXPECT_EQ(path_of(page, "fill"), "");
  const auto svg = page.all("svg").back();
  EXPECT_EQ(svg.attributes.at("role"), "img");
  EXPECT_EQ(svg.attributes.at("aria-label"),
            "Chart, 2026-11-23T03:12:00Z to 2026-11-23T07:12:00Z; usage up to 4.0 MiB");
}

TEST(SvgChart, MarksASampleThatIsAlone) {
  const Html page(svg_chart(chart_of({series_of({std::nullopt, 4 * kMiB, std::nullopt})})));
  EXPECT_EQ(path_of(page, "l"), "M500 0h.1");
}

TEST(SvgChart, FillsAnAreaAndStepsALimit) {
  Series limit = series_of({3 * kMiB, 4 * kMiB}, kHourUs, Series::Kind::limit);
  limit.label = "limit";
  const Html page(svg_chart(chart_of({series_of({2 * kMiB, 2 * kMiB, 2 * kMiB}, kHourUs, Series::Kind::area), limit})));
  EXPECT_EQ(path_of(page, "fill"), "M0 125L500 125L1000 125V250H0z");
  EXPECT_EQ(path_of(page, "limit"), "M0 62.5H500V0H1000");
}

TEST(SvgChart, ShowsOfALimitOnlyWhatHoldsInItsTime) {
  Series limit = series_of({8 * kMiB, 3 * kMiB, 4 * kMiB, 9 * kMiB}, kHourUs, Series::Kind::limit);
  SvgChart chart = chart_of({series_of({kMiB, 2 * kMiB, 2 * kMiB, kMiB}, kHourUs), limit});
  chart.from_at_us = kStartUs + kHourUs + kHourUs / 2;
  chart.to_at_us = kStartUs + 2 * kHourUs + kHourUs / 2;
  const std::string html = svg_chart(chart);
  EXPECT_EQ(path_of(Html(html), "limit"), "M0 62.5H500V0H1000");
  EXPECT_NE(html.find("<span>up to 4.0 MiB</span>"), std::string::npos) << html;
}

TEST(SvgChart, NamesALimitFarAboveEverythingInPlaceOfSquashingIt) {
  Series limit = series_of({64 * 1024 * kMiB}, kHourUs, Series::Kind::limit);
  limit.label = "limit";
  const std::string html = svg_chart(chart_of({series_of({4 * kMiB, 4 * kMiB}), limit}));
  const Html page(html);
  EXPECT_EQ(path_of(page, "l"), "M0 0L1000 0");
  EXPECT_EQ(path_of(page, "limit"), "");
  EXPECT_NE(html.find("64.0 GiB, far above"), std::string::npos) << html;
}

TEST(SvgChart, OfManyPointsKeepsTheExtremesAndTheGaps) {
  std::vector<std::optional<double>> values(60'480, 100 * kMiB);
  values[20'000] = 512 * kMiB;
  values[40'000] = 0;
  for (std::size_t i = 50'000; i < 51'000; ++i) values[i] = std::nullopt;
  const std::string html = svg_chart(chart_of({series_of(values, 10 * kSecondUs)}));
  EXPECT_LT(html.size(), 40'000u);
  const std::string path = path_of(Html(html), "l");
  EXPECT_EQ(std::ranges::count(path, 'M'), 2);
  EXPECT_LE(std::ranges::count_if(path, [](char c) { return c == 'M' || c == 'L'; }), 1000);
  EXPECT_NE(path.find(" 0L"), std::string::npos) << "the peak";
  EXPECT_NE(path.find(" 250L"), std::string::npos) << "the trough";
}

TEST(SvgChart, BarsStandInFrontOfEachOtherAndTellWhatTheyAre) {
  Series freed = series_of({4 * kMiB, 0, 1}, kHourUs, Series::Kind::bars);
  Series back = series_of({1 * kMiB, 0, 0}, kHourUs, Series::Kind::bars);
  freed.bar_us = back.bar_us = kHourUs;
  freed.label = "freed";
  back.label = "read back";
  const Html page(svg_chart(chart_of({freed, back})));
  EXPECT_EQ(path_of(page, "f0"), "M4 250V0H329.3V250zM670.7 250V248.5H996V250z") << "a little is not nothing";
  EXPECT_EQ(path_of(page, "f1"), "M4 250V187.5H329.3V250z");
  EXPECT_EQ(tooltips(page).at(0), "2026-11-23T03:12:00Z\nfreed 4.0 MiB\nread back 1.0 MiB");
}

TEST(SvgChart, TellsWhatHappenedAndWhenNobodyLooked) {
  SvgChart chart = chart_of({series_of(std::vector<std::optional<double>>(61, kMiB), 60 * kSecondUs)});
  chart.marks = {{kStartUs + kHourUs / 2, "OOM kill: nginx", Mark::Kind::kill},
                 {kStartUs + kHourUs / 2 + kSecondUs, "OOM kill: php", Mark::Kind::kill},
                 {kStartUs - kHourUs, "before", Mark::Kind::kill},
                 {kStartUs + 2 * kSecondUs, "freed 1.0 MiB", Mark::Kind::reclaim}};
  chart.bands = {{kStartUs + kHourUs / 4, kStartUs + kHourUs / 2, "no scan"}, {kStartUs - 5, kStartUs - 2, "before"}};
  const std::string html = svg_chart(chart);
  const Html page(html);
  EXPECT_EQ(path_of(page, "kill"), "M500 0v250M500.5 0v250");
  EXPECT_EQ(page.of_class("band").size(), 2u) << "one, and its key";
  EXPECT_NE(html.find("2 OOM kills"), std::string::npos);
  EXPECT_NE(html.find("1 reclaim<"), std::string::npos);
  EXPECT_EQ(html.find("before"), std::string::npos);
  std::string all;
  for (const std::string& text : tooltips(page)) all += text + "\n";
  EXPECT_NE(all.find("\n2026-11-23T03:42:00Z OOM kill: nginx\n2026-11-23T03:42:01Z OOM kill: php\n"), std::string::npos)
      << all;
  // Over the plot there is room for the first of two kills at the same place.
  std::size_t nginx = 0, php = 0;
  for (const auto& label : page.of_class("ax")) {
    nginx += label.text == "OOM kill: nginx" ? 1U : 0U;
    php += label.text == "OOM kill: php" ? 1U : 0U;
  }
  EXPECT_EQ(nginx, 3u) << "one for each width of the page";
  EXPECT_EQ(php, 0u);
}

TEST(SvgChart, CountsWhatItsMarksStandForAndTellsTheLowestAndTheHighest) {
  SvgChart chart = chart_of({series_of(std::vector<std::optional<double>>(1000, kMiB), kSecondUs)});
  chart.series[0].points[501].value = 4 * kMiB;
  chart.marks = {{kStartUs + 500 * kSecondUs, kill_label(12, "nginx"), Mark::Kind::kill, 12},
                 {kStartUs + 600 * kSecondUs, kill_label(1, ""), Mark::Kind::kill, 1},
                 {kStartUs + 510 * kSecondUs, "restart", Mark::Kind::restart}};
  const std::string html = svg_chart(chart);
  EXPECT_NE(html.find("13 OOM kills"), std::string::npos) << html;
  EXPECT_NE(html.find("1 restart<"), std::string::npos) << html;
  EXPECT_EQ(path_of(Html(html), "restart").find('M'), 0u);
  std::string all;
  for (const std::string& text : tooltips(Html(html))) all += text + "\n";
  EXPECT_NE(all.find("usage 1.0 MiB to 4.0 MiB\n"), std::string::npos) << all;
  EXPECT_NE(all.find(" 12 kills: nginx\n"), std::string::npos) << all;
}

TEST(SvgChart, OfManyReclaimsShowsShortMarksWithoutLabels) {
  SvgChart chart = chart_of({series_of({kMiB, kMiB}, kHourUs)});
  for (int i = 0; i < 9; ++i) chart.marks.push_back({kStartUs + i * 60 * kSecondUs, "freed", Mark::Kind::reclaim});
  const Html page(svg_chart(chart));
  EXPECT_TRUE(path_of(page, "reclaim").starts_with("M0 236v14M16.5 236v14"));
  for (const auto& label : page.of_class("ax")) EXPECT_NE(label.text, "freed");
}

TEST(SvgChart, WithoutPointsSaysSo) {
  for (const SvgChart& chart : {chart_of({}), chart_of({series_of({})}),
                                chart_of({series_of({std::nullopt, std::numeric_limits<double>::quiet_NaN()})})}) {
    EXPECT_EQ(svg_chart(chart), "<figure class=\"chart\">\n<p class=\"remark\">(no samples)</p>\n</figure>\n");
  }
}

TEST(SvgChart, SurvivesExtremes) {
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t from : {kMin, std::int64_t{0}, std::int64_t{1}, kMax}) {
    for (const std::int64_t to : {kMin, std::int64_t{0}, kMax}) {
      for (const Series::Kind kind :
           {Series::Kind::area, Series::Kind::line, Series::Kind::limit, Series::Kind::bars}) {
        Series series{.label = "",
                      .points = {{kMin, 1.0}, {5, -1.0}, {1, std::numeric_limits<double>::infinity()}, {kMax, 1e300}},
                      .kind = kind,
                      .bar_us = kHourUs};
        SvgChart chart{.from_at_us = from, .to_at_us = to, .series = {series, series}, .marks = {}, .bands = {}};
        chart.marks = {{kMin, "a", Mark::Kind::kill}, {kMax, "b", Mark::Kind::limit}};
        chart.bands = {{kMin, kMax, "all"}, {kMax, kMin, "none"}};
        const std::string html = svg_chart(chart);
        EXPECT_NO_THROW(Html{html});
        EXPECT_EQ(html.find("nan"), std::string::npos) << html;
        EXPECT_EQ(html.find("inf"), std::string::npos) << html;
      }
    }
  }
}

TEST(SvgChart, OfHostileTextIsWellFormed) {
  for (const auto& [label, text] : test::hostile_texts()) {
    SvgChart chart = chart_of({series_of({1, 2, 3})});
    chart.series[0].label = text;
    chart.marks = {{kStartUs, text, Mark::Kind::limit}};
    chart.bands = {{kStartUs, kStartUs + kSecondUs, text}};
    const std::string html = svg_chart(chart);
    EXPECT_TRUE(base::is_valid_utf8(html)) << label;
    EXPECT_EQ(activity_of(Html(html)), "") << label;
  }
}

}  // namespace
}  // namespace cgmm::report
