// SPDX-License-Identifier: Apache-2.0
#include "report/format/escape.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "support/hostile.hpp"

namespace cgmm::report {
namespace {

TEST(EscapeMarkdown, LeavesNoMarkup) {
  EXPECT_EQ(escape_markdown("<b>&amp;|`*_[x]~#$"), "&lt;b&gt;&amp;amp;\\|\\`\\*\\_\\[x\\]\\~\\#\\$");
  EXPECT_EQ(escape_markdown("a\nb"), "a\\\\nb");
  EXPECT_EQ(escape_markdown("a\\|b"), "a\\\\\\|b");
}

TEST(MarkdownSentence, LeavesWhatIsToBeTypedAsCode) {
  EXPECT_EQ(markdown_sentence("ask with `--since 2025-11-23T10:00:00Z`, or `report oom_kills` (a_b)."),
            "ask with `--since 2025-11-23T10:00:00Z`, or `report oom_kills` (a\\_b).");
  EXPECT_EQ(markdown_sentence("a ` b"), "a \\` b");
  EXPECT_EQ(markdown_sentence("``x`"), "\\`\\`x\\`");
  EXPECT_EQ(markdown_sentence("`<b>`&`"), "\\`&lt;b&gt;\\`&amp;\\`");
  EXPECT_EQ(markdown_sentence("`a|b`\n"), "\\`a\\|b\\`\\\\n");
  EXPECT_EQ(markdown_sentence(""), "");
}

TEST(EscapeCsv, QuotesOnlyWhereItMust) {
  EXPECT_EQ(escape_csv("plain text"), "plain text");
  EXPECT_EQ(escape_csv("=1+1"), "=1+1");
  EXPECT_EQ(escape_csv("a,b"), "\"a,b\"");
  EXPECT_EQ(escape_csv("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(escape_csv("a\nb"), "\"a\nb\"");
  EXPECT_EQ(escape_csv("a\rb"), "\"a\rb\"");
  EXPECT_EQ(escape_csv(""), "\"\"");
  EXPECT_EQ(escape_csv("\xff,"), "\"\\xff,\"");
}

TEST(DisplayWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width(""), 0u);
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("caf\xc3\xa9"), 4u);
  EXPECT_EQ(display_width("e\xcc\x81"), 1u);                 // a combining accent
  EXPECT_EQ(display_width("\xe6\x97\xa5\xe6\x9c\xac"), 4u);  // two CJK characters
  EXPECT_EQ(display_width("\xf0\x9f\x90\xb3"), 2u);          // an emoji
  EXPECT_EQ(display_width("\xe2\x94\x80\xe2\x96\x88"), 2u);  // box and block
}

}  // namespace
}  // namespace cgmm::report
