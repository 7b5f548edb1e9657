// SPDX-License-Identifier: Apache-2.0
#include "report/summary.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/units.hpp"
#include "report/layout.hpp"

namespace cgmm::report {
namespace {

/// The first row's cells by the names of their columns.
class Row {
 public:
  explicit Row(const core::Table& table) : table_(table) {}

  std::int64_t integer(std::string_view column) const {
    const auto* value = std::get_if<std::int64_t>(&cell(column));
    return value != nullptr ? *value : 0;
  }

  const core::Cell& cell(std::string_view column) const {
    static const std::vector<core::Cell> kNoRow;
    const auto at = std::ranges::find(table_.columns, column) - table_.columns.begin();
    return cell_at(table_.rows.empty() ? kNoRow : table_.rows.front(), static_cast<std::size_t>(at));
  }

 private:
  const core::Table& table_;
};

/// "60 433": from five digits on in groups of three.
std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  if (number < 10'000) return text;
  for (std::size_t at = text.size() - 3; at > 0; at = at > 3 ? at - 3 : 0) text.insert(at, " ");
  return text;
}

std::string count(std::int64_t number, std::string_view singular) {
  return grouped(number) + " " + std::string(singular) + (number == 1 ? "" : "s");
}

/// "7 days", "day", "36 hours", "90 minutes": the largest unit that divides it, else "1h 23m".
std::string span_in_words(std::int64_t span_us) {
  struct Unit {
    std::int64_t us;
    std::string_view name;
  };
  constexpr std::int64_t kMinuteUs = 60'000'000;
  constexpr auto kUnits =
      std::to_array<Unit>({{24 * 60 * kMinuteUs, "day"}, {60 * kMinuteUs, "hour"}, {kMinuteUs, "minute"}});
  for (const Unit& unit : kUnits) {
    if (span_us == unit.us) return std::string(unit.name);
    if (span_us > unit.us && span_us % unit.us == 0) return count(span_us / unit.us, unit.name);
  }
  return core::format_duration_us(span_us);
}

struct Window {
  std::int64_t since_us;
  std::int64_t until_us;
  bool until_is_now;
};

std::string when(const Row& row, const Window& window) {
  const std::int64_t begin_at_us = row.integer("history_begins_at_us");
  const std::string end = window.until_is_now ? "" : " until " + core::format_utc(window.until_us);
  // The first scan of an unbroken history may come up to an interval after the time asked for.
  if (begin_at_us - window.since_us > 2 * row.integer("interval_us") && begin_at_us < window.until_us) {
    return "Since the history begins at " + core::format_utc(begin_at_us) + end + ",";
  }
  const std::string span = span_in_words(window.until_us - window.since_us);
  return window.until_is_now ? "In the last " + span
                             : "In the " + span + " before " + core::format_utc(window.until_us);
}

std::string coverage(const Row& row, const Window& window) {
  const std::int64_t scans = row.integer("scans");
  const std::string begin = when(row, window);
  if (scans == 0) return begin + (begin.ends_with(',') ? "" : ",") + " there was no scan.";
  const std::int64_t cgroups = row.integer("cgroups");
  std::string text = begin + " " + count(scans, "scan") + " covered " +
                     human_cell("covered_pct", row.cell("covered_pct")) + " of the time";
  if (const std::int64_t gaps = row.integer("gaps"); gaps > 0) text += " (" + count(gaps, "gap") + ")";
  return text + " and saw " + (cgroups == 0 ? "no cgroup" : count(cgroups, "cgroup")) + ".";
}

/// What was freed, and in how many cgroups.
std::string freed(const Row& row) {
  const std::int64_t freed_bytes = row.integer("freed_bytes");
  if (freed_bytes <= 0) return "freed nothing";
  const std::int64_t cgroups = row.integer("cgroups_relieved");
  return "freed " + core::format_bytes(static_cast<std::uint64_t>(freed_bytes)) +
         (cgroups > 0 ? " in " + count(cgroups, "cgroup") : "");
}

std::string reclaims(const Row& row) {
  const std::int64_t total = row.integer("reclaims");
  const std::int64_t failed = row.integer("failed_reclaims");
  const std::int64_t dry = row.integer("dry_runs");
  const std::string dry_sentence = dry == 0 ? "" : "A dry run would have made " + count(dry, "reclaim") + ".";
  if (total == 0 && dry > 0) return dry_sentence;
  if (total == 0) return row.integer("scans") == 0 ? "" : "No reclaim was needed.";
  std::string text;
  if (failed >= total) {
    text = total == 1 ? "The only reclaim failed." : "All " + count(total, "reclaim") + " failed.";
  } else {
    text =
        count(total, "reclaim") + " " + freed(row) + (failed > 0 ? "; " + grouped(failed) + " failed." : ".");
  }
  return dry_sentence.empty() ? text : text + " " + dry_sentence;
}

std::string oom_kills(const Row& row) {
  const std::int64_t kills = row.integer("oom_kills");
  if (kills == 0) return row.integer("scans") == 0 ? "" : "No OOM kill was seen.";
  return count(kills, "OOM kill") + (kills == 1 ? " was seen." : " were seen.");
}

}  // namespace

std::string summary_sentence(const core::Table& summary_row, std::int64_t since_us, std::int64_t until_us,
                             bool until_is_now) {
  const Row row(summary_row);
  std::string text = coverage(row, {since_us, until_us, until_is_now});
  for (const std::string& sentence : {reclaims(row), oom_kills(row)}) {
    if (!sentence.empty()) text += " " + sentence;
  }
  return text;
}

}  // namespace cgmm::report
