// SPDX-License-Identifier: Apache-2.0
#include "report/why_none.hpp"

#include "base/time.hpp"
#include "base/units.hpp"
#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

using base::format_time;

/// Options that can be typed.
std::string window(std::int64_t since_us, std::int64_t until_us) {
  return "`--since " + base::format_utc(since_us) + " --until " + base::format_utc(until_us) + "`";
}

std::string no_scan(const Row& record) {
  const auto begins_us = record.known("begins_at_us"), before_us = record.known("before_at_us"),
             after_us = record.known("after_at_us");
  if (!begins_us) return "The history is empty: `status` tells whether the service is running.";
  if (*begins_us >= record.integer("until_us")) {
    return "The history begins at " + format_time(*begins_us) + ", after this window: ask with `--since " +
           base::format_utc(*begins_us) + "`.";
  }
  const std::string none = "There was no scan in this window.";
  if (!before_us) return none;
  const std::string last = format_time(*before_us);
  if (after_us) {
    return none + " The last one before it was at " + last + ", the next one at " + format_time(*after_us) +
           ": ask with " + window(*before_us, *after_us + base::kSecond_us) + ".";
  }
  const std::int64_t length_us = computable(record.integer("until_us") - record.integer("since_us"));
  return none + " The last one was at " + last + ": ask with " +
         window(*before_us - length_us, *before_us + base::kSecond_us) +
         ". `status` tells whether the service is running.";
}

constexpr std::string_view kGone = "The samples of this window are gone";

/// `first_us`, `last_us`: the hours that overlap the window.
std::string ask_for_hours(std::int64_t first_us, std::int64_t last_us) {
  return std::string(kGone) + ". Averages of whole hours are left: ask with " +
         window(first_us, last_us + base::kHour_us) + ".";
}

/// Of a report that compares the end of the window with its begin.
std::string one_hour(const Row& record, std::int64_t hour_us) {
  const std::string one =
      std::string(kGone) + ". The average of one hour is left, which does not tell what changed within the hour";
  if (record.integer("has_hour_before") != 0)
    return one + ": ask with " + window(hour_us - base::kHour_us, hour_us + base::kHour_us) + ".";
  if (record.integer("has_hour_after") != 0)
    return one + ": ask with " + window(hour_us, hour_us + 2 * base::kHour_us) + ".";
  return one + ".";
}

/// Whether the answer needs two moments.
bool compares(const Report& report) { return report.name == "growth" || report.name == "biggest_growth"; }

bool reads(const Report& report, std::string_view what) {
  return report.sql.find("FROM " + std::string(what)) != std::string::npos ||
         report.sql.find("JOIN " + std::string(what)) != std::string::npos;
}

}  // namespace

bool has_window(const Report& report) { return report.sql.find(":since_us") != std::string::npos; }

std::string why_none(const core::Table& record, const Report& report) {
  const Row row(record);
  const auto first_us = row.known("first_hour_us"), last_us = row.known("last_hour_us");
  const bool has_hours = first_us && last_us;
  const bool is_before_scans = has_hours && !row.known("before_at_us");  // their scans are gone, too
  if (row.integer("has_scans") == 0 && !is_before_scans) return no_scan(row);
  if (row.integer("has_samples") != 0 || !has_hours) return "";
  if (report.sql.find("sample_hour") == std::string::npos)
    return reads(report, "sample ") ? std::string(kGone) + ", and averages of hours do not tell this." : "";
  if (compares(report) && *first_us == *last_us) return one_hour(row, *first_us);
  const auto first_whole_us = row.known("first_whole_us");
  const bool is_enough = first_whole_us && (!compares(report) || *first_whole_us < row.integer("last_whole_us"));
  if (!is_enough) return ask_for_hours(*first_us, *last_us);
  return std::string(kGone) + ". This is the answer from averages of hours.";
}

}  // namespace cgmm::report
