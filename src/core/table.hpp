// SPDX-License-Identifier: Apache-2.0
#pragma once

// The result of a query, which a report renders. It is the only thing that passes between `store` and `report`. Plain
// data: any thread.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cgmm::core {

/// NULL, an integer, a real number, or bytes as stored (not necessarily valid UTF-8).
using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;

/// Column names end in their unit (`_bytes`, `_kib`, `_us`, `_at_us`, `_pct`): renderers format values by it.
struct Table {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;
  std::string report{};  // the name of the report that it answers; "": none
};

/// Values for the parameters of a query, by name without the leading ':'.
using Parameters = std::map<std::string, Cell, std::less<>>;

/// A text file of the source tree that was built into the program.
struct EmbeddedText {
  std::string_view name;  // without directory and extension
  std::string_view text;
};

}  // namespace cgmm::core
