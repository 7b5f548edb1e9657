// SPDX-License-Identifier: Apache-2.0
#include "live/draw.hpp"

#include <gtest/gtest.h>

#include "live/made_source.hpp"

namespace cgmm::live {
namespace {

using test::kSecondUs;
using test::row_of;

List list_with(std::set<Measure> shown) {
  List list;
  list.shown = std::move(shown);
  return list;
}

std::string row_text(const Row& row, const List& list, std::size_t columns) {
  const ListRow listed{.key = row.path, .label = row.name, .row = &row, .values = row.values};
  return row_line(listed, false, {.at_us = 100 * kSecondUs}, list, LineWriter(columns, false), columns).text();
}

TEST(Row, ShowsValuesWithTheirUnits) {
  Row row = row_of("/web", 1.5 * 1024 * 1024, 97);
  row.values[Measure::growth] = -2048;
  row.values[Measure::last_reclaim] = 70 * kSecondUs;
  const std::string text =
      row_text(row, list_with({Measure::usage, Measure::held_share, Measure::growth, Measure::last_reclaim}), 80);
  EXPECT_EQ(text.substr(0, 5), "!/web");
  EXPECT_NE(text.find("1.5 MiB   97.0   -2.0 KiB/s     30 s"), std::string::npos) << text;
  EXPECT_EQ(row_text(row_of("/web", 1, 85), list_with({Measure::usage}), 80).front(), '*');
  EXPECT_EQ(row_text(row_of("/web", 1, 79.9), list_with({Measure::usage}), 80).front(), ' ');
}

TEST(Row, KillsAreMarked) {
  Row row = row_of("/web", 1, 97);
  row.values[Measure::kills] = 3;
  const auto looks = [&] {
    std::string text;
    const ListRow shown{.key = row.path, .label = row.name, .row = &row, .values = row.values};
    for (const Span& span : row_line(shown, false, {}, list_with({Measure::kills}), LineWriter(40, false), 40).spans) {
      if (span.look == Look::kill) text += span.text;
    }
    return text;
  };
  EXPECT_EQ(looks(), "     3");
  row.values[Measure::kills] = 0;
  EXPECT_EQ(looks(), "");
}

TEST(Row, TheColumnThatIsSortedByIsThereInAnyCase) {
  List list = list_with({Measure::usage, Measure::held, Measure::limit});
  list.settings.sorted_by = Measure::anon;
  EXPECT_NE(heading_line(list, LineWriter(40, false), 40).text().find(">anon"), std::string::npos);
  EXPECT_EQ(heading_line(list, LineWriter(40, false), 40).text().find("limit"), std::string::npos);
  EXPECT_NE(heading_line(list, LineWriter(80, false), 80).text().find("limit"), std::string::npos);
}

TEST(Trend, IsFlatWhereLittleChangesAndEmptyWhereNothingIsKnown) {
  Row row = row_of("/web", 100);
  row.trend = {std::nullopt, 99, 100};
  EXPECT_EQ(trend_of(row), " ▁▁▁");
  row.trend = {0, 50};
  EXPECT_EQ(trend_of(row), "▁▄█");
  row.values[Measure::usage] = std::nullopt;
  row.trend = {std::nullopt};
  EXPECT_EQ(trend_of(row), "  ");
}

TEST(Strip, MarksKillsReclaimsGapsAndThePointInTime) {
  Strip strip{.since_us = 0, .until_us = 100 * kSecondUs, .slots = std::vector<Slot>(10)};
  strip.slots[1].kills = 1;
  strip.slots[1].reclaims = 5;
  strip.slots[3].reclaims = 1;
  strip.slots[5].is_gap = true;
  EXPECT_EQ(strip_line(strip, 80 * kSecondUs, LineWriter(10, false), 10).text(), "─▲─▼─ ──│─");
  EXPECT_EQ(strip_line(strip, 80 * kSecondUs, LineWriter(10, true), 10).text(), "-^-v- --|-");
  EXPECT_EQ(strip_line(strip, 0, LineWriter(20, false), 20).text(), "│─▲───▼───  ────────");
  EXPECT_EQ(strip_line(strip, 100 * kSecondUs, LineWriter(5, false), 5).text(), "▲▼ ─│")
      << "of two slots the more important";
  EXPECT_EQ(strip_line({}, 5, LineWriter(5, false), 5).text(), "────│");
}

TEST(Strip, SaysFromWhenToWhen) {
  const Strip strip{.since_us = 0, .until_us = 3600 * kSecondUs, .slots = std::vector<Slot>(10)};
  EXPECT_EQ(strip_times_line(strip, 1800 * kSecondUs, LineWriter(80, false), 80).text(),
            "1970-01-01T00:00:00Z          1970-01-01T00:30:00Z          1970-01-01T01:00:00Z");
  EXPECT_EQ(strip_times_line(strip, 0, LineWriter(50, false), 50).text(),
            "1970-01-01T00:00:00Z          1970-01-01T01:00:00Z");
}

TEST(Strip, WhereThereIsRoomForOneTimeItIsTheOneThatIsShown) {
  const Strip strip{.since_us = 0, .until_us = 3600 * kSecondUs, .slots = std::vector<Slot>(10)};
  EXPECT_EQ(strip_times_line(strip, 1800 * kSecondUs, LineWriter(40, false), 40).text(), "1970-01-01T00:30:00Z");
}

TEST(LineWriter, ShortensAndCuts) {
  LineWriter line(12, false);
  line.add_left("/kubepods/burstable/abc", 8);
  line.add_right("123", 5);
  line.add("more");
  EXPECT_EQ(line.finish().text().size() > 0, true);
  LineWriter wide(3, false);
  wide.add("\u4e2d\u4e2d");
  EXPECT_EQ(wide.finish().text(), "\u4e2d") << "no half characters";
}

}  // namespace
}  // namespace cgmm::live
