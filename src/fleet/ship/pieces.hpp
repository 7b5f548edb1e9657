// SPDX-License-Identifier: Apache-2.0
#pragma once

// From rows of the history to what is inserted: ClickHouse's TabSeparated, gzipped, in pieces of a bounded size. The
// same rows give the same bytes. One thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/table.hpp"
#include "net/gzip.hpp"

namespace cgmm::fleet {

/// What one insert takes.
struct Piece {
  std::string_view table;
  std::vector<std::string> columns;
  std::string gzipped_rows;
  std::int64_t row_count = 0;
  std::int64_t bytes = 0;  // of the rows before they were packed
};

struct PieceBounds {
  std::int64_t rows = 20'000;
  std::int64_t bytes = 4 << 20;
};

/// NULL is \N. The engine's numbers are integers: one with a fraction is rounded.
void append_cell(std::string& line, const core::Cell& cell);

/// The rows of one, of two rows or more, as two.
std::array<Piece, 2> halves_of(const Piece& piece);

/// A row is never cut: a piece has at most one row more than the bound of bytes allows.
class PieceWriter final : public core::RowSink {
 public:
  PieceWriter(std::string_view table, const PieceBounds& bounds) : table_(table), bounds_(bounds) {}

  void begin(const std::vector<std::string>& columns) override;
  void add(std::vector<core::Cell> row) override;
  /// All pieces; none where there was no row.
  std::vector<Piece> finish();

 private:
  void end_piece();

  std::string_view table_;
  PieceBounds bounds_;
  std::vector<std::string> columns_;
  std::vector<Piece> done_;
  net::GzipWriter packed_;
  std::string line_;
  std::int64_t row_count_ = 0;
  std::int64_t bytes_ = 0;
};

}  // namespace cgmm::fleet
