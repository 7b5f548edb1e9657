// SPDX-License-Identifier: Apache-2.0
#pragma once

// Words of others in SQL for ClickHouse. Pure: any thread.

#include <string>
#include <string_view>

namespace cgmm::fleet {

/// `text` as a string literal, whatever bytes it holds.
std::string literal(std::string_view text);

/// The regular expression for match() of ClickHouse that matches the same texts as SQLite's GLOB; "" matches all. Bytes
/// that are not UTF-8 match nothing.
std::string pattern_of(std::string_view glob);

}  // namespace cgmm::fleet
