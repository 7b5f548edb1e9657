// SPDX-License-Identifier: Apache-2.0
#pragma once

// Numbers of the format, for who writes and who reads it. docs/archive.md explains them.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "archive/chunk.hpp"

namespace cgmm::archive {

inline constexpr std::uint8_t kFormat = 1;  // the first byte
/// Of zstd. More takes twice the memory and saves less than a hundredth.
inline constexpr int kLevel = 1;

/// The kind of a column: one of the first three, with flags.
inline constexpr std::uint8_t kAllNull = 0;
inline constexpr std::uint8_t kConstant = 1;
inline constexpr std::uint8_t kVaries = 2;
inline constexpr std::uint8_t kKindMask = 3;
inline constexpr std::uint8_t kHasNulls = 4;
inline constexpr std::uint8_t kIsPlain = 8;  // the numbers themselves, else differences
inline constexpr std::uint8_t kIsRest = 16;  // beyond the sum of other columns of the same sample
/// The upper three bits: the numbers are divided by two to the power of this. Memory is counted in pages.
inline constexpr unsigned kShiftBits = 5;
inline constexpr int kMaxShift = 7;

/// A later version may have more columns than this one knows.
inline constexpr std::size_t kMaxColumns = 48;
/// No chunk is larger: kBlockScans numbers of ten bytes in kMaxColumns columns, and what is before them.
inline constexpr std::size_t kMaxPayloadBytes = 692 * 1024;
static_assert(kMaxPayloadBytes > kMaxColumns * (kBlockScans * 10 + kBlockScans / 8 + 6) + kBlockScans / 8 + 40);

/// A column that is much the same as the sum of others, which are not such sums of it in turn.
struct SumOf {
  std::size_t column;
  std::array<std::size_t, 3> parts;
};
constexpr std::size_t column_of(std::string_view name) {
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    if (kColumns[i] == name) return i;
  }
  throw "no such column";
}
inline constexpr std::array kSums = {
    SumOf{column_of("usage_kib"), {column_of("anon_kib"), column_of("file_kib"), column_of("kernel_kib")}},
    SumOf{column_of("file_kib"),
          {column_of("shmem_kib"), column_of("inactive_file_kib"), column_of("active_file_kib")}}};

/// nullptr: it is none.
constexpr const SumOf* sum_of(std::size_t column) {
  for (const SumOf& one : kSums) {
    if (one.column == column) return &one;
  }
  return nullptr;
}

}  // namespace cgmm::archive
