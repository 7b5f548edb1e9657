// SPDX-License-Identifier: Apache-2.0
#include "kernel/log_record.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "kernel/parse.hpp"

namespace cgmm::kernel {
namespace {

/// The kernel writes a byte that is not printable as \x and two hexadecimal digits.
std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    unsigned char byte = 0;
    const char* const end = text.data() + i + 4;
    if (text.substr(i).starts_with("\\x") && i + 3 < text.size() &&
        std::from_chars(end - 2, end, byte, 16).ptr == end) {
      c = static_cast<char>(byte);
      i += 3;
    }
    if (c == '\0') break;
    result += c;
  }
  return result;
}

}  // namespace

bool drop_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::uint64_t> take_number(std::string_view& text) {
  const std::size_t length = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_number(text.substr(0, length));
  if (number) text.remove_prefix(length);
  return number;
}

std::optional<LogRecord> parse_record(std::string_view raw) {
  LogRecord record;
  const auto priority = take_number(raw);
  if (!priority || *priority > std::numeric_limits<std::uint32_t>::max() || !drop_prefix(raw, ",")) return std::nullopt;
  record.priority = static_cast<unsigned>(*priority);
  const auto sequence = take_number(raw);
  if (!sequence || !drop_prefix(raw, ",")) return std::nullopt;
  record.sequence = *sequence;
  const auto at_us = take_number(raw);
  if (!at_us || !drop_prefix(raw, ",")) return std::nullopt;
  record.at_us = static_cast<std::int64_t>(*at_us);
  const std::size_t end_of_prefix = raw.find(';');
  const std::size_t end_of_line = std::min(raw.find('\n'), raw.size());
  if (end_of_prefix == 0 || end_of_prefix >= end_of_line) return std::nullopt;
  record.continued = raw[0] == 'c' || raw[0] == '+';
  record.text = unescaped(raw.substr(end_of_prefix + 1, std::min(end_of_line - end_of_prefix - 1, 4 * kMaxLogText)));
  if (record.text.size() > kMaxLogText) record.text.resize(kMaxLogText);
  return record;
}

}  // namespace cgmm::kernel
