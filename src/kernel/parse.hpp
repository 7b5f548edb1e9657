// SPDX-License-Identifier: Apache-2.0
#pragma once

// Parses the kernel's memory files. Unknown keys are ignored, because new kernels add some. Text that no kernel writes
// is an error. Pure: any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cgmm::kernel {

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

/// If the text begins with the prefix, removes it and returns true.
bool drop_prefix(std::string_view& text, std::string_view prefix);

/// Removes the text up to the separator and returns it without that; all of it if there is none.
std::string_view take_word(std::string_view& text, char separator);

/// Whether one path is the other, or below it. "" and "/" are above all that begin with '/'.
bool is_at_or_below(std::string_view path, std::string_view ancestor);

/// The text with each byte that is written as this prefix and so many digits.
std::string unescaped(std::string_view text, std::string_view prefix, std::size_t digits, int base);

/// The content of a file with one number. Throws MalformedFile.
std::uint64_t parse_number_file(std::string_view text);

/// The same of a limit; nullopt: none ("max", or on v1 a number from kNoLimitFrom on).
std::optional<std::uint64_t> parse_limit_file(std::string_view text);

/// The stalled time from memory.pressure ("some avg10=... total=1234", and the same for "full").
struct Pressure {
  std::uint64_t some_us = 0;
  std::optional<std::uint64_t> full_us;  // kernels before 5.13 may lack the line
};
Pressure parse_pressure(std::string_view text);

/// The numbers of a file of "key number" lines. Holds views of the text.
class KeyedNumbers {
 public:
  /// Throws MalformedFile.
  explicit KeyedNumbers(std::string_view text);

  /// nullopt: there is no such key. Throws MalformedFile if it has no number. Quick if keys are asked for in the order
  /// of the file: a memory.stat has 60, and is read for every cgroup in every scan.
  std::optional<std::uint64_t> operator()(std::string_view key) const;

 private:
  std::vector<std::string_view> lines_;
  mutable std::size_t next_ = 0;  // the line to begin at
};

}  // namespace cgmm::kernel
