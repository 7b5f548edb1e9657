// SPDX-License-Identifier: Apache-2.0
#include "kernel/parse.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace cgmm::kernel {
namespace {

constexpr std::size_t kQuotedLength = 60;
constexpr std::size_t kUsualLines = 64;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

/// Every kernel file ends with a line feed.
void expect_whole_lines(std::string_view text) {
  if (text.empty()) throw MalformedFile("is empty");
  if (text.back() != '\n') throw MalformedFile("ends in the middle of a line");
}

Number number_of(std::string_view text) {
  const auto value = parse_number(text);
  return {.value = value, .is_no_number = !value};
}

}  // namespace

std::string quoted(std::string_view text) {
  const bool cut = text.size() > kQuotedLength;
  return "\"" + std::string(text.substr(0, kQuotedLength)) + (cut ? "..." : "") + "\"";
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> take_number(std::string_view& text) {
  const std::size_t length = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_number(text.substr(0, length));
  if (number) text.remove_prefix(length);
  return number;
}

std::string_view take_word(std::string_view& text, char separator) {
  const std::string_view word = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

bool is_at_or_below(std::string_view path, std::string_view ancestor) {
  if (ancestor == "/") ancestor = "";
  return drop_prefix(path, ancestor) && (path.empty() || path.starts_with('/'));
}

Number parse_number_file(std::string_view text) {
  if (text.empty()) throw MalformedFile("is empty, expected a number");
  return number_of(trimmed(text));
}

Number parse_limit(std::string_view text) {
  text = trimmed(text);
  if (text == "max") return {};
  const bool is_digits = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!is_digits) return {.is_no_number = true};
  const auto number = parse_number(text);
  return {.value = number && *number < kNoLimitFrom ? number : std::nullopt};
}

std::optional<std::uint64_t> parse_limit_file(std::string_view text) {
  constexpr const char* kExpected = "expected a number or \"max\"";
  if (text.empty()) throw MalformedFile(std::string("is empty, ") + kExpected);
  const Number limit = parse_limit(text);
  if (limit.is_no_number) throw MalformedFile(quoted(trimmed(text)) + ": " + kExpected);
  return limit.value;
}

Pressure parse_pressure(std::string_view text) {
  expect_whole_lines(text);
  Pressure pressure;
  while (!text.empty()) {
    const std::string_view line = take_word(text, '\n');
    const bool some = line.starts_with("some ");
    if (!some && !line.starts_with("full ")) continue;
    const std::size_t total = line.rfind(" total=");
    (some ? pressure.some_us : pressure.full_us) =
        total == std::string_view::npos ? Number{.is_no_number = true}
                                        : number_of(line.substr(total + std::string_view{" total="}.size()));
  }
  if (pressure.some_us.is_absent()) throw MalformedFile("has no line that begins with \"some\"");
  return pressure;
}

KeyedNumbers::KeyedNumbers(std::string_view text) {
  expect_whole_lines(text);
  lines_.reserve(kUsualLines);
  while (!text.empty()) lines_.push_back(take_word(text, '\n'));
}

std::optional<std::string_view> KeyedNumbers::text_of(std::string_view key) const {
  for (std::size_t tried = 0; tried < lines_.size(); ++tried) {
    if (next_ == lines_.size()) next_ = 0;
    const std::string_view line = lines_[next_++];
    const bool ends_there = line.size() > key.size() ? line[key.size()] == ' ' : line.size() == key.size();
    if (!ends_there || !line.starts_with(key)) continue;
    return line.substr(std::min(key.size() + 1, line.size()));
  }
  return std::nullopt;
}

Number KeyedNumbers::operator()(std::string_view key) const {
  const auto text = text_of(key);
  if (!text) return {};
  const Number number = number_of(*text);
  if (number.is_no_number) no_numbers_.push_back({.file = "", .key = std::string(key), .text = quoted(*text)});
  return number;
}

}  // namespace cgmm::kernel
