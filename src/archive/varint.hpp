// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whole numbers in as few bytes as they need: seven bits a byte, the lowest first; the highest bit says that more
// follow.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cgmm::archive {

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ (value < 0 ? ~std::uint64_t{0} : 0);
}
constexpr std::int64_t from_zigzag(std::uint64_t bits) {
  return static_cast<std::int64_t>((bits >> 1) ^ ((bits & 1) != 0 ? ~std::uint64_t{0} : 0));
}

/// Differences wrap around, so that every pair of numbers has one.
constexpr std::int64_t difference(std::int64_t from, std::int64_t to) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from));
}
constexpr std::int64_t sum(std::int64_t from, std::int64_t by) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(from) + static_cast<std::uint64_t>(by));
}

inline void put_varint(std::string& to, std::uint64_t bits) {
  for (; bits >= 0x80; bits >>= 7) to += static_cast<char>((bits & 0x7f) | 0x80);
  to += static_cast<char>(bits);
}

/// Moves `at` behind it. nullopt: there is none before `end`.
inline std::optional<std::uint64_t> get_varint(std::string_view from, std::size_t& at, std::size_t end) {
  if (at < end && static_cast<std::uint8_t>(from[at]) < 0x80) return static_cast<std::uint8_t>(from[at++]);  // most are
  std::uint64_t bits = 0;
  for (unsigned shift = 0; shift < 64 && at < end; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(from[at++]);
    if (shift == 63 && byte > 1) return std::nullopt;
    bits |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return bits;
  }
  return std::nullopt;
}

}  // namespace cgmm::archive
