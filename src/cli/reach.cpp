// SPDX-License-Identifier: Apache-2.0
#include "cli/reach.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/time.hpp"
#include "base/units.hpp"
#include "report/format/row.hpp"

namespace cgmm::cli {
namespace {

// Measured: bench/RESULTS.md, with the indexes and what else a scan takes.
constexpr double kSample_bytes = 70;
constexpr double kArchivedSample_bytes = 8;
constexpr double kHour_bytes = 120;
constexpr double kFarthest_days = 36'500;

double days(std::int64_t us) { return static_cast<double>(us) / static_cast<double>(base::kDay_us); }

/// What grows every day, until it is old enough to be deleted.
struct Growing {
  double bytes_a_day = 0;
  double days_left = 0;  // until the first of it is old enough
};

/// How many days it takes to fill `room_bytes`; nullopt: it never does.
std::optional<double> days_to_fill(double room_bytes, Growing one, Growing other) {
  if (one.days_left > other.days_left) std::swap(one, other);
  const double both = one.bytes_a_day + other.bytes_a_day;
  if (both > 0 && room_bytes < both * one.days_left) return std::max(room_bytes, 0.0) / both;
  room_bytes -= both * one.days_left;
  const double later = other.days_left - one.days_left;
  if (other.bytes_a_day > 0 && room_bytes < other.bytes_a_day * later)
    return one.days_left + std::max(room_bytes, 0.0) / other.bytes_a_day;
  return std::nullopt;
}

std::string date_of(std::int64_t at_us) { return base::format_utc(at_us).substr(0, 10); }

}  // namespace

std::int64_t file_bytes(const std::filesystem::path& file) {
  struct stat status{};
  return ::stat(file.c_str(), &status) == 0 ? static_cast<std::int64_t>(status.st_size) : 0;
}

std::int64_t history_bytes(const std::filesystem::path& database) {
  return file_bytes(database) + file_bytes(database.string() + "-wal");
}

Reach reach_of(const core::Table& status, const core::RetentionSettings& retention, std::int64_t size_bytes) {
  const report::Row row(status);
  Reach reach{.samples_from_at_us = row.known("samples_from_at_us"),
              .hours_from_at_us = row.known("hours_from_at_us"),
              .growth_a_day_bytes = {},
              .max_size_lasts = "not known yet"};
  const auto samples = row.known_bytes("samples_a_day"), hours = row.known_bytes("hours_a_day");
  const auto now_us = row.known("last_scan_at_us");
  if (!samples || !hours || !now_us) return reach;
  const auto left = [&](std::int64_t kept_us, const std::optional<std::int64_t>& from_at_us) {
    return std::max(days(kept_us - std::max<std::int64_t>(*now_us - from_at_us.value_or(*now_us), 0)), 0.0);
  };
  const Growing of_samples{static_cast<double>(*samples) * (retention.archive ? kArchivedSample_bytes : kSample_bytes),
                           left(retention.samples_us, reach.samples_from_at_us)};
  const Growing of_hours{static_cast<double>(*hours) * kHour_bytes, left(retention.hours_us, reach.hours_from_at_us)};
  reach.growth_a_day_bytes = static_cast<std::int64_t>(std::min(of_samples.bytes_a_day + of_hours.bytes_a_day, 1e18));
  const auto filled = days_to_fill(static_cast<double>(retention.max_size_bytes - size_bytes), of_samples, of_hours);
  reach.max_size_lasts =
      !filled || *filled > kFarthest_days
          ? "for all that is kept"
          : "until " + date_of(*now_us + static_cast<std::int64_t>(*filled * static_cast<double>(base::kDay_us)));
  return reach;
}

std::string in_words(const Reach& reach) {
  if (!reach.samples_from_at_us && !reach.hours_from_at_us) return "nothing is recorded yet";
  std::string text = reach.samples_from_at_us ? "samples since " + base::format_utc(*reach.samples_from_at_us)
                                              : std::string("no samples");
  text += reach.hours_from_at_us ? ", hours since " + base::format_utc(*reach.hours_from_at_us) : ", no hours yet";
  if (!reach.growth_a_day_bytes) return text + "; how fast it grows is not known yet";
  return text + "; a day takes about " + base::format_bytes(static_cast<std::uint64_t>(*reach.growth_a_day_bytes)) +
         "; max_size is enough " + reach.max_size_lasts;
}

}  // namespace cgmm::cli
