// SPDX-License-Identifier: Apache-2.0
#include "report/format/escape.hpp"
#include "report/format/layout.hpp"

// GitHub-flavoured tables under a second-level heading.

namespace cgmm::report {
namespace {

std::string line(const std::vector<std::string>& cells) {
  std::string out = "|";
  for (const std::string& cell : cells) out += " " + escape_markdown(cell) + " |";
  return out + '\n';
}

}  // namespace

std::string markdown_title(std::string_view title) { return "## " + escape_markdown(title) + "\n\n"; }

std::string render_markdown(const core::Table& table, const Style&) {
  const HumanTable human = humanise(table);
  std::string out = human.title.empty() ? "" : markdown_title(human.title);
  if (human.rows.empty()) return out + "(none)\n";
  out += line(human.headings) + "|";
  for (const bool right : human.right_aligned) out += right ? " ---: |" : " --- |";
  out += '\n';
  for (const auto& row : human.rows) out += line(row);
  return out;
}

}  // namespace cgmm::report
