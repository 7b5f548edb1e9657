// SPDX-License-Identifier: Apache-2.0
#include "report/format/render.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/text.hpp"
#include "report/format/escape.hpp"
#include "report/format/row_writer.hpp"
#include "support/hostile.hpp"

namespace cgmm::report {
namespace {

using core::Cell;
using core::Table;
using Lines = std::vector<std::string>;

constexpr Style kPlain{};
constexpr Style kColour{.colour = true};
const Cell kNull;

Cell integer(std::int64_t value) { return value; }

Table freed_table() {
  return {.title = "Freed by cgroup",
          .columns = {"cgroup", "reclaims", "freed_bytes"},
          .rows = {{"/web", integer(12), integer(3 << 20)}, {"/database", integer(3), kNull}}};
}

Lines split(const std::string& text) {
  Lines lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

TEST(RenderText, AnEndlessNameDoesNotStretchTheLinesOfOthers) {
  Table table = freed_table();
  table.rows.push_back({std::string(4000, 'x'), integer(1), integer(1)});
  const Lines lines = split(render(table, Format::text, kPlain));
  for (const std::string& line : lines) {
    EXPECT_TRUE(line.size() < 800u || line.starts_with("xxx")) << line;  // a dash takes three bytes
  }
  EXPECT_EQ(lines.back().substr(0, 4000), std::string(4000, 'x')) << "nothing is cut off";
}

/// One field from text[at] on, `at` moved behind it. A stray quote or an open field fails: RFC 4180,
/// strictly.
std::string take_field(const std::string& text, std::size_t& at) {
  std::string field;
  if (text.at(at) != '"') {
    for (; text.at(at) != ',' && text[at] != '\n'; ++at) field += text[at];
    if (field.find_first_of("\"\r") != std::string::npos) throw std::runtime_error("must have been quoted");
    return field;
  }
  for (++at; text.at(at) != '"' || text.at(at + 1) == '"'; ++at) {
    if (text[at] == '"') ++at;
    field += text[at];
  }
  ++at;
  if (text.at(at) != ',' && text[at] != '\n') throw std::runtime_error("text after a quoted field");
  return field;
}

std::vector<Lines> parse_csv(const std::string& text) {
  std::vector<Lines> records;
  for (std::size_t at = 0; at < text.size(); ++at) {
    Lines& record = records.emplace_back();
    record.push_back(take_field(text, at));
    while (text[at] == ',') record.push_back(take_field(text, ++at));
  }
  return records;
}

TEST(ParseFormat, KnowsTheSixAndNothingElse) {
  EXPECT_EQ(parse_format("text"), Format::text);
  EXPECT_EQ(parse_format("markdown"), Format::markdown);
  EXPECT_EQ(parse_format("html"), Format::html);
  EXPECT_EQ(parse_format("csv"), Format::csv);
  EXPECT_EQ(parse_format("json"), Format::json);
  EXPECT_EQ(parse_format("ndjson"), Format::ndjson);
  for (const char* bad : {"", "JSON", "xml", "text "}) EXPECT_EQ(parse_format(bad), std::nullopt) << bad;
}

TEST(HumanCell, SpeaksTheUnitOfItsColumn) {
  struct Case {
    std::string column;
    Cell cell;
    std::string text;
  };
  const std::vector<Case> cases = {
      {"freed_bytes", integer(1536), "1.5 KiB"},
      {"freed_bytes", integer(-1536), "-1.5 KiB"},
      {"freed_bytes", integer(std::numeric_limits<std::int64_t>::min()), "-8.0 EiB"},
      {"average_bytes", 1536.4, "1.5 KiB"},
      {"usage_kib", integer(64 * 1024), "64.0 MiB"},
      {"usage_kib", 1.5, "1.5 KiB"},
      {"usage_kib", integer(std::numeric_limits<std::int64_t>::max()), "9223372036854775807"},
      {"held_byte_seconds", integer(std::int64_t{3600} * 3 << 29), "1.5 GiB·h"},
      {"held_byte_seconds", integer(std::int64_t{60} << 30), "17.1 MiB·h"},
      {"held_byte_seconds", integer(1799), "0 B·h"},
      {"held_byte_seconds", integer(1800), "1 B·h"},
      {"held_byte_seconds", integer(0), "0 B·h"},
      {"held_byte_seconds", integer(-7200), "-2 B·h"},
      {"held_byte_seconds", 3686400.0, "1.0 KiB·h"},
      {"held_byte_seconds", integer(std::numeric_limits<std::int64_t>::max()), "2.3 PiB·h"},
      {"held_byte_seconds", kNull, "-"},
      {"duration_us", integer(12'300), "12.3 ms"},
      {"started_at_us", integer(1'795'403'520'000'000), "2026-11-23T03:12:00Z"},
      {"at_us", integer(0), "1970-01-01T00:00:00Z"},
      {"until_us", integer(0), "1970-01-01T00:00:00Z"},
      {"new_since_us", integer(0), "1970-01-01T00:00:00Z"},
      {"format_us", integer(0), "0 s"},
      {"covered_pct", 99.94, "99.9 %"},
      {"covered_pct", 99.999, "99.9 %"},
      {"covered_pct", 100.0, "100 %"},
      {"covered_pct", integer(50), "50.0 %"},
      {"reclaims", integer(12), "12"},
      {"mean", 2.5, "2.5"},
      {"mean", 3.0, "3"},
      {"mean", -0.0, "0"},
      {"mean", 1e300, "1e+300"},
      {"freed_bytes", std::numeric_limits<double>::infinity(), "inf"},
      {"freed_bytes", "text", "text"},
      {"cgroup", "/a\nb", "/a\\nb"},
      {"cgroup", kNull, "-"},
  };
  for (const Case& c : cases) EXPECT_EQ(human_cell(c.column, c.cell), c.text) << c.column;
}

TEST(Text, AlignsColumnsAndKeepsUnitsOutOfHeadings) {
  EXPECT_EQ(split(render(freed_table(), Format::text, kPlain)), (Lines{
                                                                    "Freed by cgroup",
                                                                    "",
                                                                    "cgroup     reclaims    freed",
                                                                    "─────────  ────────  ───────",
                                                                    "/web             12  3.0 MiB",
                                                                    "/database         3        -",
                                                                }));
}

TEST(Text, AlignsWideCharactersByTheirColumns) {
  const Table table{.title = "", .columns = {"name", "n"}, .rows = {{"日本", integer(1)}, {"abcdef", integer(22)}}};
  EXPECT_EQ(split(render(table, Format::text, kPlain)),
            (Lines{"name     n", "──────  ──", "日本     1", "abcdef  22"}));
}

TEST(Text, ReadsOneWideRowDown) {
  const Table table{
      .title = "Summary",
      .columns = {"scans", "covered_pct", "freed_bytes", "last_scan_at_us", "why", "a", "b", "c", "d"},
      .rows = {{integer(60'433), 99.9, integer(0), kNull, "x", integer(1), integer(2), integer(3), integer(4)}}};
  EXPECT_EQ(
      split(render(table, Format::text, kPlain)),
      (Lines{"Summary", "", "scans:         60433", "covered:       99.9 %", "freed:         0 B", "last scan at:  -",
             "why:           x", "a:             1", "b:             2", "c:             3", "d:             4"}));
}

TEST(Text, SaysThatThereIsNone) {
  const Table table{.title = "Failures", .columns = {"cgroup"}, .rows = {}};
  EXPECT_EQ(render(table, Format::text, kPlain), "Failures\n\n(none)\n");
  EXPECT_EQ(render(table, Format::markdown, kPlain), "## Failures\n\n(none)\n");
}

TEST(Text, HasColourOnlyWhereAsked) {
  EXPECT_EQ(render(freed_table(), Format::text, kPlain).find('\x1b'), std::string::npos);
  const Lines lines = split(render(freed_table(), Format::text, kColour));
  EXPECT_EQ(lines[2], "\x1b[1mcgroup     reclaims    freed\x1b[0m");
  EXPECT_EQ(lines[4], "/web             12  3.0 MiB");
}

TEST(Text, TellsAShareFromItsAmountInTheHeading) {
  const Table table{.title = "T",
                    .columns = {"workload", "peak_bytes", "peak_pct", "of_limit_pct"},
                    .rows = {{"web", integer(1 << 20), Cell{50.0}, Cell{50.0}}}};
  EXPECT_EQ(split(render(table, Format::text, kPlain)).at(2), "workload     peak  peak %  of limit");
}

TEST(Markdown, IsATableUnderAHeading) {
  EXPECT_EQ(split(render(freed_table(), Format::markdown, kPlain)),
            (Lines{"## Freed by cgroup", "", "| cgroup | reclaims | freed |", "| --- | ---: | ---: |",
                   "| /web | 12 | 3.0 MiB |", "| /database | 3 | - |"}));
}

TEST(Markdown, OfHostileTextHasNoTagsAndTheSameCellsInEachLine) {
  for (const auto& [label, text] : test::hostile_texts()) {
    const Table table{.title = text, .columns = {text, "n"}, .rows = {{text, integer(1)}}};
    const std::string out = render(table, Format::markdown, kPlain);
    EXPECT_TRUE(base::is_valid_utf8(out)) << label;
    EXPECT_EQ(out.find_first_of("<>"), std::string::npos) << label;
    for (const std::string& line : split(out)) {
      if (line.starts_with("##") || line.empty()) continue;
      std::size_t bars = 0;
      for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\') ++i;
        else if (line[i] == '|') ++bars;
      }
      EXPECT_EQ(bars, 3u) << label << ": " << line;
    }
  }
}

TEST(Text, OfHostileTextIsWholeAndStaysInItsLine) {
  for (const auto& [label, text] : test::hostile_texts()) {
    const Table table{.title = text, .columns = {text, "n"}, .rows = {{text, integer(1)}}};
    const std::string out = render(table, Format::text, kPlain);
    EXPECT_TRUE(base::is_valid_utf8(out)) << label;
    const Lines lines = split(out);
    for (const std::string& line : lines) EXPECT_EQ(base::escape_for_terminal(line), line) << label;
    EXPECT_EQ(lines.size(), text.empty() ? 3u : 5u) << label;
    EXPECT_NE(lines.back().find(base::escape_for_terminal(text)), std::string::npos) << label;
  }
}

TEST(Csv, OfHostileTextReadsBack) {
  for (const auto& [label, text] : test::hostile_texts()) {
    const Table table{.title = "", .columns = {text, "n"}, .rows = {{text, kNull}, {kNull, text}}};
    const std::string out = render(table, Format::csv, kPlain);
    const std::string valid = base::to_valid_utf8(text);
    EXPECT_TRUE(base::is_valid_utf8(out)) << label;
    EXPECT_EQ(parse_csv(out), (std::vector<Lines>{{valid, "n"}, {valid, ""}, {"", valid}})) << label;
  }
}

TEST(Csv, IsExact) {
  const Table table{
      .title = "not shown",
      .columns = {"a_bytes", "b", "c"},
      .rows = {{integer(std::numeric_limits<std::int64_t>::max()), 0.1, ""}, {integer(-1), 1e300, kNull}}};
  EXPECT_EQ(render(table, Format::csv, kPlain), "a_bytes,b,c\n9223372036854775807,0.1,\"\"\n-1,1e+300,\n");
}

TEST(Csv, KeepsARowOfASingleNull) {
  const Table table{.title = "", .columns = {"a"}, .rows = {{kNull}, {integer(1)}}};
  EXPECT_EQ(render(table, Format::csv, kPlain), "a\n\"\"\n1\n");
}

TEST(Csv, HoldsOneTableOnly) {
  const std::vector<Table> tables = {freed_table(), freed_table()};
  EXPECT_THROW(render(tables, Format::csv, kPlain), std::invalid_argument);
  EXPECT_NO_THROW(render(std::span(tables).first(1), Format::csv, kPlain));
}

TEST(Json, OfHostileTextReadsBackAndIsAscii) {
  for (const auto& [label, text] : test::hostile_texts()) {
    const Table table{.title = text, .columns = {text}, .rows = {{text}}};
    const std::string out = render(table, Format::json, kPlain);
    const std::string valid = base::to_valid_utf8(text);
    const auto json = nlohmann::json::parse(out);
    EXPECT_EQ(json, nlohmann::json::array({{{valid, valid}}})) << label;
    EXPECT_TRUE(std::ranges::all_of(out, [](char c) { return c == '\n' || (c >= 0x20 && c <= 0x7f); })) << label;
  }
}

TEST(Json, IsExactAndInTheOrderOfTheQuery) {
  const Table table{.title = "T",
                    .columns = {"z", "a", "m", "n"},
                    .rows = {{integer(std::numeric_limits<std::int64_t>::min()), 0.1, kNull, 2.0}}};
  const auto json = nlohmann::ordered_json::parse(render(table, Format::json, kPlain));
  EXPECT_EQ(json.dump(), R"([{"z":-9223372036854775808,"a":0.1,"m":null,"n":2.0}])");
}

TEST(Json, LosesNoColumnOfTheSameName) {
  const Table table{
      .title = "T", .columns = {"a", "a_2", "a", "a"}, .rows = {{integer(1), integer(2), integer(3), integer(4)}}};
  const auto json = nlohmann::ordered_json::parse(render(table, Format::json, kPlain));
  EXPECT_EQ(json.dump(), R"([{"a":1,"a_2":2,"a_3":3,"a_4":4}])");
}

TEST(Json, OfInfinityIsStillJson) {
  const Table table{.title = "T", .columns = {"a"}, .rows = {{std::numeric_limits<double>::infinity()}}};
  EXPECT_TRUE(nlohmann::json::parse(render(table, Format::json, kPlain))[0]["a"].is_null());
}

TEST(Ndjson, IsOneObjectALine) {
  EXPECT_EQ(render(freed_table(), Format::ndjson, kPlain),
            "{\"cgroup\":\"/web\",\"reclaims\":12,\"freed_bytes\":3145728}\n"
            "{\"cgroup\":\"/database\",\"reclaims\":3,\"freed_bytes\":null}\n");
  EXPECT_EQ(render(Table{.title = "", .columns = {"a"}, .rows = {}}, Format::ndjson, kPlain), "");
}

TEST(Json, IsAnArrayAlsoWithoutRows) {
  EXPECT_EQ(render(Table{.title = "", .columns = {"a"}, .rows = {}}, Format::json, kPlain), "[]\n");
}

TEST(Exact, FormatsHaveEachTimeInWordsBesideIt) {
  Table table{.title = "",
              .columns = {"at_us", "began_at_us", "new_since_us", "until_us", "late_us"},
              .rows = {{integer(1'795'403'520'123'456), kNull, integer(0), 1.5, integer(-1)}}};
  EXPECT_EQ(render(table, Format::csv, kPlain),
            "at,at_us,began_at,began_at_us,new_since,new_since_us,until,until_us,late_us\n"
            "2026-11-23T03:12:00.123456Z,1795403520123456,,,1970-01-01T00:00:00.000000Z,0,,1.5,-1\n");
  const auto row = nlohmann::json::parse(render(table, Format::json, kPlain))[0];
  EXPECT_EQ(row["at"], "2026-11-23T03:12:00.123456Z");
  EXPECT_TRUE(row["began_at"].is_null());
  table.columns[4] = "at";
  EXPECT_TRUE(render(table, Format::csv, kPlain).starts_with("at_us,began_at,")) << "it has such a column itself";
  table.keeps_names = true;
  EXPECT_TRUE(render(table, Format::csv, kPlain).starts_with("at_us,began_at_us,"));
}

TEST(Render, PutsSeveralTablesIntoOneDocument) {
  std::vector<Table> tables = {freed_table(), {.title = "Empty", .columns = {"a"}, .rows = {}}};
  tables[0].report = "freed";
  tables[1].report = "empty";
  const auto json = nlohmann::json::parse(render(tables, Format::json, kPlain));
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json["freed"][1]["freed_bytes"], nullptr);
  EXPECT_EQ(json["empty"], nlohmann::json::array());
  EXPECT_NE(render(tables, Format::text, kPlain).find("\n\nEmpty\n\n(none)\n"), std::string::npos);
  EXPECT_NE(render(tables, Format::markdown, kPlain).find("\n\n## Empty\n\n(none)\n"), std::string::npos);
}

TEST(Render, SaysInFormatsForPeopleThatRowsWereLeftOut) {
  Table table = freed_table();
  table.more_rows = 9000;
  const std::string sentence =
      "... and 9000 more rows: --format csv or --format json has all; a later --since, an earlier --until or a LIMIT "
      "asks for fewer";
  EXPECT_TRUE(render(table, Format::text, kPlain).ends_with("\n" + sentence + "\n")) << render(table, Format::text, {});
  EXPECT_TRUE(render(table, Format::markdown, kPlain).ends_with(" |\n\n" + sentence + "\n"));
  EXPECT_NE(render(table, Format::html, kPlain).find("<p class=\"remark\">" + sentence + "</p>"), std::string::npos);
  table.more_rows = 0;
  EXPECT_EQ(render(table, Format::text, kPlain).find("more row"), std::string::npos);
}

TEST(RowWriter, WritesTheSameAsATableAndBeginsAnew) {
  const Table table = freed_table();
  for (const Format format : {Format::csv, Format::json, Format::ndjson}) {
    RowWriter writer(format);
    for (int time = 1; time <= 2; ++time) {
      writer.begin(table.columns);
      for (const auto& row : table.rows) writer.add(row);
    }
    EXPECT_EQ(writer.finish(), std::vector<std::string>{render(table, format, kPlain)});
  }
}

TEST(RowWriter, GivesALongTextInPartsOfWholeRows) {
  RowWriter writer(Format::csv);
  writer.begin({"a"});
  std::string expected = "a\n";
  for (int row = 0; row < 1000; ++row) {
    const std::string cell(1000, static_cast<char>('a' + row % 26));
    writer.add({cell});
    expected += cell + "\n";
  }
  std::string all;
  const auto parts = writer.finish();
  for (const std::string& part : parts) {
    EXPECT_EQ(part.back(), '\n');
    all += part;
  }
  EXPECT_GT(parts.size(), 1u);
  EXPECT_EQ(all, expected);
}

TEST(Render, TakesATableWithoutColumnsAndRowsThatAreTooShort) {
  const Table bare{.title = "", .columns = {}, .rows = {}};
  const Table ragged{.title = "", .columns = {"a", "b"}, .rows = {{integer(1)}, {}}};
  for (const Format format : {Format::text, Format::markdown, Format::csv, Format::json}) {
    EXPECT_NO_THROW(render(bare, format, kPlain));
    EXPECT_NO_THROW(render(ragged, format, kPlain));
  }
  EXPECT_EQ(render(ragged, Format::csv, kPlain), "a,b\n1,\n,\n");
}

}  // namespace
}  // namespace cgmm::report
