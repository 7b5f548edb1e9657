// SPDX-License-Identifier: Apache-2.0
#include "report/format/axis.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "base/time.hpp"
#include "base/units.hpp"

namespace cgmm::report {
namespace {

/// "768 MiB", "1.25 GiB": no superfluous digits.
std::string tick_label(double bytes) {
  constexpr auto kUnits = std::to_array<std::string_view>({"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"});
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  std::array<char, 64> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), bytes, std::chars_format::fixed, 2).ptr;
  std::string text(digits.begin(), end);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text + " " + std::string(kUnits[unit]);
}

/// The parts of "2026-11-23T03:12:00Z"; a year may have any length.
struct UtcParts {
  std::string year, month, day, time;
};

UtcParts utc_parts(double at_us) {
  constexpr auto kMonths = std::to_array<std::string_view>(
      {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"});
  const std::string text = base::format_utc(instant(at_us));
  const std::size_t t = text.find('T');
  if (t == std::string::npos || t < 7) return {.year = text, .month = "", .day = "", .time = ""};
  const auto month = static_cast<std::size_t>((text[t - 5] - '0') * 10 + (text[t - 4] - '0'));
  const std::string day = text.substr(t - 2, 2);
  return {.year = text.substr(0, t - 6),
          .month = std::string(kMonths[std::clamp<std::size_t>(month, 1, kMonths.size()) - 1]),
          .day = day.starts_with('0') ? day.substr(1) : day,
          .time = text.substr(t + 1, 8)};
}

std::string_view weekday(double at_us) {
  constexpr auto kDays = std::to_array<std::string_view>({"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"});
  const double day = std::fmod(std::floor(at_us / base::kDay_us), 7);
  return kDays[static_cast<std::size_t>(day < 0 ? day + 7 : day)];
}

/// How many labels fit beside each other, at most eight.
double most_ticks(double length_px, double step_us) {
  const double label = step_us < 60 * base::kSecond_us ? 8 : 6;  // "03:12:00", "23 Nov"
  return std::clamp(length_px / (label * kCharacter_px + kApart_px), 1.0, 8.0);
}

/// The smallest round step that gives no more labels than fit. Weeks begin on Monday.
double time_step_us(double range_us, double length_px) {
  constexpr auto kSteps_s =
      std::to_array<double>({1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200});
  constexpr auto kSteps_days = std::to_array<double>({1, 2, 7, 14, 28, 84, 182, 364});
  for (const double step : kSteps_s) {
    if (range_us / (step * base::kSecond_us) <= most_ticks(length_px, step * base::kSecond_us))
      return step * base::kSecond_us;
  }
  double step_us = base::kDay_us;
  for (const double days : kSteps_days) {
    step_us = days * base::kDay_us;
    if (range_us / step_us <= most_ticks(length_px, step_us)) return step_us;
  }
  while (range_us / step_us > most_ticks(length_px, step_us)) step_us *= 2;
  return step_us;
}

AxisTick time_tick(double at_us, double step_us, double share, std::string& last_below) {
  const UtcParts utc = utc_parts(at_us);
  AxisTick tick{.share = share, .label = "", .below = ""};
  if (step_us >= base::kDay_us) {
    tick.label = utc.day + " " + utc.month;
    tick.below = step_us >= 28 * base::kDay_us ? utc.year : std::string(weekday(at_us));
    return tick;
  }
  tick.label = step_us < 60 * base::kSecond_us ? utc.time : utc.time.substr(0, 5);
  const std::string day = utc.day + " " + utc.month;
  if (day != last_below) tick.below = day;
  last_below = day;
  return tick;
}

}  // namespace

double byte_step(double largest_bytes) {
  constexpr double kMostSteps = 5;
  double step = 1;
  while (largest_bytes / step > kMostSteps) step *= 2;
  return step;
}

std::vector<AxisTick> byte_ticks(double largest_bytes) {
  const double step = byte_step(largest_bytes);
  const auto count = static_cast<int>(std::max(std::ceil(largest_bytes / step), step == 1 ? 4.0 : 1.0));
  std::vector<AxisTick> ticks;
  for (int i = 0; i <= count; ++i) {
    ticks.push_back({.share = static_cast<double>(i) / count, .label = tick_label(step * i), .below = ""});
  }
  return ticks;
}

std::vector<AxisTick> time_ticks(std::int64_t from_at_us, std::int64_t to_at_us, double length_px) {
  constexpr double kOverhang_px = 12;              // what a label may reach over the end
  constexpr double kMondayUs = 4 * base::kDay_us;  // 1970-01-05
  const auto from_us = static_cast<double>(from_at_us), to_us = static_cast<double>(to_at_us);
  const double range_us = to_us - from_us;
  if (range_us <= 0) return {};
  const double step_us = time_step_us(range_us, length_px);
  const double base_us = step_us >= 7 * base::kDay_us ? kMondayUs : 0;
  std::vector<AxisTick> ticks;
  std::string day;
  const double first = std::ceil((from_us - base_us) / step_us);
  for (double i = first; base_us + i * step_us <= to_us; ++i) {
    const double at_us = base_us + i * step_us;
    AxisTick tick = time_tick(at_us, step_us, (at_us - from_us) / range_us, day);
    const double half_px = std::max(label_px(tick.label), label_px(tick.below)) / 2;
    if (tick.share * length_px + half_px > length_px + kOverhang_px) tick.label = tick.below = "";
    ticks.push_back(std::move(tick));
  }
  return ticks;
}

}  // namespace cgmm::report
