// SPDX-License-Identifier: Apache-2.0
#include "core/glob.hpp"

#include <cstddef>

#include "base/text.hpp"

namespace cgmm::core {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80; }

/// The end of the character that begins at `at`.
std::size_t character_end(std::string_view text, std::size_t at) {
  const bool multibyte = static_cast<unsigned char>(text[at]) >= 0xc0;
  ++at;
  while (multibyte && at < text.size() && is_continuation(text[at])) ++at;
  return at;
}

/// The position after the set that begins at `at` (a '['), if the byte is in the set; kNone if not, or if the set is
/// not closed. Special cases are as in SQLite: a ']' at the beginning is an ordinary character and begins no range; a
/// reversed range contains its first character.
std::size_t match_set(std::string_view pattern, std::size_t at, char byte) {
  ++at;
  const bool inverted = at < pattern.size() && pattern[at] == '^';
  if (inverted) ++at;
  bool found = false;
  if (at < pattern.size() && pattern[at] == ']') {
    found = byte == ']';
    ++at;
  }
  const auto value = static_cast<unsigned char>(byte);
  int before = -1;  // the begin of a range if a '-' follows
  for (; at < pattern.size() && pattern[at] != ']'; ++at) {
    if (pattern[at] == '-' && before >= 0 && at + 1 < pattern.size() && pattern[at + 1] != ']') {
      ++at;
      found = found || (before <= value && value <= static_cast<unsigned char>(pattern[at]));
      before = -1;
    } else {
      before = static_cast<unsigned char>(pattern[at]);
      found = found || before == value;
    }
  }
  if (at >= pattern.size()) return kNone;
  return found != inverted ? at + 1 : kNone;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view path) {
  std::size_t p = 0;
  std::size_t s = 0;
  std::size_t after_star = kNone;  // position in the pattern after the last '*'
  std::size_t star_end = 0;        // end of what that '*' matches so far
  while (s < path.size()) {
    std::size_t next_p = kNone;
    std::size_t next_s = s + 1;
    if (p < pattern.size()) {
      if (pattern[p] == '*') {
        after_star = ++p;
        star_end = s;
        continue;
      }
      if (pattern[p] == '?') {
        next_p = p + 1;
        next_s = character_end(path, s);
      } else if (pattern[p] == '[') {
        next_p = match_set(pattern, p, path[s]);
      } else if (pattern[p] == path[s]) {
        next_p = p + 1;
      }
    }
    if (next_p != kNone) {
      p = next_p;
      s = next_s;
    } else if (after_star != kNone) {
      p = after_star;
      s = ++star_end;  // only the last '*' is tried again: a longer match of an earlier one would not help
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string glob_of(std::string_view path) {
  std::string glob;
  for (std::size_t at = 0; at < path.size();) {
    const base::Decoded decoded = base::decode_utf8(path, at);
    const std::size_t end = decoded.code_point ? at + decoded.length : character_end(path, at);
    const std::string bytes(path.substr(at, end - at));
    const bool is_special = bytes == "*" || bytes == "?" || bytes == "[";
    glob += !decoded.code_point ? "?" : is_special ? "[" + bytes + "]" : bytes;
    at = end;
  }
  return glob;
}

}  // namespace cgmm::core
