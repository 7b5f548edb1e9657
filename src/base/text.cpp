// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace cgmm::base {
namespace {

constexpr Decoded kInvalid{std::nullopt, 1};

std::string hex(std::uint32_t value, int digits) {
  std::string text(static_cast<std::size_t>(digits), '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, value >>= 4) *digit = "0123456789abcdef"[value & 0xf];
  return text;
}

bool steers_a_terminal(char32_t code_point) {
  const auto in = [code_point](char32_t first, char32_t last) { return code_point >= first && code_point <= last; };
  return code_point < 0x20 || in(0x7f, 0x9f)            // C0, DEL, C1
         || code_point == 0x061c || in(0x200e, 0x200f)  // marks of direction
         || in(0x2028, 0x202e)                          // line breaks, directions
         || in(0x2066, 0x206f);                         // isolates, old format characters
}

}  // namespace

std::string escaped(char32_t code_point) {
  if (code_point == '\n') return "\\n";
  if (code_point == '\r') return "\\r";
  if (code_point == '\t') return "\\t";
  const auto value = static_cast<std::uint32_t>(code_point);
  // A byte in the text that is no character is \xHH as well; a C1 control is a character, so \u0085.
  if (value > 0xffff) return "\\U" + hex(value, 8);
  return value < 0x80 ? "\\x" + hex(value, 2) : "\\u" + hex(value, 4);
}

namespace {

/// How many letters have to be changed, added, left out or exchanged with the next.
std::size_t distance_between(std::string_view one, std::string_view other) {
  constexpr std::size_t kLongest = 64;  // options and names of reports are shorter
  if (one.size() > kLongest || other.size() > kLongest) return std::string_view::npos;
  std::vector<std::vector<std::size_t>> steps(one.size() + 1, std::vector<std::size_t>(other.size() + 1));
  for (std::size_t i = 0; i <= one.size(); ++i) {
    for (std::size_t j = 0; j <= other.size(); ++j) {
      if (i == 0 || j == 0) {
        steps[i][j] = std::max(i, j);
        continue;
      }
      const std::size_t change = one[i - 1] == other[j - 1] ? 0 : 1;
      steps[i][j] = std::min({steps[i - 1][j] + 1, steps[i][j - 1] + 1, steps[i - 1][j - 1] + change});
      const bool are_exchanged = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
      if (are_exchanged) steps[i][j] = std::min(steps[i][j], steps[i - 2][j - 2] + 1);
    }
  }
  return steps[one.size()][other.size()];
}

/// Escapes what must be, and only then each backslash too, so that the usual name reads as it is.
template <typename MustEscape>
std::string escape_where(std::string_view text, MustEscape must_escape) {
  std::string with_backslashes_doubled;
  bool escaped_any = false;
  for (std::size_t at = 0; at < text.size();) {
    const Decoded decoded = decode_utf8(text, at);
    const std::string_view bytes = text.substr(at, decoded.length);
    at += decoded.length;
    if (!decoded.code_point || must_escape(*decoded.code_point)) {
      escaped_any = true;
      with_backslashes_doubled +=
          decoded.code_point ? escaped(*decoded.code_point) : "\\x" + hex(static_cast<unsigned char>(bytes.front()), 2);
      continue;
    }
    with_backslashes_doubled += bytes;
    if (bytes == "\\") with_backslashes_doubled += bytes;
  }
  return escaped_any ? with_backslashes_doubled : std::string(text);
}

}  // namespace

Decoded decode_utf8(std::string_view text, std::size_t at) {
  if (at >= text.size()) return {};
  const auto lead = static_cast<unsigned char>(text[at]);
  const auto ones = static_cast<std::size_t>(std::countl_one(lead));  // the length, or 0 for ASCII
  const std::size_t length = std::max<std::size_t>(ones, 1);
  if (ones == 1 || ones > 4 || length > text.size() - at) return kInvalid;
  char32_t code_point = lead & (0x7fU >> ones);
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if ((byte & 0xc0) != 0x80) return kInvalid;
    code_point = code_point << 6 | (byte & 0x3fu);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};  // a smaller one is overlong
  const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  if (code_point < kSmallest[length] || code_point > 0x10ffff || surrogate) return kInvalid;
  return {code_point, length};
}

std::string closest(std::string_view word, const std::vector<std::string>& known) {
  std::size_t least = word.size() / 3 + 1;
  std::string best;
  for (const std::string& one : known) {
    const std::size_t distance = distance_between(word, one);
    if (distance < least) {
      least = distance;
      best = one;
    }
  }
  return best;
}

std::string to_valid_utf8(std::string_view text) {
  return escape_where(text, [](char32_t) { return false; });
}

std::string escape_for_terminal(std::string_view text) { return escape_where(text, steers_a_terminal); }

}  // namespace cgmm::base
