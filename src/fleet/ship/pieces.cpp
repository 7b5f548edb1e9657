// SPDX-License-Identifier: Apache-2.0
#include "fleet/ship/pieces.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>
#include <variant>

namespace cgmm::fleet {
namespace {

void append_number(std::string& line, std::int64_t number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  line.append(digits.data(), end);
}

std::int64_t rounded(double number) {
  constexpr double kEnd = 9223372036854775808.0;  // 2^63
  if (number >= kEnd) return std::numeric_limits<std::int64_t>::max();
  if (number < -kEnd) return std::numeric_limits<std::int64_t>::min();
  return std::llround(number);
}

void append_text(std::string& line, std::string_view text) {
  constexpr std::string_view kSpecial("\\\t\n\r\0", 5);
  constexpr std::string_view kEscapes = "\\tnr0";
  for (std::size_t at = text.find_first_of(kSpecial); at != std::string_view::npos; at = text.find_first_of(kSpecial)) {
    line.append(text.substr(0, at));
    line += '\\';
    line += kEscapes[kSpecial.find(text[at])];
    text.remove_prefix(at + 1);
  }
  line.append(text);
}

}  // namespace

void append_cell(std::string& line, const core::Cell& cell) {
  if (const auto* number = std::get_if<std::int64_t>(&cell)) {
    append_number(line, *number);
  } else if (const auto* text = std::get_if<std::string>(&cell)) {
    append_text(line, *text);
  } else if (const auto* real = std::get_if<double>(&cell)) {
    append_number(line, rounded(*real));
  } else {
    line += "\\N";
  }
}

std::array<Piece, 2> halves_of(const Piece& piece) {
  std::string text;
  if (net::gunzip(piece.gzipped_rows, static_cast<std::size_t>(piece.bytes), text) != net::Unpacked::whole)
    throw std::logic_error("a piece is not whole");
  std::size_t end = 0;  // of the first half; a line break in a row is escaped
  for (std::int64_t i = 0; i < piece.row_count / 2; ++i) end = text.find('\n', end) + 1;
  const auto part = [&](std::string_view rows, std::int64_t row_count) {
    net::GzipWriter packed;
    packed.write(rows);
    return Piece{.table = piece.table,
                 .columns = piece.columns,
                 .gzipped_rows = packed.finish(),
                 .row_count = row_count,
                 .bytes = std::ssize(rows)};
  };
  const std::string_view rows = text;
  return {part(rows.substr(0, end), piece.row_count / 2),
          part(rows.substr(end), piece.row_count - piece.row_count / 2)};
}

void PieceWriter::begin(const std::vector<std::string>& columns) {
  if (row_count_ > 0) packed_.finish();
  row_count_ = bytes_ = 0;
  done_.clear();
  columns_ = columns;
}

void PieceWriter::add(std::vector<core::Cell> row) {
  line_.clear();
  for (const core::Cell& cell : row) {
    append_cell(line_, cell);
    line_ += '\t';
  }
  line_.back() = '\n';
  packed_.write(line_);
  bytes_ += std::ssize(line_);
  ++row_count_;
  if (row_count_ >= bounds_.rows || bytes_ >= bounds_.bytes) end_piece();
}

void PieceWriter::end_piece() {
  done_.push_back({.table = table_,
                   .columns = columns_,
                   .gzipped_rows = packed_.finish(),
                   .row_count = std::exchange(row_count_, 0),
                   .bytes = std::exchange(bytes_, 0)});
}

std::vector<Piece> PieceWriter::finish() {
  if (row_count_ > 0) end_piece();
  return std::exchange(done_, {});
}

}  // namespace cgmm::fleet
