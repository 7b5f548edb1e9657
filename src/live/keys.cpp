// SPDX-License-Identifier: Apache-2.0
#include "live/keys.hpp"

#include "base/text.hpp"
#include "base/time.hpp"
#include "base/units.hpp"

namespace cgmm::live {
namespace {

constexpr std::size_t kLongest = 200;

void append_utf8(std::string& text, char32_t c) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6)), put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12)), put(0x80 | ((c >> 6) & 0x3f)), put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | (c >> 18)), put(0x80 | ((c >> 12) & 0x3f)), put(0x80 | ((c >> 6) & 0x3f)), put(0x80 | (c & 0x3f));
  }
}

void drop_last(std::string& text) {
  while (!text.empty()) {
    const bool is_first = (static_cast<unsigned char>(text.back()) & 0xc0) != 0x80;
    text.pop_back();
    if (is_first) return;
  }
}

/// "03:12" or "03:12:40": since midnight.
std::optional<std::int64_t> clock_time_us(std::string_view text) {
  if (text.size() < 4 || text.size() > 8 || text.find(':') == std::string_view::npos) return std::nullopt;
  const std::string padded = (text[1] == ':' ? "0" : "") + std::string(text);
  return base::parse_when("1970-01-01T" + padded, 0);
}

}  // namespace

void Prompt::press(Key key) {
  if (key == key::kBackspace) return drop_last(text);
  if (key >= 0x20 && key < key::kNone && key != 0x7f && text.size() < kLongest) append_utf8(text, key);
}

std::string_view Prompt::question() const {
  switch (what) {
    case For::filter:
      return "Only names with: ";
    case For::jump_forth:
      return "Forward by (10m, 2h) or to (03:12, 2026-11-23 03:12, UTC): ";
    default:
      return "Back by (10m, 2h) or to (03:12, 2026-11-23 03:12, UTC): ";
  }
}

std::optional<std::int64_t> jump_to(std::string_view text, bool is_forth, std::int64_t at_us, std::int64_t now_us) {
  if (const auto since_midnight_us = clock_time_us(text)) {
    const std::int64_t there_us = at_us / base::kDay_us * base::kDay_us + *since_midnight_us;
    if (is_forth) return there_us > at_us ? there_us : there_us + base::kDay_us;
    return there_us < at_us ? there_us : there_us - base::kDay_us;
  }
  if (const auto by_us = base::parse_duration_us(text)) {
    const bool has_unit = text.find_first_not_of("0123456789. ") != std::string_view::npos;
    if (has_unit || text.size() < 4) return is_forth ? at_us + *by_us : at_us - *by_us;
    return std::nullopt;  // a year?
  }
  return base::parse_when(text, now_us);
}

}  // namespace cgmm::live
