// SPDX-License-Identifier: Apache-2.0
#pragma once

// Parses the kernel's memory files. Keys must match completely ("file" is a prefix of "file_mapped"). Unknown keys are
// ignored, because new kernels add some. Text that no kernel writes is an error. Pure: any thread.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/values.hpp"

namespace cgmm::kernel {

/// A kernel file has unexpected content. what() names the line and what was expected. The reader of the file adds its
/// path.
class MalformedFile : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The keys of a file of "key number" lines, by the enumerators of Key. A small hash table, because a memory.stat has
/// 60 lines and is read for every cgroup in every scan.
template <class Key>
class KeyTable {
 public:
  static constexpr std::size_t kSize = core::Values<Key>::kSize;

  /// `keys`: separated by a space, in the order of the enumerators.
  explicit constexpr KeyTable(std::string_view keys) {
    for (std::size_t i = 0; i < kSize; ++i) {
      keys_[i] = keys.substr(0, keys.find(' '));
      keys.remove_prefix(std::min(keys_[i].size() + 1, keys.size()));
      std::size_t slot = hash(keys_[i]);
      while (slots_[slot] != 0) slot = (slot + 1) % kSlots;
      slots_[slot] = static_cast<std::uint8_t>(i + 1);
    }
  }

  constexpr std::optional<Key> find(std::string_view key) const {
    for (std::size_t slot = hash(key); slots_[slot] != 0; slot = (slot + 1) % kSlots) {
      const std::size_t i = slots_[slot] - 1U;
      if (keys_[i] == key) return static_cast<Key>(i);
    }
    return std::nullopt;
  }

 private:
  static constexpr std::size_t kSlots = 128;

  static constexpr std::size_t hash(std::string_view key) {
    if (key.empty()) return 0;
    const auto at = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(key[i])); };
    return (key.size() * 7 + at(0) * 31 + at(key.size() / 2) * 5 + at(key.size() - 1)) % kSlots;
  }

  std::array<std::string_view, kSize> keys_{};
  std::array<std::uint8_t, kSlots> slots_{};  // index into keys_ plus one; 0: free
};

/// On v1, no limit is 2^63 rounded down to a page. No machine has this much memory.
inline constexpr std::uint64_t kNoLimitFrom = std::uint64_t{1} << 62;

/// A number as the kernel writes it: only decimal digits, up to 2^63-1; nullopt for anything else.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// The content of a file with one number. Throws MalformedFile.
std::uint64_t parse_number_file(std::string_view text);

/// The content of a file with one limit; nullopt: no limit ("max", or on v1 a number from kNoLimitFrom on). Throws
/// MalformedFile.
std::optional<std::uint64_t> parse_limit_file(std::string_view text);

/// The stalled time from memory.pressure ("some avg10=... total=1234", and the same for "full").
struct Pressure {
  std::uint64_t some_us = 0;
  std::optional<std::uint64_t> full_us;  // kernels before 5.13 may lack the line
};
Pressure parse_pressure(std::string_view text);

/// Throws MalformedFile if the text is empty or its last line has no line feed: every kernel file ends with one.
void expect_whole_lines(std::string_view text);

[[noreturn]] void throw_malformed_line(std::size_t line_number, std::string_view line, std::string_view expected);

/// The values of the known keys, from a text of "key number" lines. Throws MalformedFile.
template <class Key>
core::Values<Key> parse_keyed(std::string_view text, const KeyTable<Key>& table) {
  expect_whole_lines(text);
  core::Values<Key> values;
  std::size_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    const std::size_t space = line.find(' ');
    const auto key = table.find(line.substr(0, space));
    if (!key) continue;
    const auto number = space == std::string_view::npos ? std::nullopt : parse_number(line.substr(space + 1));
    if (!number) throw_malformed_line(line_number, line, "a key and a number");
    values.set(*key, *number);
  }
  return values;
}

}  // namespace cgmm::kernel
