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

std::string rule(const std::vector<bool>& right_aligned) {
  std::string out = "|";
  for (const bool right : right_aligned) out += right ? " ---: |" : " --- |";
  return out + '\n';
}

std::string rows_across(const HumanTable& table) {
  std::string out = line(table.headings) + rule(table.right_aligned);
  for (const auto& row : table.rows) out += line(row);
  return out;
}

std::string row_down(const HumanTable& table) {
  std::string out = line({"what", "value"}) + rule({false, false});
  for (std::size_t i = 0; i < table.headings.size(); ++i) out += line({table.headings[i], table.rows[0][i]});
  return out;
}

}  // namespace

std::string markdown_title(std::string_view title) { return "## " + escape_markdown(title) + "\n\n"; }

std::string render_markdown(const core::Table& table) {
  const HumanTable human = humanise(table);
  std::string out;
  if (!human.title.empty()) out += markdown_title(human.title);
  if (human.rows.empty()) return out + "(none)\n";
  return out + (human.upright ? row_down(human) : rows_across(human));
}

}  // namespace cgmm::report
