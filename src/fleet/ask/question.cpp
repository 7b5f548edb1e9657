// SPDX-License-Identifier: Apache-2.0
#include "fleet/ask/question.hpp"

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <variant>

#include "fleet/engine/braces.hpp"
#include "fleet/engine/literal.hpp"

namespace cgmm::fleet {
namespace {

constexpr std::string_view kName = "abcdefghijklmnopqrstuvwxyz_";

const core::EmbeddedText* find(std::string_view name) {
  const auto found = std::ranges::find(kQuestions, name, &core::EmbeddedText::name);
  return found == kQuestions.end() ? nullptr : &*found;
}

/// Without comments and the semicolon: a part stands in the middle of a statement, and what the server logs is shorter.
std::string statement_in(std::string_view text) {
  std::string statement;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    line = line.substr(0, line.find("-- "));
    if (line.find_first_not_of(" -") != std::string_view::npos) statement += std::string(line) + "\n";
  }
  statement.erase(statement.find_last_not_of("; \n") + 1);
  return statement;
}

/// A part may have parts.
std::string with_parts(std::string_view text) {
  std::string statement;
  for (std::size_t open = 0; (open = text.find('(')) != std::string_view::npos;) {
    const std::size_t close = std::min(text.find_first_not_of(kName, open + 1), text.size());
    const std::string part = "part_" + std::string(text.substr(open + 1, close - open - 1));
    const core::EmbeddedText* const found = text.substr(close).starts_with(')') ? find(part) : nullptr;
    statement += text.substr(0, open + 1);
    text.remove_prefix(open + 1);
    if (found == nullptr) continue;
    statement += with_parts(statement_in(found->text));
    text.remove_prefix(part.size() - std::string_view("part_").size());
  }
  return statement + std::string(text);
}

/// One of the expressions matches the glob; nothing to compute, and no column to read, where all match.
std::string matching(std::string_view glob, const core::Parameters& parameters,
                     std::initializer_list<std::string_view> expressions) {
  const auto found = parameters.find(glob);
  const auto* text = found == parameters.end() ? nullptr : std::get_if<std::string>(&found->second);
  if (text == nullptr) throw std::logic_error("fleet/: nobody knows {" + std::string(glob) + "}");
  if (*text == "*") return "1";
  const std::string pattern = literal(pattern_of(*text));
  std::string condition;
  for (const std::string_view expression : expressions)
    condition += (condition.empty() ? "match(" : " OR match(") + std::string(expression) + ", " + pattern + ")";
  return "(" + condition + ")";
}

std::string value_of(std::string_view name, const core::Parameters& parameters) {
  if (name == "of_node") return matching("node_glob", parameters, {"node"});
  if (name == "of_workload")
    return matching("workload_glob", parameters, {"ifNull(path, '')", "ifNull(name, '')", "ifNull(workload, '')"});
  if (name == "of_kill")
    return matching("workload_glob", parameters,
                    {"coalesce(path, dropped_from, victim_path, '')", "ifNull(name, '')", "ifNull(workload, '')"});
  const auto found = parameters.find(name);
  if (found == parameters.end()) throw std::logic_error("fleet/: nobody knows {" + std::string(name) + "}");
  if (const auto* number = std::get_if<std::int64_t>(&found->second)) return "toInt64(" + std::to_string(*number) + ")";
  const auto& text = std::get<std::string>(found->second);
  return literal(name.ends_with("_glob") ? pattern_of(text) : text);
}

}  // namespace

std::vector<std::string> names_of_questions() {
  std::vector<std::string> names;
  for (const core::EmbeddedText& text : kQuestions) {
    if (!text.name.starts_with("part_")) names.emplace_back(text.name);
  }
  return names;
}

report::Report question(std::string_view name) {
  const core::EmbeddedText* const found = find(name);
  if (found == nullptr) throw std::logic_error("no question " + std::string(name));
  return {.name = std::string(name),
          .title = report::title_of(name, found->text),
          .sql = with_parts(statement_in(found->text)),
          .most_important = report::most_important_of(found->text)};
}

std::string filled(std::string_view sql, const core::Parameters& parameters) {
  return with_values(sql, [&](std::string_view name) { return value_of(name, parameters); });
}

}  // namespace cgmm::fleet
