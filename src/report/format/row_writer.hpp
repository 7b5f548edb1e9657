// SPDX-License-Identifier: Apache-2.0
#pragma once

// CSV, JSON and NDJSON, row by row: a long answer is never in memory as a table. Only its text is, in parts, because
// nothing may be written before the answer is complete. Pure: any thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/table.hpp"
#include "report/format/render.hpp"

namespace cgmm::report {

/// Whether each column with microseconds since 1970 has one beside it, before it, with the same time in words (ISO
/// 8601, UTC): "started_at" and "started_at_us". Not where there is a column of that name.
enum class Times { in_words_too, as_they_are };

class RowWriter final : public core::RowSink {
 public:
  /// `format` is csv, json or ndjson.
  explicit RowWriter(Format format, Times times = Times::in_words_too) : format_(format), times_(times) {}

  void begin(const std::vector<std::string>& columns) override;
  void add(std::vector<core::Cell> row) override;
  /// The whole text, to be written one part after the other. No row may follow.
  std::vector<std::string> finish();
  /// CSV and NDJSON: the text so far. The rows of another answer with the same columns may follow.
  std::vector<std::string> take();

 private:
  /// The column of the query from which one of the answer is.
  struct Source {
    std::size_t column = 0;
    bool is_in_words = false;
  };

  void append(std::string_view text);

  std::vector<core::Cell> with_times(std::vector<core::Cell> row) const;

  Format format_;
  Times times_;
  std::vector<std::string> keys_;  // the columns; in JSON with other names for those that repeat
  std::vector<Source> sources_;    // of each of them
  std::int64_t row_count_ = 0;
  bool has_head_ = false;  // in what was taken
  std::vector<std::string> parts_;
};

}  // namespace cgmm::report
