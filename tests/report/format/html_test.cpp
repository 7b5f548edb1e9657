// SPDX-License-Identifier: Apache-2.0
#include "report/format/html.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "base/text.hpp"
#include "report/format/render.hpp"
#include "support/hostile.hpp"
#include "support/html.hpp"

namespace cgmm::report {
namespace {

using core::Cell;
using core::Table;
using test::Html;

constexpr Style kPlain{};

Cell integer(std::int64_t value) { return value; }

Html page_of(const Table& table) { return Html(render(table, Format::html, kPlain)); }

std::vector<std::string> texts(const std::vector<test::HtmlElement>& elements) {
  std::vector<std::string> all;
  for (const auto& element : elements) all.push_back(element.text);
  return all;
}

TEST(EscapeHtml, LeavesNothingThatMeansMarkup) {
  EXPECT_EQ(escape_html("<a href=\"x\" b='y'>&amp;</a>"),
            "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
  EXPECT_EQ(escape_html("a\nb\x1b[31m\xff\xe2\x80\xae"), "a\\nb\\x1b[31m\\xff\\u202e");
  EXPECT_EQ(escape_html("\xe6\x97\xa5 \\x2d"), "\xe6\x97\xa5 \\x2d");
}

TEST(Html, ASentenceDoesNotBreakATimeAndShowsWhatIsToBeTyped) {
  EXPECT_EQ(html_paragraph("Seen at 2026-11-23T03:12:00.123Z, <b>: `incident show 1` tells."),
            "<p>Seen at <time>2026-11-23T03:12:00.123Z</time>, &lt;b&gt;: <code>incident show 1</code> tells.</p>\n");
  EXPECT_EQ(html_paragraph("`<a>`2026-11-23T03:12:00Z"),
            "<p><code>&lt;a&gt;</code><time>2026-11-23T03:12:00Z</time></p>\n");
  for (const char* const plain : {"one ` alone", "2026-11-23T03:12:00", "2026-11-23", "12026-11-23T03:12"}) {
    EXPECT_EQ(html_paragraph(plain), "<p>" + std::string(plain) + "</p>\n");
  }
}

TEST(Html, IsOnePageThatRunsNothingAndFetchesNothing) {
  const std::string text = html_page("Report", html_section("A", html_paragraph("b")));
  EXPECT_TRUE(text.starts_with("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"));
  const Html page(text);
  EXPECT_EQ(activity_of(page), "");
  EXPECT_EQ(texts(page.all("title")), std::vector<std::string>{"Report"});
  EXPECT_EQ(texts(page.all("h1")), std::vector<std::string>{"Report"});
  std::map<std::string, std::string> meta;
  for (const auto& one : page.all("meta")) {
    const auto& attributes = one.attributes;
    if (attributes.contains("http-equiv")) meta[attributes.at("http-equiv")] = attributes.at("content");
    if (attributes.contains("name")) meta[attributes.at("name")] = attributes.at("content");
  }
  EXPECT_TRUE(
      meta["Content-Security-Policy"].starts_with("default-src 'none'; style-src 'unsafe-inline'; img-src data:;"));
  EXPECT_EQ(meta["viewport"], "width=device-width, initial-scale=1");
  const std::string style = page.all("style").at(0).text;
  for (const char* const part : {"prefers-color-scheme: dark", "@media print", "overflow-x: auto"}) {
    EXPECT_NE(style.find(part), std::string::npos) << part;
  }
}

TEST(Html, SaysWhichPagesAreNotWellFormedOrActive) {
  for (const char* const bad :
       {"<p>", "<p></b></p>", "</p>", "<p a=b></p>", "<p a=\"<\"></p>", "<p a=\"1\" a=\"2\"></p>", "<p>&nbsp</p>",
        "<p>a & b</p>", "<p>></p>", "text", "<p>\x1b</p>", "<p a=\"", "<p"}) {
    EXPECT_THROW(Html{bad}, std::runtime_error) << bad;
  }
  for (const char* const active : {"<script></script>", "<p onclick=\"x\"></p>", "<img/>", "<link href=\"https://x\"/>",
                                   "<style>a{b:url(x)}</style>"}) {
    EXPECT_NE(activity_of(Html(active)), "") << active;
  }
}

TEST(Html, ATableHasItsNumbersToTheRightAndItsUnitsInWords) {
  const Html page = page_of({.title = "Freed by cgroup",
                             .columns = {"cgroup", "freed_bytes", "verdict", "path"},
                             .rows = {{"/web", integer(3 << 20), "churn so far", "/web"},
                                      {"/db", integer(0), "effective", "/db"},
                                      {"/x", Cell(), Cell(), "/x"}}});
  EXPECT_EQ(texts(page.all("h1")), std::vector<std::string>{"Freed by cgroup"});
  EXPECT_TRUE(page.all("h2").empty()) << "the heading of the page is enough";
  EXPECT_EQ(texts(page.all("th")), (std::vector<std::string>{"cgroup", "freed", "verdict"}));
  EXPECT_TRUE(page.all("th")[1].has_class("num"));
  const auto cells = page.all("td");
  ASSERT_EQ(cells.size(), 9u);
  EXPECT_EQ(cells[1].text, "3.0 MiB");
  EXPECT_TRUE(cells[1].has_class("num"));
  EXPECT_FALSE(cells[0].has_class("num"));
  EXPECT_EQ(texts(page.of_class("badge")), (std::vector<std::string>{"churn so far", "effective"}));
  EXPECT_EQ(page.of_class("warn").size(), 1u);
  EXPECT_EQ(texts(page.of_class("nil")), (std::vector<std::string>{"0 B", "-", "-"}));
  EXPECT_EQ(page.of_class("scroll").size(), 1u);
}

TEST(Html, ATableBeginsWithTheNameAndWhatMattersAndLeavesOutWhatIsEmpty) {
  const Table table{.title = "",
                    .columns = {"id", "at_us", "psi_pct", "note", "cgroup", "cause"},
                    .rows = {{integer(1), integer(0), Cell(), Cell(), "/web", "anon_growth"},
                             {integer(2), integer(0), Cell(), "x", "/db", Cell()}},
                    .most_important = {"id", "cgroup", "cause"}};
  const Html page = page_of(table);
  EXPECT_EQ(texts(page.all("th")), (std::vector<std::string>{"cgroup", "id", "cause", "at", "note"}));
  EXPECT_EQ(texts(page.all("td")), (std::vector<std::string>{"/web", "1", "anon growth", "1970-01-01T00:00:00Z", "",
                                                             "/db", "2", "", "1970-01-01T00:00:00Z", "x"}));
  EXPECT_TRUE(page.all("td")[0].has_class("name")) << "it stays while the rest scrolls";
  const Html empty = page_of({.title = "", .columns = {"cgroup", "size"}, .rows = {{Cell(), Cell()}}});
  EXPECT_EQ(empty.all("td").size(), 2u) << "a table has columns";
  Table query = table;
  query.keeps_names = true;
  EXPECT_EQ(texts(page_of(query).all("th")), query.columns) << "who asks by SQL gets what was asked for";
}

TEST(Html, ASizeBesideACountOfTheSameNameIsCalledSo) {
  const Html page = page_of(
      {.title = "", .columns = {"pod", "containers", "containers_bytes"}, .rows = {{"p", integer(1), integer(1)}}});
  EXPECT_EQ(texts(page.all("th")), (std::vector<std::string>{"pod", "containers", "containers' memory"}));
}

TEST(Html, OneWideRowIsReadDownAndNoneIsSaid) {
  const Html down = page_of({.title = "Status",
                             .columns = {"state", "b", "c", "d", "e", "f", "g", "h", "i"},
                             .rows = {{"not running", "2", "3", "4", "5", "6", "7", "8", "9"}}});
  EXPECT_EQ(down.all("tr").size(), 9u);
  EXPECT_EQ(texts(down.of_class("bad")), std::vector<std::string>{"not running"});
  const Html none = page_of({.title = "Failures", .columns = {"cgroup"}, .rows = {}});
  EXPECT_EQ(texts(none.all("p")), std::vector<std::string>{"(none)"});
  EXPECT_TRUE(none.all("table").empty());
}

TEST(Html, SeveralTablesAreSectionsOfOnePage) {
  const std::vector<Table> tables = {{.title = "A", .columns = {"a"}, .rows = {}},
                                     {.title = "B", .columns = {"b"}, .rows = {{"<"}}}};
  const Html page(render(tables, Format::html, kPlain));
  EXPECT_EQ(texts(page.all("h2")), (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(page.all("html").size(), 1u);
}

TEST(Html, OfHostileTextIsWellFormedAndWhole) {
  for (const auto& [label, text] : test::hostile_texts()) {
    const Table table{.title = text, .columns = {text, "verdict"}, .rows = {{text, text}}};
    const std::string out = render(table, Format::html, kPlain);
    EXPECT_TRUE(base::is_valid_utf8(out)) << label;
    const Html page(out);
    EXPECT_EQ(activity_of(page), "") << label;
    const std::string safe = base::escape_for_terminal(text);
    EXPECT_EQ(page.all("td").at(0).text, safe) << label;
    EXPECT_EQ(page.all("h1").at(0).text, text.empty() ? "cgroup-memory-manager" : safe) << label;
    const std::vector<Tile> tiles{{text, text, text, true}};
    for (const std::string& part : {html_section(text, ""), html_heading(text), html_paragraph(text, Weight::lead),
                                    html_preformatted(text), html_tiles(tiles)}) {
      const Html parsed("<main>" + part + "</main>");
      EXPECT_EQ(activity_of(parsed), "") << label;
      for (const auto& element : parsed.elements()) {
        EXPECT_LE(std::ranges::count(element.text, '\n'), 2) << label << " in " << part;
      }
    }
  }
}

TEST(Html, ATimeIsNotBrokenInTwo) {
  EXPECT_EQ(html_time_span(0, 1'000'000),
            "<p class=\"remark\"><time>1970-01-01T00:00:00Z</time> to <time>1970-01-01T00:00:01Z</time></p>\n");
}

TEST(Html, WhatIsPreformattedKeepsItsLinesAndNoOtherControlCharacter) {
  EXPECT_EQ(html_preformatted("[[rule]]\ncgroup = \"/a<b\"\n\n\x1b\n"),
            "<pre>[[rule]]\ncgroup = &quot;/a&lt;b&quot;\n\n\\x1b\n</pre>\n");
}

}  // namespace
}  // namespace cgmm::report
