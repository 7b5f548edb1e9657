// SPDX-License-Identifier: Apache-2.0
#include "report/weekly/advice.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "report/answer.hpp"
#include "support/hostile.hpp"
#include "support/html.hpp"
#include "support/unwrapped.hpp"

namespace cgmm::report {
namespace {

using core::Cell;
using core::Table;

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr Style kPlain{};

Cell integer(std::int64_t value) { return value; }

/// As reports/evidence.sql answers.
Table evidence_table() { return empty_answer("evidence"); }

void add_churning(Table& table, const std::string& name, const std::string& path, std::int64_t wanted_bytes) {
  add_row(table, {{"workload", name},
                  {"known_workload", name},
                  {"churn", integer(4)},
                  {"freed_bytes", integer(100 * kMiB)},
                  {"refaulted_bytes", integer(80 * kMiB)},
                  {"cache_wanted_bytes", integer(wanted_bytes)},
                  {"threshold_bytes", integer(32 * kMiB)},
                  {"effective_limit_bytes", integer(200 * kMiB)},
                  {"window_us", integer(7 * 86'400'000'000)},
                  {"path", path}});
}

TEST(Findings, AreReadFromTheEvidence) {
  Table table = evidence_table();
  add_churning(table, "web", "/web", 40 * kMiB);
  add_row(table, {{"workload", "batch"},
                  {"effective", integer(3)},
                  {"futile", integer(1)},
                  {"threshold_bytes", integer(64 * kMiB)},
                  {"path", "/batch"}});
  const auto findings = findings_of(table);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].workload, "web");
  EXPECT_EQ(findings[0].evidence.path, "/web");
  EXPECT_EQ(findings[0].evidence.churn_count, 4);
  EXPECT_EQ(findings[0].evidence.cache_wanted_bytes, 40u * kMiB);
  EXPECT_EQ(findings[0].evidence.effective_limit_bytes, 200u * kMiB);
  EXPECT_EQ(findings[0].advice->threshold_bytes, 50u * kMiB);
  EXPECT_EQ(findings[1].evidence.futile_count, 1);
  EXPECT_EQ(findings[1].evidence.freed_bytes, 0u);
  EXPECT_EQ(findings[1].evidence.cache_wanted_bytes, std::nullopt);
  EXPECT_EQ(findings[1].evidence.effective_limit_bytes, std::nullopt);
  EXPECT_FALSE(findings[1].advice);
}

TEST(Findings, OfWhichOnlyThePathIsKnownAdviseNothing) {
  for (const Finding& finding : findings_of(answer_of("evidence", {{{"path", "/web"}}, {}}))) {
    EXPECT_FALSE(finding.advice);
  }
}

TEST(AdviceTable, HasWhatAProgramNeedsAndNothingWhereThereIsNone) {
  Table evidence = evidence_table();
  const Table none = advice_table(findings_of(evidence));
  EXPECT_EQ(none.title, "Advice");
  EXPECT_EQ(none.columns, (std::vector<std::string>{"workload", "path", "advice", "reason", "rule"}));
  EXPECT_TRUE(none.rows.empty());
  add_churning(evidence, "/units/web", "/web", 160 * kMiB);
  const Table one = advice_table(findings_of(evidence));
  ASSERT_EQ(one.rows.size(), 1u);
  EXPECT_EQ(one.rows[0][0], Cell("/units/web"));
  EXPECT_EQ(one.rows[0][1], Cell("/web"));
  EXPECT_EQ(one.rows[0][2], Cell("exclude it from reclaim"));
  EXPECT_EQ(one.rows[0][4], Cell("[[rule]]\ncgroup = \"/web\"\nreclaim = false\n"));
}

TEST(RenderAdvice, ShowsARuleReadyToBePasted) {
  Table evidence = evidence_table();
  EXPECT_EQ(render_advice(findings_of(evidence), Format::text, kPlain), "Advice\n\n(none)\n");
  EXPECT_EQ(render_advice(findings_of(evidence), Format::markdown, kPlain), "## Advice\n\n(none)\n");
  add_churning(evidence, "my_web", "/web", 40 * kMiB);
  const std::string reason =
      "None of the 4 reclaims at the threshold of 32.0 MiB helped: 80.0 MiB of the 100.0 MiB that was freed "
      "(80 %) was read back; its cache was up to 40.0 MiB. Over another 7 days, that saves 80.0 "
      "MiB read again and 0 s of reclaiming, and gives up 0 B·h kept free.";
  const std::string text = render_advice(findings_of(evidence), Format::text, kPlain);
  EXPECT_TRUE(text.starts_with("Advice\n\nRules for config.toml. ")) << text;
  EXPECT_NE(test::unwrapped(text).find(" my_web: raise the threshold to 50 MiB. " + reason + " "), std::string::npos);
  EXPECT_TRUE(text.ends_with("\n\n    [[rule]]\n    workload = \"my_web\"\n    threshold = \"50MiB\"\n")) << text;
  const std::string markdown = render_advice(findings_of(evidence), Format::markdown, kPlain);
  EXPECT_TRUE(markdown.starts_with("## Advice\n\nRules for config.toml. ")) << markdown;
  EXPECT_TRUE(markdown.ends_with("\n\nmy\\_web: raise the threshold to 50 MiB. " + reason +
                                 "\n\n```toml\n[[rule]]\nworkload = \"my_web\"\nthreshold = \"50MiB\"\n```\n"))
      << markdown;
}

TEST(RenderAdvice, SaysWhyThereIsNoneForWhatOnlyChurns) {
  Table evidence = evidence_table();
  add_churning(evidence, "my_web", "/web", 10 * kMiB);
  const auto findings = findings_of(evidence);
  const std::string reason = " up to 10.0 MiB. No rule is advised: its threshold is over that already.";
  const std::string text = test::unwrapped(render_advice(findings, Format::text, kPlain));
  EXPECT_NE(text.find(" my_web: None of the 4 reclaims "), std::string::npos) << text;
  EXPECT_NE(text.find(reason), std::string::npos) << text;
  const std::string markdown = render_advice(findings, Format::markdown, kPlain);
  EXPECT_NE(markdown.find("\n\nmy\\_web: None of the 4 "), std::string::npos) << markdown;
  const test::Html page(render_advice(findings, Format::html, kPlain));
  EXPECT_EQ(page.all("h3").at(0).text, "my_web: no rule");
  EXPECT_TRUE(page.all("pre").empty());
  const Table table = advice_table(findings);
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0][2], Cell());
  EXPECT_TRUE(std::get<std::string>(table.rows[0][3]).ends_with(reason));
  EXPECT_EQ(table.rows[0][4], Cell());
}

