// SPDX-License-Identifier: Apache-2.0
#pragma once

// CSV as RFC 4180 has it, with line feeds alone for line ends. Strict: what that document does not allow
// throws.

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cgmm::test {

using CsvRow = std::vector<std::string>;

inline std::vector<CsvRow> parse_csv(std::string_view text) {
  std::vector<CsvRow> rows;
  std::size_t at = 0;
  const auto field = [&] {
    std::string value;
    if (at < text.size() && text[at] == '"') {
      for (++at;; ++at) {
        if (at >= text.size()) throw std::runtime_error("a quoted field has no end");
        if (text[at] == '"') {
          if (at + 1 >= text.size() || text[at + 1] != '"') break;
          ++at;
        }
        value += text[at];
      }
      ++at;
      return value;
    }
    for (; at < text.size() && text[at] != ',' && text[at] != '\n'; ++at) {
      if (text[at] == '"' || text[at] == '\r') throw std::runtime_error("a field needs quotes: " + value);
      value += text[at];
    }
    return value;
  };
  while (at < text.size()) {
    CsvRow row{field()};
    while (at < text.size() && text[at] == ',') {
      ++at;
      row.push_back(field());
    }
    if (at >= text.size() || text[at] != '\n') throw std::runtime_error("a record has no line end");
    ++at;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace cgmm::test
