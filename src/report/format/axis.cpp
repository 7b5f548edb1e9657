// SPDX-License-Identifier: Apache-2.0
#include "report/format/axis.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include "base/time.hpp"
#include "base/units.hpp"
#include "report/format/layout.hpp"

namespace cgmm::report {
namespace {

/// "768 MiB", "1.25 GiB": no superfluous digits.
std::string tick_label(double bytes) {
  constexpr auto kUnits = std::to_array<const char*>({" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"});
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return decimal(bytes, 2) + kUnits[unit];
}

/// In UTC, or in the machine's zone where that is shown.
std::string time_text(const char* format, double at_us) {
  const auto offset_us = static_cast<double>(base::shown_offset_us(static_cast<std::int64_t>(at_us)));
  const auto seconds = static_cast<std::time_t>(std::floor((at_us + offset_us) / base::kSecond_us));
  std::tm parts{};
  std::array<char, 64> text;
  if (::gmtime_r(&seconds, &parts) == nullptr) return "";
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

/// Whether labels at this distance fit beside each other, and are eight at most.
bool do_fit(double step_us, double range_us, double length_px) {
  const double characters = step_us < base::kMinute_us ? 8 : 6;  // "03:12:00", "23 Nov"
  return range_us / step_us <= std::clamp(length_px / (characters * kCharacter_px + kApart_px), 1.0, 8.0);
}

/// The smallest round step that gives no more labels than fit.
double time_step_us(double range_us, double length_px) {
  constexpr double kDay_s = 86'400;
  constexpr auto kSteps_s = std::to_array<double>(
      {1,          2,          5,           10,          15,          30,           60,          120,   300,
       600,        900,        1800,        3600,        7200,        10800,        21600,       43200, kDay_s,
       2 * kDay_s, 7 * kDay_s, 14 * kDay_s, 28 * kDay_s, 84 * kDay_s, 182 * kDay_s, 364 * kDay_s});
  for (const double step_s : kSteps_s) {
    if (do_fit(step_s * base::kSecond_us, range_us, length_px)) return step_s * base::kSecond_us;
  }
  double step_us = kSteps_s.back() * base::kSecond_us;
  while (!do_fit(step_us, range_us, length_px)) step_us *= 2;
  return step_us;
}

AxisTick time_tick(double at_us, double step_us, double share, std::string& last_day) {
  const std::string day = time_text("%-d %b", at_us);
  if (step_us >= base::kDay_us) {
    return {.share = share, .label = day, .below = time_text(step_us >= 28.0 * base::kDay_us ? "%Y" : "%a", at_us)};
  }
  const bool is_new_day = day != last_day;
  last_day = day;
  return {.share = share,
          .label = time_text(step_us < base::kMinute_us ? "%H:%M:%S" : "%H:%M", at_us),
          .below = is_new_day ? day : ""};
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
  constexpr double kOverhang_px = 12;                 // what a label may reach over the end
  constexpr double kMonday_us = 4.0 * base::kDay_us;  // 1970-01-05: weeks begin on Monday
  const auto from_us = static_cast<double>(from_at_us), to_us = static_cast<double>(to_at_us);
  const double range_us = to_us - from_us;
  if (range_us <= 0) return {};
  const double step_us = time_step_us(range_us, length_px);
  const double base_us =
      (step_us >= 7 * base::kDay_us ? kMonday_us : 0.0) - static_cast<double>(base::shown_offset_us(from_at_us));
  std::vector<AxisTick> ticks;
  std::string day;
  for (double i = std::ceil((from_us - base_us) / step_us); base_us + i * step_us <= to_us; ++i) {
    const double at_us = base_us + i * step_us;
    AxisTick tick = time_tick(at_us, step_us, (at_us - from_us) / range_us, day);
    const double half_px = std::max(label_px(tick.label), label_px(tick.below)) / 2;
    if (tick.share * length_px + half_px > length_px + kOverhang_px) tick.label = tick.below = "";
    ticks.push_back(std::move(tick));
  }
  return ticks;
}

}  // namespace cgmm::report
