// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bytes that came from outside (cgroup names, errors) read as UTF-8, and made safe for a terminal, a log and a
// document: a cgroup's name is whatever bytes the kernel accepted. Also small tools to take texts apart. Pure: any
// thread.

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cgmm::base {

struct Decoded {
  std::optional<char32_t> code_point;  // nullopt: an invalid byte
  std::size_t length = 0;              // bytes it took; 1 for an invalid byte, 0 at the end
};

/// What begins at text[at]. Overlong forms, surrogates and anything over U+10FFFF are invalid.
Decoded decode_utf8(std::string_view text, std::size_t at);

/// `text` where it is valid UTF-8; otherwise with each invalid byte as \xHH and each backslash doubled.
std::string to_valid_utf8(std::string_view text);
inline bool is_valid_utf8(std::string_view text) { return to_valid_utf8(text) == text; }

/// Valid UTF-8 that can't steer a terminal: control characters, line breaks, and characters that turn the writing
/// direction come out as \n, \x1b, \u202e; in a text that has one of them (or an invalid byte), a backslash is doubled.
std::string escape_for_terminal(std::string_view text);

/// "\n", "\x1b", "\u202e": a character in ASCII.
std::string escaped(char32_t code_point);

/// The word that was probably meant: of those that differ in few letters (one in three at most), the nearest. "": none.
std::string closest(std::string_view word, const std::vector<std::string>& known);

/// If the text begins with the prefix, removes it and returns true.
inline bool drop_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// The same of its end.
inline bool drop_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

/// The text with each byte that is written as this prefix and so many digits.
inline std::string unescaped(std::string_view text, std::string_view prefix, std::size_t digits, int base) {
  std::string result;
  while (!text.empty()) {
    const std::string_view number = text.starts_with(prefix) ? text.substr(prefix.size(), digits) : "";
    const char* const end = number.data() + digits;
    unsigned byte = 0;
    const bool is_byte = number.size() == digits && std::from_chars(number.data(), end, byte, base).ptr == end;
    result += is_byte ? static_cast<char>(byte) : text.front();
    text.remove_prefix(is_byte ? prefix.size() + digits : 1);
  }
  return result;
}

}  // namespace cgmm::base
