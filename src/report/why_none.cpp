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

/// `first_us`, `last_us`: the hours that overlap the window.
std::string no_samples(const Row& record, std::int64_t first_us, std::int64_t last_us) {
  const std::string gone = "The samples of this window are gone.";
  const std::int64_t end_us = last_us + base::kHour_us;
  const auto first_whole_us = record.known("first_whole_us");
  if (!first_whole_us) return gone + " Averages of whole hours are left: ask with " + window(first_us, end_us) + ".";
  if (*first_whole_us < record.integer("last_whole_us")) return gone + " This is the answer from averages of hours.";
  const std::string one = gone + " The average of one hour is left, which does not tell what changed within the hour";
  if (record.integer("has_hour_before") != 0)
    return one + ": ask with " + window(first_us - base::kHour_us, end_us) + ".";
  if (record.integer("has_hour_after") != 0)
    return one + ": ask with " + window(first_us, end_us + base::kHour_us) + ".";
  return one + ".";
}

}  // namespace

bool has_window(const Report& report) { return report.sql.find(":since_us") != std::string::npos; }

std::string why_none(const core::Table& record, const Report& report) {
  const Row row(record);
  const auto first_us = row.known("first_hour_us"), last_us = row.known("last_hour_us");
  const bool has_hours = first_us && last_us;
  const bool is_before_scans = has_hours && !row.known("before_at_us");  // their scans are gone, too
  if (row.integer("has_scans") == 0 && !is_before_scans) return no_scan(row);
  const bool reads_hours = report.sql.find("sample_hour") != std::string::npos;
  if (row.integer("has_samples") != 0 || !has_hours || !reads_hours) return "";
  return no_samples(row, *first_us, *last_us);
}

}  // namespace cgmm::report
