// SPDX-License-Identifier: Apache-2.0
#pragma once

// Numbers of the format, for who writes and who reads it. docs/archive.md explains them.

#include <cstddef>
#include <cstdint>

namespace cgmm::archive {

inline constexpr std::uint8_t kFormat = 1;  // the first byte
inline constexpr int kLevel = 3;            // of zstd

/// The kind of a column: one of the first three, the last one with flags.
inline constexpr std::uint8_t kAllNull = 0;
inline constexpr std::uint8_t kConstant = 1;
inline constexpr std::uint8_t kVaries = 2;
inline constexpr std::uint8_t kHasNulls = 4;
inline constexpr std::uint8_t kIsPlain = 8;  // the numbers themselves, else differences

/// A later version may have more columns than this one knows.
inline constexpr std::size_t kMaxColumns = 64;
/// No chunk is larger: 512 numbers of ten bytes in 64 columns.
inline constexpr std::size_t kMaxPayloadBytes = 400 * 1024;

}  // namespace cgmm::archive
