// SPDX-License-Identifier: Apache-2.0
#pragma once

// A text with each line end, and the spaces that begin the next line, as one space: to look for a sentence wherever it
// was wrapped.

#include <string>
#include <string_view>

namespace cgmm::test {

inline std::string unwrapped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_space = c == ' ' || c == '\n';
    if (!is_space) out += c;
    if (is_space && !out.ends_with(' ')) out += ' ';
  }
  return out;
}

}  // namespace cgmm::test
