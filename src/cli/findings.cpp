// SPDX-License-Identifier: Apache-2.0
#include "cli/findings.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/format/escape.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"

namespace cgmm::cli {
namespace {

constexpr std::size_t kWidest = 200;  // longer lines are hard to read
constexpr std::size_t kIndent = 9;    // "problem  "

/// How many bytes of a word take `width` columns at most: up to a '/' in its second half if there is one. At least one
/// character.
std::size_t cut_of(std::string_view word, std::size_t width) {
  std::size_t end = base::decode_utf8(word, 0).length;
  std::size_t slash = 0;
  while (end < word.size()) {
    const std::size_t next = end + base::decode_utf8(word, end).length;
    if (report::display_width(word.substr(0, next)) > width) break;
    if (word[end] == '/') slash = end;
    end = next;
  }
  return slash > end / 2 ? slash : end;
}

/// In lines of at most `width` columns, broken between words. All but the first line are indented. A word that is
/// longer than a line is broken, too.
std::string wrapped(std::string_view text, std::size_t width) {
  const std::string indent(kIndent, ' ');
  const std::size_t room = width - kIndent;
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (used > 0 && used + 1 + report::display_width(word) > room) {
      out += '\n' + indent;
      used = 0;
    } else if (used > 0) {
      out += ' ';
      ++used;
    }
    while (report::display_width(word) > room) {
      const std::size_t cut = cut_of(word, room);
      out += std::string(word.substr(0, cut)) + '\n' + indent;
      word.remove_prefix(cut);
    }
    out += word;
    used += report::display_width(word);
  }
  return out + '\n';
}

std::size_t count_of(const core::Table& findings, std::string_view result) {
  std::size_t count = 0;
  for (const report::Row row : report::rows_of(findings)) count += row.text("result") == result ? 1U : 0U;
  return count;
}

}  // namespace

std::string list_of(const core::Table& findings, const report::Style& style) {
  const std::size_t width = std::min(style.width, kWidest);
  std::string out = report::text_title("Check: " + base::counted(count_of(findings, "problem"), "problem") + ", " +
                                           base::counted(count_of(findings, "warning"), "warning") + ", " +
                                           std::to_string(count_of(findings, "ok")) + " ok",
                                       style);
  for (const std::string_view result : {"problem", "warning", "ok"}) {
    for (const report::Row row : report::rows_of(findings)) {
      if (row.text("result") != result) continue;
      const std::string label = std::string(result) + std::string(kIndent - result.size(), ' ');
      const auto shown = [&](const char* column) { return report::human_cell(column, row.cell(column)); };
      out += (result == "ok" ? report::dim(label, style) : report::bold(label, style)) +
             wrapped(shown("item") + ": " + shown("detail"), width);
      if (result != "ok") out += std::string(kIndent, ' ') + wrapped("What to do: " + shown("advice"), width);
    }
  }
  return out;
}

}  // namespace cgmm::cli
