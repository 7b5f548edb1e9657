// SPDX-License-Identifier: Apache-2.0
#pragma once

// What ClickHouse answers, in words and in rows. It knows the numbers of ClickHouse's errors. Pure: any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/ship/destination.hpp"

namespace cgmm::fleet {

/// Who asked whom, for sentences.
struct Asked {
  std::string place;  // host:port
  std::string user;
  std::string database;
  bool to_read = false;  // it was a question
};

/// An error, as ClickHouse writes it: "Code: 60, e.displayText() = DB::Exception: ..." or "Code: 60. DB::Exception:
/// ...".
struct EngineError {
  int code = 0;
  std::string message;  // the first line, bounded and safe to print
};

/// That which the body begins with, or which its last line is: ClickHouse may notice an error after it has begun to
/// answer. nullopt: there is none.
std::optional<EngineError> error_in(std::string_view body);

/// What to throw for an answer that is not the one that was asked for. The sentence says what to do.
DestinationError refusal_of(const Asked& asked, int status, std::string_view body);

/// The values of one row; nullopt is NULL.
using EngineRow = std::vector<std::optional<std::string>>;
/// The first row of an answer in the format TabSeparated, which is taken off `body`. `body` is not empty.
EngineRow next_row(std::string_view& body);
/// All of them.
std::vector<EngineRow> rows_of(std::string_view body);

}  // namespace cgmm::fleet
