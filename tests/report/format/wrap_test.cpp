// SPDX-License-Identifier: Apache-2.0
#include "report/format/wrap.hpp"

#include <gtest/gtest.h>

#include "report/format/escape.hpp"

namespace cgmm::report {
namespace {

using Lines = std::vector<std::string>;

constexpr Style kNarrow{.width = 20, .fits = true};

TEST(LinesOf, BreaksBetweenWords) {
  EXPECT_EQ(lines_of("one two three four", 9, LongWords::keep), (Lines{"one two", "three", "four"}));
  EXPECT_EQ(lines_of("", 9, LongWords::keep), Lines{""});
  EXPECT_EQ(lines_of("exactly 9", 9, LongWords::keep), Lines{"exactly 9"});
}

TEST(LinesOf, KeepsANumberWithItsUnit) {
  EXPECT_EQ(lines_of("it took 4.8 s, twice", 11, LongWords::keep), (Lines{"it took", "4.8 s,", "twice"}));
}

TEST(LinesOf, CutsALongWordOnlyWhereAsked) {
  EXPECT_EQ(lines_of("a /kubepods/burstable/pod x", 14, LongWords::keep), (Lines{"a", "/kubepods/burstable/pod", "x"}));
  EXPECT_EQ(lines_of("a /kubepods/burstable/pod x", 14, LongWords::cut),
            (Lines{"a", "/kubepods/", "burstable/pod", "x"}));
}

TEST(Wrapped, IndentsAllButTheFirstLine) {
  EXPECT_EQ(wrapped("one two three four five", kNarrow, 8), "one two\n        three four\n        five\n");
}

TEST(Shortened, LeavesOutTheMiddle) {
  EXPECT_EQ(shortened("/web", 16, kNarrow), "/web");
  EXPECT_EQ(shortened("/kubepods/burstable/pod1f0c2a3b/3fa91c7d", 24, kNarrow), "/kubepods/…/3fa91c7d");
  EXPECT_EQ(shortened("/kubepods/burstable/pod1f0c2a3b/3fa91c7d", 36, kNarrow), "/kubepods/…/pod1f0c2a3b/3fa91c7d");
  EXPECT_EQ(shortened("/kubepods/burstable/pod1f0c2a3b/3fa91c7d", 17, kNarrow), "/kubep…b/3fa91c7d");
  for (const std::string& text : {std::string(300, 'x'), std::string("日本語日本語日本語日本語日本語"),
                                  std::string("/a/b/c/d/e/f/g/h/i/j/k/l/m")}) {
    for (std::size_t width = 16; width < 24; ++width) {
      for (const bool ascii : {false, true}) {
        EXPECT_LE(display_width(shortened(text, width, {.width = 80, .fits = true, .ascii = ascii})), width) << text;
      }
    }
  }
}

TEST(Shortened, MarksTheGapInAsciiWhereTheTerminalHasNoOther) {
  const std::string text = shortened(std::string(40, 'x'), 16, {.width = 80, .fits = true, .ascii = true});
  EXPECT_EQ(text, "xxxxx...xxxxxxxx");
}

}  // namespace
}  // namespace cgmm::report
