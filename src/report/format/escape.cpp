// SPDX-License-Identifier: Apache-2.0
#include "report/format/escape.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace cgmm::report {
namespace {

/// "": the character has no meaning in HTML.
std::string_view entity_of(char c) {
  switch (c) {
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '&':
      return "&amp;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return "";
  }
}

// wcwidth() depends on the locale, which is often "C" for a service. These ranges cover what occurs in names: symbols
// and East Asian characters of ambiguous width count as narrow.
struct Range {
  char32_t first;
  char32_t last;
};

constexpr std::array kZeroWidth = std::to_array<Range>({
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x05bf, 0x05bf}, {0x05c1, 0x05c2}, {0x05c4, 0x05c5},
    {0x0610, 0x061a}, {0x064b, 0x065f}, {0x0670, 0x0670}, {0x06d6, 0x06dc}, {0x06df, 0x06e4}, {0x0900, 0x0902},
    {0x093c, 0x093c}, {0x0941, 0x0948}, {0x094d, 0x094d}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e},
    {0x1160, 0x11ff}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x2060, 0x2064}, {0x20d0, 0x20ff},
    {0x302a, 0x302d}, {0x3099, 0x309a}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0000, 0xe0fff},
});

constexpr std::array kWide = std::to_array<Range>({
    {0x1100, 0x115f},   {0x2329, 0x232a},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
    {0x4e00, 0xa4cf},   {0xa960, 0xa97c},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},
    {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x16fe0, 0x18cff}, {0x1b000, 0x1b2ff},
    {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f265},
    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f7e0, 0x1f7eb}, {0x1f90c, 0x1f9ff}, {0x1fa70, 0x1faff},
    {0x20000, 0x3fffd},
});

/// What charts, tables and sentences have, with a sign of the same width; the mark of what was cut is longer.
struct Similar {
  char32_t code_point;
  std::string_view ascii;
};
constexpr auto kSimilar = std::to_array<Similar>({
    {U'─', "-"},
    {U'│', "|"},
    {U'┤', "|"},
    {U'└', "+"},
    {U'▔', "-"},
    {U'▲', "^"},
    {U'·', "*"},
    {U'±', "+-"},
    {U'…', "..."},
    {U'▁', "_"},
    {U'▂', "_"},
    {U'▃', "."},
    {U'▄', ":"},
    {U'▅', ":"},
    {U'▆', ":"},
    {U'▇', "#"},
    {U'█', "#"},
});

template <std::size_t Size>
bool is_in(const std::array<Range, Size>& ranges, char32_t code_point) {
  const auto range = std::ranges::lower_bound(ranges, code_point, {}, &Range::last);
  return range != ranges.end() && code_point >= range->first;
}

}  // namespace

std::string escape_markdown(std::string_view text) {
  constexpr std::string_view kMarkup = "|\\`*_[]~#$", kHtml = "<>&";
  std::string out;
  for (const char c : base::escape_for_terminal(text)) {
    // HTML characters become entities: some renderers ignore a backslash before them.
    if (kHtml.find(c) != std::string_view::npos) {
      out += entity_of(c);
      continue;
    }
    if (kMarkup.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string markdown_sentence(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  while (true) {
    const std::size_t open = text.find('`', done);
    const std::size_t close = open == std::string_view::npos ? open : text.find('`', open + 1);
    if (close == std::string_view::npos) return out + escape_markdown(text.substr(done));
    const std::string_view code = text.substr(open + 1, close - open - 1);
    const bool is_safe = !code.empty() && code.find_first_of("|\\*[]~#$<>&") == std::string_view::npos &&
                         base::escape_for_terminal(code) == code;
    out += escape_markdown(text.substr(done, open - done));
    out += is_safe ? "`" + std::string(code) + "`" : escape_markdown(text.substr(open, close + 1 - open));
    done = close + 1;
  }
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : base::escape_for_terminal(text)) {
    const std::string_view entity = entity_of(c);
    entity.empty() ? out += c : out += entity;
  }
  return out;
}

std::string escape_csv(std::string_view text) {
  const std::string valid = base::to_valid_utf8(text);
  if (!valid.empty() && valid.find_first_of("\",\r\n") == std::string::npos) return valid;
  std::string out = "\"";
  for (const char c : valid) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string to_ascii(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const base::Decoded decoded = base::decode_utf8(text, at);
    const char32_t code_point = decoded.code_point.value_or(U'?');
    const auto* const similar = std::ranges::find(kSimilar, code_point, &Similar::code_point);
    if (code_point < 0x80) {
      out += decoded.code_point ? static_cast<char>(code_point) : '?';
    } else {
      out += similar != kSimilar.end() ? std::string(similar->ascii) : base::escaped(code_point);
    }
    at += decoded.length;
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const base::Decoded decoded = base::decode_utf8(text, at);
    at += decoded.length;
    const char32_t code_point = decoded.code_point.value_or(U'?');
    if (is_in(kZeroWidth, code_point)) continue;
    width += is_in(kWide, code_point) ? 2u : 1u;
  }
  return width;
}

std::string right_aligned(std::string_view text, std::size_t width) {
  const std::size_t taken = display_width(text);
  return std::string(width > taken ? width - taken : 0, ' ') + std::string(text);
}

}  // namespace cgmm::report