TEST(RenderAdvice, ShowsTenAndSaysHowManyThereAre) {
  Table evidence = evidence_table();
  for (int i = 0; i < 12; ++i)
    add_churning(evidence, "/web" + std::to_string(i), "/web" + std::to_string(i), 40 * kMiB);
  const std::string text = render_advice(findings_of(evidence), Format::text, kPlain);
  EXPECT_NE(text.find("\"/web9\""), std::string::npos);
  EXPECT_EQ(text.find("\"/web10\""), std::string::npos);
  EXPECT_TRUE(text.ends_with("\n\n... and 2 more: --format json shows all.\n")) << text;
  EXPECT_EQ(advice_table(findings_of(evidence)).rows.size(), 12u);
}

TEST(RenderAdvice, IsASectionOfAPage) {
  Table evidence = evidence_table();
  EXPECT_EQ(test::Html(render_advice({}, Format::html, kPlain)).all("p").at(0).text, "(none)");
  for (int i = 0; i < 11; ++i)
    add_churning(evidence, "/web" + std::to_string(i), "/web" + std::to_string(i), 40 * kMiB);
  const test::Html page(render_advice(findings_of(evidence), Format::html, kPlain));
  ASSERT_EQ(page.all("pre").size(), 10u);
  EXPECT_EQ(page.all("h2").at(0).text, "Advice");
  EXPECT_EQ(page.all("h3").at(0).text, "/web0: raise the threshold to 50 MiB");
  EXPECT_EQ(page.all("pre").at(0).text, "[[rule]]\ncgroup = \"/web0\"\nthreshold = \"50MiB\"\n");
  EXPECT_EQ(page.all("p").back().text, "... and 1 more: --format json shows all.");
}

TEST(RenderAdvice, OfAHostileNameHarmsNobody) {
  for (const auto& [label, name] : test::hostile_texts()) {
    Table evidence = evidence_table();
    add_churning(evidence, name, name, 40 * kMiB);
    for (const Format format : {Format::text, Format::markdown}) {
      const std::string text = render_advice(findings_of(evidence), format, kPlain);
      EXPECT_TRUE(base::is_valid_utf8(text)) << label;
      EXPECT_EQ(text.find(format == Format::text ? "\"<script" : "<script"), std::string::npos) << label;
      std::size_t lines = 0;
      for (std::size_t at = 0; at < text.size(); ++lines) {
        const std::string line = text.substr(at, text.find('\n', at) - at);
        at += line.size() + 1;
        EXPECT_EQ(base::escape_for_terminal(line), line) << label;
      }
      EXPECT_TRUE(lines == 11u || format == Format::text) << label;  // text wraps
    }
    const test::Html page(render_advice(findings_of(evidence), Format::html, kPlain));
    EXPECT_EQ(activity_of(page), "") << label;
    const auto json = nlohmann::json::parse(render(advice_table(findings_of(evidence)), Format::json, kPlain));
    EXPECT_EQ(json[0]["path"], base::to_valid_utf8(name)) << label;
  }
}

}  // namespace
}  // namespace cgmm::report
