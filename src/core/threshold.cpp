// SPDX-License-Identifier: Apache-2.0
#include "core/threshold.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/units.hpp"

namespace cgmm::core {
namespace {

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

/// "25", "12.5": digits, and a point between digits. No sign, exponent, "inf" or "nan".
std::optional<double> parse_percentage(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !is_digit(text.front()) || !is_digit(text.back())) return std::nullopt;
  double percent = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), percent, std::chars_format::fixed);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || percent > 100) return std::nullopt;
  return percent;
}

/// The exact share, rounded up. At most six decimals count, so that 33.3% of 1000 is 333, whatever a double makes of
/// it.
std::uint64_t share_bytes(std::uint64_t limit_bytes, double percent) {
  constexpr std::uint64_t kWhole = 100'000'000;  // 100%
  if (percent <= 0) return 0;
  if (percent >= 100) return limit_bytes;
  const auto parts = static_cast<std::uint64_t>(std::max(1LL, std::llround(percent * 1e6)));
  return limit_bytes / kWhole * parts + (limit_bytes % kWhole * parts + kWhole - 1) / kWhole;
}

}  // namespace

std::optional<Threshold> Threshold::parse(std::string_view text) {
  text = trimmed(text);
  if (text.ends_with('%')) {
    const auto percent = parse_percentage(trimmed(text.substr(0, text.size() - 1)));
    return percent ? std::optional{of_percent(*percent)} : std::nullopt;
  }
  const auto bytes = base::parse_size(text);
  return bytes ? std::optional{of_bytes(*bytes)} : std::nullopt;
}

std::optional<std::uint64_t> Threshold::bytes(std::optional<std::uint64_t> effective_limit_bytes) const {
  if (!is_percent()) return std::get<std::uint64_t>(value_);
  if (!effective_limit_bytes) return std::nullopt;
  return share_bytes(*effective_limit_bytes, std::get<double>(value_));
}

std::string Threshold::to_string() const {
  if (is_percent()) {
    std::array<char, 400> buffer{};  // fixed notation of the smallest double
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::get<double>(value_), std::chars_format::fixed);
    return std::string(buffer.data(), end.ptr) + "%";
  }
  constexpr std::array<std::string_view, 5> kUnits = {"", "KiB", "MiB", "GiB", "TiB"};
  std::uint64_t count = std::get<std::uint64_t>(value_);
  std::size_t unit = 0;
  for (; count != 0 && count % 1024 == 0 && unit + 1 < kUnits.size(); ++unit) count /= 1024;
  return std::to_string(count).append(kUnits[unit]);
}

}  // namespace cgmm::core
