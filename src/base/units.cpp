// SPDX-License-Identifier: Apache-2.0
#include "base/units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>

#include "base/time.hpp"

namespace cgmm::base {
namespace {

constexpr std::uint64_t kMaxBytes = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kMaxDuration_us = 1000 * 31'557'600'000'000;  // 1000 years of 365.25 days

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view take_while(std::string_view& text, bool (*wanted)(char)) {
  const auto end = std::find_if_not(text.begin(), text.end(), wanted);
  const auto taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(taken.size());
  return taken;
}

/// Takes "12" or "12.5" off the front of `text`: no sign, no exponent, digits on both sides of the point. A double
/// would lose bytes from 2^53 on.
std::optional<long double> take_number(std::string_view& text) {
  const char* const begin = text.data();
  bool is_number = !take_while(text, is_digit).empty();
  if (is_number && text.starts_with('.')) {
    text.remove_prefix(1);
    is_number = !take_while(text, is_digit).empty();
  }
  long double number = 0;
  is_number = is_number && std::from_chars(begin, text.data(), number, std::chars_format::fixed).ec == std::errc{};
  return is_number ? std::optional(number) : std::nullopt;
}

/// number * unit, rounded to the nearest; nullopt over `max`.
std::optional<std::uint64_t> scaled(long double number, std::uint64_t unit, std::uint64_t max) {
  const long double rounded = std::round(number * static_cast<long double>(unit));
  return rounded <= static_cast<long double>(max) ? std::optional(static_cast<std::uint64_t>(rounded)) : std::nullopt;
}

/// Bytes in "", "b", "k", "kb", "ki", "kib", ... "eib", in any case.
std::optional<std::uint64_t> size_unit_bytes(std::string_view text) {
  std::string unit(text);
  std::ranges::transform(unit, unit.begin(), lower);
  if (unit.empty() || unit == "b") return 1;
  const auto exponent = std::string_view("kmgtpe").find(unit[0]);
  unit.erase(0, 1);
  const bool binary = unit == "i" || unit == "ib";
  if (exponent == std::string_view::npos || (!binary && !unit.empty() && unit != "b")) return std::nullopt;
  std::uint64_t bytes = 1;
  for (std::size_t i = 0; i <= exponent; ++i) bytes *= binary ? 1024U : 1000U;
  return bytes;
}

struct DurationUnit {
  std::string_view name;
  std::uint64_t us;
};
constexpr std::array<DurationUnit, 6> kDurationUnits = {
    {{"d", kDay_us}, {"h", kHour_us}, {"m", kMinute_us}, {"s", kSecond_us}, {"ms", 1'000}, {"us", 1}}};

/// "12.3" of 12'345 in thousands, "12" of 12'000: cut off, not rounded, so that 59.99 s is never "60 s".
std::string with_tenth(std::uint64_t value, std::uint64_t unit) {
  const std::uint64_t tenth = value % unit * 10 / unit;
  return std::to_string(value / unit) + (tenth == 0 ? "" : "." + std::to_string(tenth));
}

/// "3m 20s": the largest unit and, where there is some of it, the one below.
std::string in_two_parts(std::uint64_t us) {
  std::size_t i = 0;
  while (us < kDurationUnits[i].us) ++i;
  const auto& [name, unit] = kDurationUnits[i];
  const auto& [next_name, next_unit] = kDurationUnits[i + 1];
  std::string text = std::to_string(us / unit).append(name);
  if (const auto rest = us % unit / next_unit; rest > 0)
    text.append(" ").append(std::to_string(rest)).append(next_name);
  return text;
}

bool shows_local_time = false;  // src/EXCEPTIONS.md says why

/// "+01:00"
std::string offset_text(std::int64_t offset_us) {
  const auto minutes = std::abs(offset_us) / kMinute_us;
  const auto two_digits = [](std::int64_t number) { return std::to_string(100 + number).substr(1); };
  return (offset_us < 0 ? "-" : "+") + two_digits(minutes / 60) + ":" + two_digits(minutes % 60);
}

std::optional<std::int64_t> parse_instant_us(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00.000000";  // 0: any digit
  constexpr std::size_t kDate = 10, kToMinute = 16, kToSecond = 19;
  std::string full(text);
  if (full.size() > kToMinute && full.back() == 'Z') full.pop_back();
  if (full.size() > kDate && full[kDate] == ' ') full[kDate] = 'T';
  while (full.size() > kShape.size() && is_digit(full.back())) full.pop_back();  // finer than a microsecond
  const std::size_t given = full.size();
  if (given != kDate && given != kToMinute && given != kToSecond && given <= kToSecond + 1) return std::nullopt;
  full += kShape.substr(std::min(given, kShape.size()));
  const auto fits = [](char place, char c) { return place == '0' ? is_digit(c) : place == c; };
  if (!std::equal(kShape.begin(), kShape.end(), full.begin(), full.end(), fits)) return std::nullopt;

  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = 0;
    std::from_chars(full.data() + at, full.data() + at + digits, value);
    return value;
  };
  using namespace std::chrono;
  const year_month_day date{year{number(0, 4)}, month{static_cast<unsigned>(number(5, 2))},
                            day{static_cast<unsigned>(number(8, 2))}};
  const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const auto time = hours{hour} + minutes{minute} + seconds{second} + microseconds{number(20, 6)};
  return microseconds{sys_days{date}.time_since_epoch() + time}.count();
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  text = trim(text);
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  const auto unit_bytes = size_unit_bytes(trim(text));
  if (!unit_bytes) return std::nullopt;
  return scaled(*number, *unit_bytes, kMaxBytes);
}

std::optional<std::int64_t> parse_duration_us(std::string_view text) {
  text = trim(text);
  std::uint64_t total_us = 0;
  std::size_t next_unit = 0;  // "1h30m", but neither "30m1h" nor "1h2h"
  do {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    text = trim(text);
    auto name = take_while(text, [](char c) { return !is_digit(c) && !is_space(c); });
    if (name.empty() && text.empty() && next_unit == 0) name = "s";
    const auto unit = std::find_if(kDurationUnits.begin() + static_cast<std::ptrdiff_t>(next_unit),
                                   kDurationUnits.end(), [&](const auto& u) { return u.name == name; });
    if (unit == kDurationUnits.end()) return std::nullopt;
    const auto us = scaled(*number, unit->us, kMaxDuration_us - total_us);
    if (!us) return std::nullopt;
    total_us += *us;
    next_unit = static_cast<std::size_t>(unit - kDurationUnits.begin()) + 1;
    text = trim(text);
  } while (!text.empty());
  return static_cast<std::int64_t>(total_us);
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  std::uint64_t unit = 1;
  std::uint64_t tenths = 0;
  std::size_t i = 0;
  do {
    unit *= 1024;
    tenths = bytes / unit * 10 + (bytes % unit * 10 + unit / 2) / unit;
  } while (tenths >= 10'240 && ++i < kUnits.size());  // after rounding: 1 MiB - 1 B is not "1024.0 KiB"
  return (std::to_string(tenths / 10) + "." + std::to_string(tenths % 10)).append(kUnits[i]);
}

std::string format_duration_us(std::int64_t duration_us) {
  const std::string sign = duration_us < 0 ? "-" : "";
  // Without a sign, because the most negative one has no positive counterpart.
  const std::uint64_t us =
      duration_us < 0 ? -static_cast<std::uint64_t>(duration_us) : static_cast<std::uint64_t>(duration_us);
  if (us == 0) return "0 s";
  if (us < 1'000) return sign + std::to_string(us) + " us";
  if (us < kSecond_us) return sign + with_tenth(us, 1'000) + " ms";
  if (us < kMinute_us) return sign + with_tenth(us, kSecond_us) + " s";
  return sign + in_two_parts(us);
}

std::string span_in_words(std::int64_t span_us) {
  for (const auto& [unit_us, name] : {std::pair{kDay_us, "day"}, {kHour_us, "hour"}, {kMinute_us, "minute"}}) {
    if (span_us == unit_us) return name;
    if (span_us > unit_us && span_us % unit_us == 0) return counted(span_us / unit_us, name);
  }
  return format_duration_us(span_us);
}

std::string duration_setting(std::int64_t duration_us) {
  if (duration_us == 0) return "0s";
  const auto divides = [&](const DurationUnit& unit) { return duration_us % static_cast<std::int64_t>(unit.us) == 0; };
  const auto& [name, us] = *std::find_if(kDurationUnits.begin(), kDurationUnits.end(), divides);
  return std::to_string(duration_us / static_cast<std::int64_t>(us)).append(name);
}

std::string format_utc(std::int64_t at_us, bool with_ms) {
  using namespace std::chrono;
  // Years have four digits; what a damaged database holds beyond them becomes the first or the last instant.
  constexpr auto kFirst = sys_time<microseconds>{sys_days{year{0} / January / 1}};
  constexpr auto kLast = sys_time<microseconds>{sys_days{year{10'000} / January / 1}} - microseconds{1};
  const auto at = std::clamp(sys_time<microseconds>{microseconds{at_us}}, kFirst, kLast);
  const auto midnight = floor<days>(at);
  const year_month_day date{midnight};
  const hh_mm_ss<microseconds> time{at - midnight};

  char text[128];
  const int length = std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02ld:%02ld:%02ld.%03ld", int{date.year()},
                                   unsigned{date.month()}, unsigned{date.day()}, time.hours().count(),
                                   time.minutes().count(), time.seconds().count(), time.subseconds().count() / 1000);
  return std::string(text, static_cast<std::size_t>(with_ms ? length : length - 4)) + "Z";
}

void show_local_time(bool does) {
  ::tzset();
  shows_local_time = does;
}

std::int64_t shown_offset_us(std::int64_t at_us) {
  if (!shows_local_time) return 0;
  const auto seconds = static_cast<std::time_t>(at_us / kSecond_us - (at_us % kSecond_us < 0 ? 1 : 0));
  std::tm parts{};
  return ::localtime_r(&seconds, &parts) != nullptr ? parts.tm_gmtoff * kSecond_us : 0;
}

std::string shown_zone(std::int64_t at_us) {
  return shows_local_time ? "UTC" + offset_text(shown_offset_us(at_us)) : "UTC";
}

std::string format_time(std::int64_t at_us, bool with_ms) {
  if (!shows_local_time) return format_utc(at_us, with_ms);
  const std::int64_t offset_us = shown_offset_us(at_us);
  std::int64_t local_us = 0;
  if (__builtin_add_overflow(at_us, offset_us, &local_us)) return format_utc(at_us, with_ms);
  std::string text = format_utc(local_us, with_ms);
  text[text.find('T')] = ' ';
  text.back() = ' ';
  return text + offset_text(offset_us);
}

std::string format_utc_exact(std::int64_t at_us) {
  std::string text = format_utc(at_us, /*with_ms=*/true);
  const std::string below_ms = std::to_string(1000 + (at_us % 1000 + 1000) % 1000).substr(1);
  return text.insert(text.size() - 1, below_ms);
}

std::optional<std::int64_t> parse_when(std::string_view text, std::int64_t now_us) {
  text = trim(text);
  if (text == "now") return now_us;
  if (text.empty()) return std::nullopt;
  // A bare number is no duration here: in `--since 2026` a year is meant, not 2026 seconds.
  if (!is_digit(text.back())) {
    if (const auto ago_us = parse_duration_us(text)) return now_us - *ago_us;
  }
  return parse_instant_us(text);
}

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  if (number < 10'000) return text;
  for (std::size_t at = text.size() - 3; at > 0; at = at > 3 ? at - 3 : 0) text.insert(at, " ");
  return text;
}

std::string counted_of(std::int64_t number, std::string_view singular, std::string_view plural) {
  std::string text = grouped(number).append(" ");
  if (number != 1 && !plural.empty()) return text.append(plural);
  return text.append(singular).append(number == 1 ? "" : "s");
}

}  // namespace cgmm::base
