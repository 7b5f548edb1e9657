// SPDX-License-Identifier: Apache-2.0
#include "fleet/engine/literal.hpp"

#include <cstddef>
#include <cstdio>
#include <optional>

#include "base/text.hpp"

namespace cgmm::fleet {
namespace {

constexpr const char* kNothing = "[^\\x00-\\x{10FFFF}]";  // no character
constexpr const char* kOneCharacter = "(?s:.)";

std::string in_pattern(char32_t character) {
  const bool is_plain = (character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z') ||
                        (character >= 'a' && character <= 'z') || character == '/' || character == '_' ||
                        character == ' ';
  if (is_plain) return {static_cast<char>(character)};
  if (character > 0x20 && character < 0x7f) return {'\\', static_cast<char>(character)};
  char text[16];
  std::snprintf(text, sizeof text, "\\x{%X}", static_cast<unsigned>(character));
  return text;
}

/// The glob character by character.
class Characters {
 public:
  explicit Characters(std::string_view text) : text_(text) {}
  /// nullopt: the end, or what is not UTF-8.
  std::optional<char32_t> next() {
    if (at_ >= text_.size()) return std::nullopt;
    const base::Decoded decoded = base::decode_utf8(text_, at_);
    at_ += decoded.length;
    if (!decoded.code_point) is_broken_ = true;
    return decoded.code_point;
  }
  bool is_next(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool is_at_end() const { return at_ >= text_.size(); }
  bool is_broken() const { return is_broken_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  bool is_broken_ = false;
};

/// What follows '[', read as SQLite reads it. nullopt: there is no end.
std::optional<std::string> set_of(Characters& glob) {
  std::string members;
  std::optional<char32_t> c = glob.next(), before;
  const bool is_inverted = c == '^';
  if (is_inverted) c = glob.next();
  if (c == ']') {
    members += in_pattern(']');
    c = glob.next();
  }
  for (; c && *c != ']'; c = glob.next()) {
    if (*c == '-' && !glob.is_next(']') && !glob.is_at_end() && before) {
      const std::optional<char32_t> last = glob.next();
      if (last && *before <= *last) members += in_pattern(*before) + "-" + in_pattern(*last);
      before.reset();
    } else {
      members += in_pattern(*c);
      before = c;
    }
  }
  if (!c) return std::nullopt;
  if (members.empty()) return is_inverted ? kOneCharacter : kNothing;
  return (is_inverted ? "[^" : "[") + members + "]";
}

}  // namespace

std::string literal(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\\' || c == '\'') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::string pattern_of(std::string_view glob) {
  const bool is_open_before = glob.starts_with('*');
  while (glob.starts_with('*')) glob.remove_prefix(1);
  std::string pattern = is_open_before ? "" : "^";
  bool is_open_after = is_open_before && glob.empty();
  Characters characters(glob);
  while (!characters.is_at_end()) {
    const std::optional<char32_t> c = characters.next();
    if (!c) return kNothing;
    is_open_after = *c == '*';
    if (*c == '*') {
      while (characters.is_next('*')) characters.next();
      if (!characters.is_at_end()) pattern += "(?s:.*)";
    } else if (*c == '?') {
      pattern += kOneCharacter;
    } else if (*c == '[') {
      const std::optional<std::string> set = set_of(characters);
      if (!set) return kNothing;
      pattern += *set;
    } else {
      pattern += in_pattern(*c);
    }
  }
  if (characters.is_broken()) return kNothing;
  return pattern + (is_open_after ? "" : "$");
}

}  // namespace cgmm::fleet
