// SPDX-License-Identifier: Apache-2.0
#include "core/glob.hpp"

#include <sqlite3.h>

#include "base/text.hpp"

namespace cgmm::core {
namespace {

/// The end of the character that begins at `at`, as SQLite reads it: also if it is invalid.
std::size_t character_end(std::string_view text, std::size_t at) {
  const bool multibyte = static_cast<unsigned char>(text[at]) >= 0xc0;
  ++at;
  while (multibyte && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80) ++at;
  return at;
}

}  // namespace

bool glob_matches(const std::string& pattern, std::string_view path) {
  return sqlite3_strglob(pattern.c_str(), std::string(path).c_str()) == 0;
}

std::string glob_of(std::string_view path) {
  std::string glob;
  for (std::size_t at = 0; at < path.size();) {
    const base::Decoded decoded = base::decode_utf8(path, at);
    const std::size_t end = character_end(path, at);
    const bool is_valid = decoded.code_point && at + decoded.length == end;
    const std::string bytes(path.substr(at, end - at));
    const bool is_special = bytes == "*" || bytes == "?" || bytes == "[";
    glob += !is_valid ? "?" : is_special ? "[" + bytes + "]" : bytes;
    at = end;
  }
  return glob;
}

}  // namespace cgmm::core
