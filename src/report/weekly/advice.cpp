// SPDX-License-Identifier: Apache-2.0
#include "report/weekly/advice.hpp"

#include "base/text.hpp"
#include "report/format/escape.hpp"
#include "report/format/html.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"
#include "report/format/wrap.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kMostShown = 10;
constexpr std::string_view kHowToUse =
    "Rules for config.toml. Put them above the existing ones: the first that matches decides. A rule by workload also "
    "holds for pods that are made anew; one by path (cgroup) for that cgroup only.";

std::string indented(const std::string& rule) {
  std::string text;
  for (const char c : rule) {
    if (text.empty() || text.back() == '\n') text += "    ";
    text += c;
  }
  return text;
}

bool has_something(const Finding& finding) { return finding.advice || !finding.no_advice.empty(); }

std::string shown(const Finding& finding, Format format, const Style& style) {
  if (!finding.advice) {
    if (format == Format::html) return html_heading(finding.workload + ": no rule") + html_paragraph(finding.no_advice);
    const std::string said = name_for(format, finding.workload) + ": " + finding.no_advice;
    return "\n" + (format == Format::markdown ? said + "\n" : wrapped(said, style));
  }
  const std::string rule = core::rule_of(*finding.advice), advice = core::in_words(*finding.advice);
  const std::string& reason = finding.advice->reason;
  if (format == Format::html) {
    return html_heading(finding.workload + ": " + advice) + html_paragraph(reason) + html_preformatted(rule);
  }
  const std::string said = name_for(format, finding.workload) + ": " + advice + ". " + reason;
  if (format == Format::markdown) return "\n" + said + "\n\n```toml\n" + rule + "```\n";
  return "\n" + wrapped(said, style) + "\n" + indented(rule);
}

}  // namespace

std::string name_for(Format format, std::string_view workload) {
  return format == Format::markdown ? escape_markdown(workload) : base::escape_for_terminal(workload);
}

std::vector<Finding> findings_of(const core::Table& evidence, const core::Policy* policy) {
  std::vector<Finding> findings;
  for (const Row row : rows_of(evidence)) {
    Finding& finding = findings.emplace_back();
    finding.workload = row.text("workload");
    finding.evidence = {.path = row.text("path"),
                        .workload = row.text("known_workload"),
                        .effective_count = row.integer("effective"),
                        .churn_count = row.integer("churn"),
                        .futile_count = row.integer("futile"),
                        .regrown_count = row.integer("regrown"),
                        .freed_bytes = row.bytes("freed_bytes"),
                        .refaulted_bytes = row.bytes("refaulted_bytes"),
                        .cache_wanted_bytes = row.known_bytes("cache_wanted_bytes"),
                        .threshold_bytes = row.bytes("threshold_bytes"),
                        .effective_limit_bytes = row.known_bytes("effective_limit_bytes"),
                        .held_byte_seconds = static_cast<double>(row.integer("held_byte_seconds")),
                        .reclaiming_us = row.integer("reclaiming_us"),
                        .window_us = row.integer("window_us")};
    finding.advice = policy != nullptr ? core::advise(finding.evidence, *policy) : core::advise(finding.evidence);
    finding.is_spared = policy != nullptr && core::spares(*policy, finding.evidence);
    finding.no_advice = core::why_no_advice(finding.evidence, policy);
  }
  return findings;
}

core::Table advice_table(std::span<const Finding> findings) {
  core::Table table{
      .title = "Advice", .columns = {"workload", "path", "advice", "reason", "rule"}, .rows = {}, .report = "advice"};
  for (const Finding& finding : findings) {
    if (!finding.no_advice.empty())
      table.rows.push_back({finding.workload, finding.evidence.path, core::Cell(), finding.no_advice, core::Cell()});
    if (!finding.advice) continue;
    const core::Advice& advice = *finding.advice;
    table.rows.push_back({finding.workload, advice.path, core::in_words(advice), advice.reason, core::rule_of(advice)});
  }
  return table;
}

std::string render_advice(std::span<const Finding> findings, Format format, const Style& style) {
  const bool is_html = format == Format::html;
  std::string body;
  std::size_t count = 0;
  for (const Finding& finding : findings) {
    if (has_something(finding) && count++ < kMostShown) body += shown(finding, format, style);
  }
  if (count == 0)
    return is_html ? html_section("Advice", html_table(advice_table({})), "advice")
                   : render(advice_table({}), format, style);
  if (count > kMostShown) {
    const std::string more = "... and " + std::to_string(count - kMostShown) + " more: --format json shows all.";
    body += is_html ? html_paragraph(more) : "\n" + more + "\n";
  }
  if (is_html) return html_section("Advice", html_paragraph(kHowToUse, Weight::remark) + body, "advice");
  if (format == Format::markdown) return markdown_title("Advice") + std::string(kHowToUse) + "\n" + body;
  return text_title("Advice", style) + wrapped(kHowToUse, style) + body;
}

}  // namespace cgmm::report
