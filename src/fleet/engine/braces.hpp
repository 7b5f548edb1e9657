// SPDX-License-Identifier: Apache-2.0
#pragma once

// SQL with names in braces, of the tables and of the questions. Pure: any thread.

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cgmm::fleet {

/// `sql` with `value_of(name)` in the place of each {name}. Throws std::logic_error where a brace stays open.
template <class ValueOf>
std::string with_values(std::string_view sql, ValueOf value_of) {
  std::string text;
  for (std::size_t open = 0; (open = sql.find('{')) != std::string_view::npos;) {
    const std::size_t close = sql.find('}', open);
    if (close == std::string_view::npos) throw std::logic_error("fleet/: a brace stays open");
    text += sql.substr(0, open);
    text += value_of(sql.substr(open + 1, close - open - 1));
    sql.remove_prefix(close + 1);
  }
  return text + std::string(sql);
}

}  // namespace cgmm::fleet
