// SPDX-License-Identifier: Apache-2.0
#include "live/app.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.hpp"
#include "live/made_source.hpp"
#include "report/format/escape.hpp"

namespace cgmm::live {
namespace {

using test::kSecondUs;
using test::MadeSource;
using test::row_of;

class LiveApp : public testing::Test {
 protected:
  App app_at(std::optional<std::int64_t> at_s = std::nullopt) {
    App app(source, "node-1", at_s ? std::optional(*at_s * kSecondUs) : std::nullopt, false);
    app.resize({.rows = 24, .columns = 100});
    app.pass(0, 2000 * kSecondUs);
    return app;
  }
  static void press(App& app, std::initializer_list<Key> keys) {
    for (const Key key : keys) app.press(key);
  }
  static void type(App& app, std::string_view text) {
    for (const char c : text) app.press(static_cast<Key>(c));
  }
  static std::string screen(App& app) {
    std::string text;
    for (const Line& line : app.frame().lines) text += line.text() + "\n";
    return text;
  }
  static std::int64_t at_s(const App& app) { return app.instant().at_us / kSecondUs; }
  static std::string selected(App& app) {
    for (const Line& line : app.frame().lines) {
      if (line.is_selected) return line.text().substr(1, line.text().find(' ', 1) - 1);
    }
    return "";
  }

