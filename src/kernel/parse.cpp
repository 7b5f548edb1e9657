// SPDX-License-Identifier: Apache-2.0
#include "kernel/parse.hpp"

#include <charconv>
#include <limits>

namespace cgmm::kernel {
namespace {

constexpr std::size_t kQuotedLength = 60;

/// At most kQuotedLength bytes of the text. The caller must escape it before printing.
std::string quoted(std::string_view text) {
  const bool cut = text.size() > kQuotedLength;
  return "\"" + std::string(text.substr(0, kQuotedLength)) + (cut ? "..." : "") + "\"";
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return number;
}

std::uint64_t parse_number_file(std::string_view text) {
  if (text.empty()) throw MalformedFile("is empty, expected a number");
  const auto number = parse_number(trimmed(text));
  if (!number) throw MalformedFile(quoted(trimmed(text)) + ": expected a number");
  return *number;
}

std::optional<std::uint64_t> parse_limit_file(std::string_view text) {
  if (text.empty()) throw MalformedFile("is empty, expected a number or \"max\"");
  if (trimmed(text) == "max") return std::nullopt;
  const auto number = parse_number(trimmed(text));
  if (!number) throw MalformedFile(quoted(trimmed(text)) + ": expected a number or \"max\"");
  if (*number >= kNoLimitFrom) return std::nullopt;
  return number;
}

Pressure parse_pressure(std::string_view text) {
  expect_whole_lines(text);
  std::optional<std::uint64_t> some_us;
  std::optional<std::uint64_t> full_us;
  std::size_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    const bool some = line.starts_with("some ");
    if (!some && !line.starts_with("full ")) continue;
    const std::size_t total = line.rfind(" total=");
    const auto number = total == std::string_view::npos
                            ? std::nullopt
                            : parse_number(line.substr(total + std::string_view{" total="}.size()));
    if (!number) throw_malformed_line(line_number, line, "\"some ... total=MICROSECONDS\"");
    (some ? some_us : full_us) = number;
  }
  if (!some_us) throw MalformedFile("has no line that begins with \"some\"");
  return {.some_us = *some_us, .full_us = full_us};
}

void expect_whole_lines(std::string_view text) {
  if (text.empty()) throw MalformedFile("is empty");
  if (text.back() != '\n') throw MalformedFile("ends in the middle of a line");
}

void throw_malformed_line(std::size_t line_number, std::string_view line, std::string_view expected) {
  throw MalformedFile("line " + std::to_string(line_number) + ": " + quoted(line) + ": expected " +
                      std::string(expected));
}

}  // namespace cgmm::kernel
