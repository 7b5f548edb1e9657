// SPDX-License-Identifier: Apache-2.0
#include "report/weekly/advice.hpp"

#include "base/text.hpp"
#include "report/format/escape.hpp"
#include "report/format/html.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kMostShown = 10;
constexpr std::string_view kHowToUse =
    "Rules for config.toml. Put them above the existing ones: the first that matches decides. Each names one path; a "
    "pod that is made again has another path.";

std::string in_fence(const std::string& rule) { return "```toml\n" + rule + "```\n"; }

std::string indented(const std::string& rule) {
  std::string text;
  bool begins_line = true;
  for (const char c : rule) {
    if (begins_line) text += "    ";
    text += c;
    begins_line = c == '\n';
  }
  return text;
}

std::string advice_section(std::span<const Finding> findings) {
  std::string body;
  std::size_t count = 0;
  for (const Finding& finding : findings) {
    if (!finding.advice || count++ >= kMostShown) continue;
    body += html_heading(finding.cgroup + ": " + core::in_words(*finding.advice)) +
            html_paragraph(finding.advice->reason) + html_preformatted(core::rule_of(*finding.advice));
  }
  if (count == 0) return html_section("Advice", html_table(advice_table({})));
  if (count > kMostShown) {
    body += html_paragraph("... and " + std::to_string(count - kMostShown) + " more: --format json shows all.");
  }
  return html_section("Advice", html_paragraph(kHowToUse, Weight::remark) + body);
}

}  // namespace

std::vector<Finding> findings_of(const core::Table& evidence) {
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < evidence.rows.size(); ++i) {
    const Row row(evidence, i);
    Finding& finding = findings.emplace_back();
    finding.cgroup = row.text("cgroup");
    finding.evidence = {.path = row.text("path"),
                        .effective_count = row.integer("effective"),
                        .churn_count = row.integer("churn"),
                        .futile_count = row.integer("futile"),
                        .regrown_count = row.integer("regrown"),
                        .freed_bytes = row.bytes("freed_bytes"),
                        .refaulted_bytes = row.bytes("refaulted_bytes"),
                        .cache_wanted_bytes = row.known_bytes("cache_wanted_bytes"),
                        .threshold_bytes = row.bytes("threshold_bytes"),
                        .effective_limit_bytes = row.known_bytes("effective_limit_bytes")};
    finding.advice = core::advise(finding.evidence);
  }
  return findings;
}

core::Table advice_table(std::span<const Finding> findings) {
  core::Table table{.title = "Advice", .columns = {"path", "advice", "reason", "rule"}, .rows = {}};
  for (const Finding& finding : findings) {
    if (!finding.advice) continue;
    const core::Advice& advice = *finding.advice;
    table.rows.push_back({advice.path, core::in_words(advice), advice.reason, core::rule_of(advice)});
  }
  return table;
}

std::string render_advice(std::span<const Finding> findings, Format format, const Style& style) {
  if (format == Format::html) return advice_section(findings);
  const bool markdown = format == Format::markdown;
  std::string text;
  std::size_t count = 0;
  for (const Finding& finding : findings) {
    if (!finding.advice || count++ >= kMostShown) continue;
    const std::string name = markdown ? escape_markdown(finding.cgroup) : base::escape_for_terminal(finding.cgroup);
    const std::string rule = core::rule_of(*finding.advice);
    text += "\n" + name + ": " + core::in_words(*finding.advice) + ". " + finding.advice->reason + "\n\n" +
            (markdown ? in_fence(rule) : indented(rule));
  }
  if (count == 0) return render(advice_table({}), format, style);
  if (count > kMostShown) {
    text += "\n... and " + std::to_string(count - kMostShown) + " more: --format json shows all.\n";
  }
  return (markdown ? markdown_title("Advice") : text_title("Advice", style)) + std::string(kHowToUse) + "\n" + text;
}

}  // namespace cgmm::report