  MadeSource source;
};

TEST_F(LiveApp, BeginsWithTheNewestAndFollows) {
  App app = app_at();
  EXPECT_EQ(at_s(app), 2000);
  EXPECT_EQ(selected(app), "/db");
  const std::string text = screen(app);
  EXPECT_LT(text.find("/db"), text.find("/batch"));
  EXPECT_LT(text.find("/batch"), text.find("/web"));
  EXPECT_FALSE(app.is_changed());
  app.pass(kSecondUs, 2001 * kSecondUs);
  EXPECT_FALSE(app.is_changed()) << "nothing is painted as long as there is no new scan";
  source.newest_s = 2010;
  app.pass(kSecondUs, 2010 * kSecondUs);
  EXPECT_TRUE(app.is_changed());
  EXPECT_EQ(at_s(app), 2010);
}

TEST_F(LiveApp, SaysSinceWhenThereIsNoScan) {
  App app = app_at();
  EXPECT_EQ(screen(app).find("no scan for"), std::string::npos);
  app.pass(kSecondUs, 5600 * kSecondUs);
  EXPECT_NE(screen(app).find("no scan for 1h"), std::string::npos) << screen(app);
}

TEST_F(LiveApp, NothingIsMissedBeforeTheNextScanIsDue) {
  source.interval_s = 3600;
  App app = app_at();
  app.pass(kSecondUs, 5600 * kSecondUs);
  EXPECT_EQ(screen(app).find("no scan for"), std::string::npos) << "the next one is due now";
  app.pass(kSecondUs, 13000 * kSecondUs);
  EXPECT_NE(screen(app).find("no scan for 3h 3m"), std::string::npos) << screen(app);
}

TEST_F(LiveApp, AKillIsInTheStripAtTheNextScan) {
  App app = app_at();
  ASSERT_EQ(screen(app).find("▲"), std::string::npos);
  source.made_strip.slots.back().kills = 1;
  source.newest_s = 2001;
  app.pass(kSecondUs, 2001 * kSecondUs);
  EXPECT_NE(screen(app).find("▲"), std::string::npos) << screen(app);
}

TEST_F(LiveApp, EachOfSeveralKillsAtTheSameTimeIsGoneTo) {
  for (Event& kill : source.kills) kill.at_us = 1505 * kSecondUs;
  App app = app_at();
  press(app, {U'O', key::kEnter});
  EXPECT_NE(screen(app).find("incident 8"), std::string::npos);
  press(app, {U'q', U'O', key::kEnter});
  EXPECT_NE(screen(app).find("incident 7"), std::string::npos);
  press(app, {U'q', U'o', key::kEnter});
  EXPECT_NE(screen(app).find("incident 8"), std::string::npos);
}

TEST_F(LiveApp, WhatIsGoneToIsUnfolded) {
  source.rows = {row_of("/a/x", 10), row_of("/a/y", 20), row_of("/b/z", 5)};
  source.kills = {{.at_us = 1505 * kSecondUs, .path = "/a/x", .name = "/a/x", .id = 7}};
  App app = app_at();
  press(app, {key::kTab, U'g', key::kDown, key::kLeft, key::kDown, key::kLeft});
  ASSERT_EQ(app.list().rows.size(), 3u);
  press(app, {U'O'});
  EXPECT_EQ(app.list().rows.size(), 5u) << "/b is folded";
  EXPECT_EQ(app.list().rows[app.list().place].label, "/x");
}

TEST_F(LiveApp, NamesTheFaultsOfTheServiceNowAndNotInThePast) {
  source.made_faults = "history_size";
  App app = app_at();
  EXPECT_NE(screen(app).find("faults of the service: history_size"), std::string::npos) << screen(app);
  press(app, {U'T'});
  EXPECT_EQ(screen(app).find("faults of"), std::string::npos);
}

TEST_F(LiveApp, StepsFromSampleToSample) {
  App app = app_at(1500);
  EXPECT_EQ(app.clock().mode, Clock::Mode::paused);
  press(app, {U't', U't'});
  EXPECT_EQ(at_s(app), 1520);
  press(app, {U'T', U'T', U'T'});
  EXPECT_EQ(at_s(app), 1490);
  press(app, {key::kHome});
  EXPECT_EQ(at_s(app), 1000);
  press(app, {U'T'});
  EXPECT_EQ(at_s(app), 1000);
  EXPECT_NE(screen(app).find("oldest sample"), std::string::npos);
  source.newest_s = 2010;
  press(app, {key::kEnd});
  EXPECT_EQ(at_s(app), 2010);
  EXPECT_EQ(app.clock().mode, Clock::Mode::follows);
}

TEST_F(LiveApp, GoesToKillsAndShowsTheirIncidents) {
  App app = app_at();
  press(app, {U'O'});
  EXPECT_EQ(at_s(app), 1700);
  EXPECT_NE(screen(app).find("OOM kill of /gone"), std::string::npos) << screen(app);
  press(app, {U'O'});
  EXPECT_EQ(at_s(app), 1500) << "the last sample before the kill";
  EXPECT_EQ(selected(app), "/batch");
  press(app, {key::kEnter});
  EXPECT_NE(screen(app).find("incident 7"), std::string::npos);
  press(app, {U'q'});
  EXPECT_FALSE(app.is_over());
  press(app, {U'O'});
  EXPECT_NE(screen(app).find("no earlier OOM kill"), std::string::npos);
  press(app, {U'o', U'o'});
  EXPECT_NE(screen(app).find("no later OOM kill"), std::string::npos);
  press(app, {key::kDown, key::kEnter});
  EXPECT_NE(screen(app).find("details of "), std::string::npos) << "after a move Enter means the row";
  press(app, {key::kEscape, U'i'});
  EXPECT_NE(screen(app).find("incident 8"), std::string::npos) << "the last kill before";
}

TEST_F(LiveApp, JumpsByADurationOrToATime) {
  App app = app_at(1500);
  press(app, {U'j'});
  type(app, "2m");
  EXPECT_NE(screen(app).find("Forward by"), std::string::npos);
  press(app, {key::kEnter});
  EXPECT_EQ(at_s(app), 1620);
  press(app, {U'J'});
  type(app, "00:20");
  press(app, {key::kEnter});
  EXPECT_EQ(at_s(app), 1200);
  press(app, {U'J'});
  type(app, "nonsense");
  press(app, {key::kEnter});
  EXPECT_EQ(at_s(app), 1200);
  EXPECT_NE(screen(app).find("expected 10m"), std::string::npos);
  press(app, {U'j'});
  type(app, "5h");
  press(app, {key::kEnter});
  EXPECT_EQ(at_s(app), 2000) << "not beyond the newest";
  EXPECT_EQ(app.clock().mode, Clock::Mode::follows);
  press(app, {U'J'});
  type(app, "20m");
  press(app, {key::kEnter});
  EXPECT_NE(screen(app).find("nothing was recorded then"), std::string::npos) << "before the history";
}

TEST_F(LiveApp, PlaysFromThePastUpToNow) {
  App app = app_at(1500);
  press(app, {U' '});
  EXPECT_EQ(app.clock().mode, Clock::Mode::plays);
  app.pass(kSecondUs, 2000 * kSecondUs);
  EXPECT_EQ(at_s(app), 1560) << "a minute in a second";
  press(app, {U'+'});
  app.pass(kSecondUs / 10, 2000 * kSecondUs);
  EXPECT_EQ(at_s(app), 1620);
  press(app, {U'-', U'-', U'-', U'-'});
  EXPECT_EQ(app.clock().speed, 1);
  const int reads = source.reads;
  app.pass(kSecondUs, 2000 * kSecondUs);
  EXPECT_EQ(source.reads, reads) << "no new instant, nothing to read";
  press(app, {U' '});
  app.pass(100 * kSecondUs, 2000 * kSecondUs);
  EXPECT_EQ(at_s(app), 1620) << "paused";
  press(app, {U' ', U'+', U'+', U'+', U'+', U'+', U'+'});
  app.pass(kSecondUs, 2000 * kSecondUs);
  EXPECT_EQ(at_s(app), 2000);
  EXPECT_EQ(app.clock().mode, Clock::Mode::follows);
}

TEST_F(LiveApp, SpaceHoldsWhatFollows) {
  App app = app_at();
  press(app, {U' '});
  source.newest_s = 2010;
  app.pass(kSecondUs, 2010 * kSecondUs);
  EXPECT_EQ(at_s(app), 2000);
}

TEST_F(LiveApp, SortsByTheColumnThatIsChosen) {
  App app = app_at();
  press(app, {U's'});
  EXPECT_EQ(app.list().rows.front().label, "/web");
  press(app, {U'S', U'.', U'.', U'.'});
  EXPECT_EQ(app.list().settings.sorted_by, Measure::held_share);
  EXPECT_EQ(app.list().rows.front().label, "/db");
  press(app, {U',', U',', U',', U',', U','});
  EXPECT_EQ(app.list().settings.sorted_by, Measure::usage);
}

TEST_F(LiveApp, TheSelectedRowStaysSelectedWhereverItGoes) {
  App app = app_at();
  press(app, {key::kDown});
  EXPECT_EQ(selected(app), "/batch");
  source.newest_s = 2010;
  source.rows[2] = row_of("/batch", 900);
  app.pass(kSecondUs, 2010 * kSecondUs);
  EXPECT_EQ(selected(app), "/batch");
  EXPECT_EQ(app.list().place, 0u);
  press(app, {key::kUp, key::kUp, key::kPageUp, U'G', key::kPageDown});
  EXPECT_EQ(selected(app), "/web");
}

TEST_F(LiveApp, FiltersWhileOneTypes) {
  App app = app_at();
  press(app, {U'/'});
  type(app, "wEb");
  EXPECT_EQ(app.list().rows.size(), 1u);
  press(app, {key::kEnter});
  EXPECT_NE(screen(app).find("only \"wEb\""), std::string::npos);
  press(app, {U'/'});
  type(app, "x");
  EXPECT_NE(screen(app).find("no name matches"), std::string::npos);
  press(app, {key::kEscape});
  EXPECT_EQ(app.list().rows.size(), 3u);
}

TEST_F(LiveApp, FoldsAndUnfoldsInTheTree) {
  source.rows = {row_of("/a/x", 10), row_of("/a/y", 20), row_of("/b", 5)};
  App app = app_at();
  press(app, {key::kTab});
  EXPECT_EQ(app.list().rows.size(), 5u);
  press(app, {U'g', key::kDown, key::kLeft});
  EXPECT_EQ(app.list().rows.size(), 3u);
  press(app, {key::kRight});
  EXPECT_EQ(app.list().rows.size(), 5u);
  press(app, {key::kEnter});
  EXPECT_EQ(app.list().rows.size(), 3u) << "a group has no details";
}

TEST_F(LiveApp, ColumnsCanBeChosen) {
  App app = app_at();
  EXPECT_NE(screen(app).find(" limit"), std::string::npos);
  press(app, {U'c', key::kDown, key::kDown, U' '});
  EXPECT_NE(screen(app).find("[ ] limit"), std::string::npos) << screen(app);
  press(app, {key::kEnter});
  EXPECT_EQ(screen(app).find(" limit"), std::string::npos) << screen(app);
}

TEST_F(LiveApp, ThePaneTellsOfWhateverIsSelectedOnceThereIsTime) {
  App app = app_at();
  press(app, {U'd'});
  EXPECT_EQ(screen(app).find("details of"), std::string::npos);
  EXPECT_LT(app.quiet_us(), kSecondUs);
  app.rest();
  EXPECT_NE(screen(app).find("details of /db"), std::string::npos) << screen(app);
  EXPECT_NE(screen(app).find("/web"), std::string::npos) << "the list is there, too";
  press(app, {key::kDown});
  EXPECT_EQ(screen(app).find("details of"), std::string::npos) << "not of another one";
  app.rest();
  EXPECT_NE(screen(app).find("details of /batch"), std::string::npos);
  source.newest_s = 2010;
  app.pass(kSecondUs, 2010 * kSecondUs);
  EXPECT_NE(screen(app).find("details of /batch"), std::string::npos) << "it stays until there is something newer";
  press(app, {U'd'});
  EXPECT_EQ(screen(app).find("details of"), std::string::npos);
}

TEST_F(LiveApp, SaysWhatCouldNotBeReadAndGoesOn) {
  App app = app_at();
  app.fail("the history is \x1b damaged");
  EXPECT_NE(screen(app).find("the history is \\x1b damaged"), std::string::npos);
  press(app, {U'T'});
  EXPECT_EQ(at_s(app), 1990);
}

TEST_F(LiveApp, PagesAreScrolled) {
  App app = app_at();
  app.resize({.rows = 10, .columns = 80});
  press(app, {U'?'});
  const std::string first = screen(app);
  EXPECT_NE(first.find("Time"), std::string::npos);
  press(app, {key::kEnd});
  EXPECT_NE(screen(app).find("strip"), std::string::npos);
  press(app, {key::kPageDown, key::kDown, key::kHome});
  EXPECT_EQ(screen(app), first);
  press(app, {key::kEscape, U'q'});
  EXPECT_TRUE(app.is_over());
}

TEST_F(LiveApp, EveryFrameFitsTheScreenWhateverIsPressed) {
  source.rows.push_back(row_of("/" + std::string(300, 'x'), 1));
  source.rows.push_back(row_of("/\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d", 2));
  source.rows.push_back(row_of("/a\n\x1b[31m\xff", 3));
  const std::vector<Key> keys = {U'T',        key::kTab,   U'/', U'x', key::kEnter, key::kEscape, U'O',
                                 key::kEnter, U'q',        U'c', U' ', key::kEnter, U'?',         key::kEnd,
                                 U'q',        U'j',        U'1', U'm', key::kEnter, U'd',         U'z',
                                 key::kDown,  key::kEnter, U'q', U' ', U'+',        key::kEnd};
  for (const bool ascii : {false, true}) {
    for (const Size size : {Size{1, 1}, Size{5, 10}, Size{24, 80}, Size{25, 81}, Size{80, 300}}) {
      App app(source, "node-1", std::nullopt, ascii);
      app.resize(size);
      for (const Key key : keys) {
        app.press(key);
        app.rest();
        const Frame frame = app.frame();
        ASSERT_LE(frame.lines.size(), size.rows);
        for (const Line& line : frame.lines) {
          const std::string text = line.text();
          ASSERT_LE(report::display_width(text), size.columns) << text;
          ASSERT_TRUE(base::is_valid_utf8(text));
          ASSERT_TRUE(std::ranges::none_of(text, [](char c) { return c == '\n' || c == '\x1b'; })) << text;
          if (ascii) {
            ASSERT_TRUE(std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) << text;
          }
        }
      }
    }
  }
}

TEST_F(LiveApp, ASmallScreenHasAListAllTheSame) {
  App app = app_at();
  app.resize({.rows = 5, .columns = 20});
  EXPECT_NE(screen(app).find("/db"), std::string::npos) << screen(app);
  EXPECT_NE(screen(app).find("/batch"), std::string::npos) << screen(app);
  press(app, {U'c', key::kDown, key::kDown, key::kDown, key::kDown, key::kDown});
  EXPECT_NE(screen(app).find("kills"), std::string::npos) << "the chosen column is seen: " << screen(app);
  EXPECT_TRUE(std::ranges::any_of(app.frame().lines, &Line::is_selected));
}

TEST_F(LiveApp, AnEmptyInstantCanBeLookedAt) {
  source.rows.clear();
  App app = app_at();
  press(app, {key::kDown, key::kEnter, key::kLeft, U'G', key::kTab, key::kPageUp, U'O'});
  EXPECT_NE(screen(app).find("OOM kill"), std::string::npos);
}

}  // namespace
}  // namespace cgmm::live
