// SPDX-License-Identifier: Apache-2.0
#pragma once

// CSV and JSON, row by row: a long answer is never in memory as a table. Only its text is, in parts, because nothing
// may be written before the answer is complete. Pure: any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/table.hpp"
#include "report/format/render.hpp"

namespace cgmm::report {

class RowWriter final : public core::RowSink {
 public:
  /// `format` is csv or json.
  RowWriter(Format format, std::string title) : format_(format), title_(std::move(title)) {}

  void begin(const std::vector<std::string>& columns) override;
  void add(std::vector<core::Cell> row) override;
  /// The whole text, to be written one part after the other. No row may follow.
  std::vector<std::string> finish();

 private:
  void append(std::string_view text);

  Format format_;
  std::string title_;
  std::vector<std::string> keys_;  // the columns; in JSON with other names for those that repeat
  std::int64_t row_count_ = 0;
  std::vector<std::string> parts_;
};

}  // namespace cgmm::report
