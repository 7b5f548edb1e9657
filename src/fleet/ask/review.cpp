// SPDX-License-Identifier: Apache-2.0
#include "fleet/ask/review.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include "base/units.hpp"
#include "report/format/html.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"
#include "report/format/wrap.hpp"
#include "report/weekly/sections.hpp"

namespace cgmm::fleet {
namespace {

using report::Format;
using report::Row;

/// One table of the review.
struct Part {
  std::string_view question;
  bool is_after_advice;
  std::vector<std::string_view> columns;
  const char* about;
};

const std::array<Part, 11> kParts{{
    {"nodes",
     false,
     {"node", "problems", "state", "last_at_us", "covered_pct", "gaps", "version", "zone", "pool"},
     "Nodes that ask for a look: silent for an hour or more, with long gaps, faults or crashes of the service, with "
     "rows that were lost, or with an older version than others."},
    {"kills_by_workload",
     false,
     {"workload", "kills", "nodes", "causes", "last_at_us", "victims"},
     "What the kernel killed for want of memory, most often first."},
    {"kills_by_cause", false, {"cause", "kills", "workloads", "nodes", "most_killed"}, "Why it killed."},
    {"kills_by_zone", false, {"zone", "pool", "cluster", "kills", "nodes", "workloads"}, "Where it killed."},
    {"kills_by_node",
     false,
     {"node", "kills", "workloads", "zone", "pool", "most_killed"},
     "On which nodes it killed."},
    {"stuck_by_workload",
     false,
     {"workload", "why", "times", "nodes", "lasted_us", "last_at_us"},
     "Nothing was killed here, but tasks stood still for want of memory."},
    {"near_limits",
     false,
     {"workload", "peak_pct", "peak_bytes", "limit_bytes", "near_hours", "oom_kills", "nodes"},
     "Held 80 % of the limit or more in an hour. Peak is at most what was held that can't be dropped."},
    {"effects",
     false,
     {"workload", "reclaims", "nodes", "effective", "churn", "futile", "unknown", "freed_bytes", "refaulted_bytes",
      "stayed_free_bytes", "held_byte_seconds"},
     "Effective reclaims were worth what was read back, churn was not, and futile ones freed almost nothing. Those "
     "that did not help come first."},
    {"outliers",
     true,
     {"node", "what", "times", "typical", "zone", "pool"},
     "On these nodes it happened far more often than on the others. Typical is the median of all nodes."},
    {"growth",
     true,
     {"workload", "growth_bytes", "usage_before_bytes", "usage_after_bytes", "change", "nodes"},
     "From the first whole hour to the last, on the nodes that have both."},
    {"restarts",
     true,
     {"workload", "restarts", "oom_kills", "running", "last_began_at_us", "nodes"},
     "A restart that no OOM kill explains has another reason: look at the workload's own log."},
}};

const core::Table& table_of(const Review& review, std::string_view question) {
  const auto found = std::ranges::find(review.tables, question, &core::Table::report);
  if (found == review.tables.end()) throw std::logic_error("the review lacks " + std::string(question));
  return *found;
}

/// Whether a row of that table says something in a review.
bool is_told(std::string_view question, const Row& row) {
  if (question == "nodes") return !row.text("problems").empty();
  if (question == "growth") return row.bytes("growth_bytes") > 0;
  if (question == "kills_by_zone") return !(row.text("zone") + row.text("pool") + row.text("cluster")).empty();
  return true;
}

core::Table section_of(const Review& review, const Part& part) {
  const core::Table& all = table_of(review, part.question);
  core::Table told = all;
  told.rows.clear();
  for (std::size_t i = 0; i < all.rows.size(); ++i) {
    if (is_told(part.question, Row(all, i))) told.rows.push_back(all.rows[i]);
  }
  core::Table table = report::section(told, part.columns, part.about);
  report::cut(table, "fleet report " + std::string(part.question));
  return table;
}

/// Those that have rows; after the kills, what reclaim brought.
std::vector<core::Table> sections_of(const Review& review, bool is_after_advice) {
  std::vector<core::Table> sections;
  for (const Part& part : kParts) {
    if (part.is_after_advice != is_after_advice) continue;
    if (part.question == "effects") sections.push_back(report::brought_and_cost(review.summary, review.earlier));
    core::Table section = section_of(review, part);
    if (!section.rows.empty()) sections.push_back(std::move(section));
  }
  return sections;
}

/// "A, B and C"; of more than four, the first three and how many more.
std::string listed(const std::vector<std::string>& names) {
  const std::size_t named = names.size() > 4 ? 3 : names.size();
  std::string text;
  for (std::size_t i = 0; i < named; ++i) {
    const bool is_last = i + 1 == names.size();
    text += (i == 0 ? "" : is_last ? " and " : ", ") + names[i];
  }
  return names.size() == named ? text : text + " and " + std::to_string(names.size() - named) + " more";
}

/// "12 nodes have scans in this time. 1 of them is silent: node-3. Another 2 ask for a look."
std::string nodes_sentence(const Review& review, Format format) {
  const std::int64_t nodes = Row(review.summary).integer("nodes");
  if (nodes == 0) return "";
  std::vector<std::string> silent;
  std::int64_t others = 0;
  for (const Row row : report::rows_of(table_of(review, "nodes"))) {
    if (row.text("state") == "silent") {
      silent.push_back(report::name_for(format, row.text("node")));
    } else if (row.text("state") == "running" && !row.text("problems").empty()) {
      ++others;
    }
  }
  std::string text = base::counted(nodes, "node has", "nodes have") + " scans in this time.";
  if (!silent.empty()) {
    text += " " + base::grouped(static_cast<std::int64_t>(silent.size())) + (silent.size() == 1 ? " is" : " are") +
            " silent, with no scan in the last hour: " + listed(silent) + ".";
  }
  if (others > 0) {
    text += std::string(silent.empty() ? " " : " Another ") + base::grouped(others) + (others == 1 ? " asks" : " ask") +
            " for a look (fleet report nodes).";
  }
  return text;
}

/// `incident` is about one node.
std::string of_fleet(std::string sentence) {
  constexpr std::string_view kLocal = "`incident`";
  const std::size_t at = sentence.find(kLocal);
  return at == std::string::npos ? sentence : sentence.replace(at, kLocal.size(), "`fleet incident`");
}

std::vector<std::string> sentences_of(const Review& review, const report::TimeAsked& asked, Format format) {
  std::vector<std::string> sentences;
  for (std::string& sentence : report::summary_sentences(review.summary, review.findings, asked, format))
    sentences.push_back(of_fleet(std::move(sentence)));
  sentences.push_back(nodes_sentence(review, format));
  std::erase(sentences, "");
  return sentences;
}

constexpr std::string_view kTitle = "Memory report of the fleet";

std::string page_of(const Review& review, const report::TimeAsked& asked) {
  std::string body = report::html_time_span(asked.since_us, asked.until_us);
  report::Weight weight = report::Weight::lead;
  for (const std::string& sentence : sentences_of(review, asked, Format::text))
    body += report::html_paragraph(sentence, std::exchange(weight, report::Weight::plain));
  for (const core::Table& table : sections_of(review, false)) body += report::html_section_of(table);
  body += report::render_advice(review.findings, Format::html, {});
  for (const core::Table& table : sections_of(review, true)) body += report::html_section_of(table);
  return report::html_page(kTitle, body);
}

}  // namespace

std::vector<std::string_view> questions_of_review() {
  std::vector<std::string_view> names;
  for (const Part& part : kParts) names.push_back(part.question);
  return names;
}

std::string review_text(const Review& review, const report::TimeAsked& asked, Format format,
                        const report::Style& style) {
  if (format == Format::json) {
    std::vector<core::Table> all{review.summary, review.earlier, report::advice_table(review.findings)};
    all.insert(all.end(), review.tables.begin(), review.tables.end());
    return report::render(all, format, {});
  }
  if (format == Format::html) return page_of(review, asked);
  const bool is_markdown = format == Format::markdown;
  const std::string title =
      std::string(kTitle) + ", " + base::format_time(asked.since_us) + " to " + base::format_time(asked.until_us);
  std::string answer;
  for (const std::string& sentence : sentences_of(review, asked, format))
    answer += (answer.empty() ? "" : " ") + sentence;
  std::string text = (is_markdown ? "# " + title + "\n" : report::wrapped(title, style)) + "\n";
  text += (is_markdown ? answer + "\n" : report::wrapped(answer, style)) + "\n";
  text += report::render(sections_of(review, false), format, style) + "\n";
  text += report::render_advice(review.findings, format, style);
  const std::string after = report::render(sections_of(review, true), format, style);
  return text + (after.empty() ? "" : "\n" + after);
}

}  // namespace cgmm::fleet
