// SPDX-License-Identifier: Apache-2.0
#pragma once

// Parses the kernel's memory files. Unknown keys are ignored, because new kernels add some. Text that no kernel writes
// is an error; a value that is no number is one value less. Pure: any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"

namespace cgmm::kernel {

using base::drop_prefix;
using base::unescaped;

/// what() names the line and what was expected. The reader of the file adds its path.
class MalformedFile : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// On v1, no limit is 2^63 rounded down to a page. No machine has this much memory.
inline constexpr std::uint64_t kNoLimitFrom = std::uint64_t{1} << 62;

/// A number as the kernel writes it: only decimal digits, up to 2^63-1; nullopt for anything else.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// Removes the number at the begin of the text and returns it.
std::optional<std::uint64_t> take_number(std::string_view& text);

/// Removes the text up to the separator and returns it without that; all of it if there is none.
std::string_view take_word(std::string_view& text, char separator);

/// Whether one path is the other, or below it. "" and "/" are above all that begin with '/'.
bool is_at_or_below(std::string_view path, std::string_view ancestor);

/// A value as a file has it.
struct Number {
  std::optional<std::uint64_t> value;
  bool is_no_number = false;  // negative, over 2^63-1, or no digits; else a missing value is not in the file at all

  bool is_absent() const { return !value && !is_no_number; }
};

/// Of a value that is no number: what is there instead.
struct NoNumber {
  std::string file;
  std::string key;   // empty: the file has one number
  std::string text;  // its first bytes, in quotes
};

/// The content of a file with one number. Throws MalformedFile if it is empty.
Number parse_number_file(std::string_view text);

/// The text of a limit. Without a value there is none: "max", or a number from kNoLimitFrom on, however large.
Number parse_limit(std::string_view text);

/// The content of a file with a limit; nullopt: none. Throws MalformedFile.
std::optional<std::uint64_t> parse_limit_file(std::string_view text);

/// At most the first 60 bytes of the text. The caller must escape it before printing.
std::string quoted(std::string_view text);

/// The stalled time from memory.pressure ("some avg10=... total=1234", and the same for "full").
struct Pressure {
  Number some_us;
  Number full_us;  // kernels before 5.13 may lack the line
};
/// Throws MalformedFile if there is no line "some".
Pressure parse_pressure(std::string_view text);

/// The numbers of a file of "key number" lines. Holds views of the text.
class KeyedNumbers {
 public:
  /// Throws MalformedFile.
  explicit KeyedNumbers(std::string_view text);

  /// Quick if keys are asked for in the order of the file: a memory.stat has 60, and is read for every cgroup in every
  /// scan.
  Number operator()(std::string_view key) const;

  /// What follows the key; nullopt: there is no such key.
  std::optional<std::string_view> text_of(std::string_view key) const;

  /// Of the keys that were asked for, those whose value is no number. Their `file` is empty.
  const std::vector<NoNumber>& no_numbers() const { return no_numbers_; }

 private:
  std::vector<std::string_view> lines_;
  mutable std::vector<NoNumber> no_numbers_;
  mutable std::size_t next_ = 0;  // the line to begin at
};

}  // namespace cgmm::kernel
