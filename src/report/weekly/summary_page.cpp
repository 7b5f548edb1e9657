// SPDX-License-Identifier: Apache-2.0
#include "report/weekly/summary_page.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "base/time.hpp"
#include "base/units.hpp"
#include "core/advice.hpp"
#include "report/format/html.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

Tile freed_tile(const Row& row) {
  const std::int64_t reclaims = row.integer("reclaims"), failed = row.integer("failed_reclaims");
  const std::int64_t dry_runs = row.integer("dry_runs");
  std::string remark = base::counted(reclaims, "reclaim");
  if (const std::int64_t cgroups = row.integer("cgroups_relieved"); cgroups > 0)
    remark += " in " + base::counted(cgroups, "cgroup");
  if (failed > 0) remark += ", " + std::to_string(failed) + " failed";
  if (dry_runs > 0) remark += ", " + std::to_string(dry_runs) + " more in a dry run";
  return {"Freed", base::format_bytes(row.bytes("freed_bytes")), remark, reclaims > 0 && failed == reclaims};
}

Tile read_back_tile(const Row& row) {
  const std::uint64_t freed = row.bytes("watched_freed_bytes"), back = row.bytes("refaulted_bytes");
  if (freed == 0) return {"Read back", "not known", "no reclaim was observed for long enough", false};
  return {"Read back", back == 0 ? "0 %" : core::in_percent(back, freed),
          base::format_bytes(back) + " of " + base::format_bytes(freed), false};
}

Tile stayed_free_tile(const Row& row) {
  const std::uint64_t freed = row.bytes("observed_freed_bytes");
  if (freed == 0) return {"Stayed free", "not known", "no reclaim was observed", false};
  return {
      "Stayed free", base::format_bytes(row.bytes("stayed_free_bytes")),
      "of " + base::format_bytes(freed) + "; held: " + human_cell("held_byte_seconds", row.cell("held_byte_seconds")),
      false};
}

std::string tiles(const core::Table& summary) {
  const Row row(summary);
  if (row.integer("scans") == 0 && row.integer("reclaims") == 0) return "";
  const std::int64_t kills = row.integer("oom_kills"), gaps = row.integer("gaps");
  std::vector<Tile> tiles{freed_tile(row)};
  if (row.integer("reclaims") > 0) {
    tiles.push_back(read_back_tile(row));
    tiles.push_back(stayed_free_tile(row));
  }
  tiles.push_back(
      {"OOM kills", std::to_string(kills), kills == 0 ? "none was seen" : "see the table below", kills > 0});
  if (const std::int64_t stuck = row.integer("stuck_throttled") + row.integer("stuck_under_oom"); stuck > 0)
    tiles.push_back({"Stuck, not killed", std::to_string(stuck), "`incident` lists them", true});
  tiles.push_back({"Time covered", human_cell("covered_pct", row.cell("covered_pct")),
                   gaps == 0 ? "by " + base::counted(row.integer("scans"), "scan") : base::counted(gaps, "gap"),
                   false});
  return html_tiles(tiles);
}

/// The time of one bar: long enough that there are not too many.
struct Slot {
  std::int64_t us;
  std::string_view name;
};

Slot slot_for(std::int64_t range_us) {
  constexpr std::int64_t kMostBars = 170;
  for (const Slot& slot : {Slot{base::kHour_us, "hour"},
                           {3 * base::kHour_us, "3 hours"},
                           {6 * base::kHour_us, "6 hours"},
                           {12 * base::kHour_us, "12 hours"},
                           {base::kDay_us, "day"},
                           {7 * base::kDay_us, "week"}}) {
    if (range_us / slot.us < kMostBars) return slot;
  }
  return {range_us / kMostBars / base::kHour_us * base::kHour_us, "period"};
}

std::int64_t slot_of(const Slot& slot, std::int64_t at_us) {
  constexpr std::int64_t kMonday_us = 4 * base::kDay_us;  // 1970-01-05: a week begins on Monday
  const std::int64_t behind = (at_us - kMonday_us) % slot.us;
  return at_us - behind - (behind < 0 ? slot.us : 0);
}

/// The sum of `column` in each slot from the first to the last.
Series bars(const core::Table& by_hour, std::string_view column, std::string label, const Slot& slot,
            const SvgChart& chart) {
  Series series{.label = std::move(label), .points = {}, .kind = Series::Kind::bars, .bar_us = slot.us};
  const std::int64_t first_at_us = slot_of(slot, chart.from_at_us);
  for (std::int64_t at_us = first_at_us; at_us < chart.to_at_us; at_us += slot.us)
    series.points.push_back({at_us, 0.0});
  for (const Row row : rows_of(by_hour)) {
    const std::int64_t at = (slot_of(slot, row.integer("at_us")) - first_at_us) / slot.us;
    if (at < 0 || at >= static_cast<std::int64_t>(series.points.size())) continue;
    *series.points[static_cast<std::size_t>(at)].value += static_cast<double>(row.bytes(column));
  }
  return series;
}

/// "": there is nothing to show.
std::string chart_of(const SummaryPage& page, const TimeAsked& asked) {
  if (page.reclaims_by_hour.rows.empty() && page.oom_kills.rows.empty()) return "";
  const std::int64_t begin_at_us = Row(page.summary).integer("history_begins_at_us");
  SvgChart chart{.from_at_us = asked.since_us,
                 .to_at_us = asked.until_us,
                 .series = {},
                 .marks = kill_marks(page.oom_kills),
                 .bands = gap_bands(page.gaps)};
  const std::int64_t range_us = asked.until_us - std::max(asked.since_us, begin_at_us);
  const Slot slot = slot_for(range_us);
  if (begin_at_us > asked.since_us && begin_at_us < asked.until_us) chart.from_at_us = begin_at_us;
  chart.series = {bars(page.reclaims_by_hour, "freed_bytes", "freed", slot, chart),
                  bars(page.reclaims_by_hour, "refaulted_bytes", "read back of it", slot, chart)};
  return html_section("Freed in each " + std::string(slot.name), svg_chart(chart));
}

/// What to look at first after a night; "": nothing was killed.
std::string last_kill(const core::Table& oom_kills) {
  const Row last(oom_kills);
  if (oom_kills.rows.empty() || !last.known("id")) return "";
  const std::string cgroup = last.text("cgroup"), victim = last.text("victim_comm");
  const std::string whom = !cgroup.empty() ? cgroup : !victim.empty() ? victim : "a process outside of what is tracked";
  return html_paragraph("The last OOM kill was that of " + whom + " at " +
                        base::format_time(last.integer("killed_at_us")) + ": `incident show " +
                        std::to_string(last.integer("id")) + "` tells why.");
}

}  // namespace

std::string title_of_node(std::string_view title, const core::Table& status) {
  const std::string node = Row(status).text("node");
  return std::string(title) + (node.empty() ? "" : " of " + node);
}

std::vector<Series> memory_series(MemoryPoints points) {
  Series highest{.label = "highest usage", .points = {}};
  bool has_peaks = false;
  for (const ChartPoint& point : points.usage) {
    has_peaks = has_peaks || (point.value && point.peak.value_or(0) > *point.value);
    highest.points.push_back({point.at_us, point.value ? std::max(point.value, point.peak) : std::nullopt});
  }
  const bool has_shmem =
      std::ranges::any_of(points.shmem, [](const ChartPoint& point) { return point.value.value_or(0) > 0; });
  std::vector<Series> series{{.label = "usage", .points = std::move(points.usage), .kind = Series::Kind::area},
                             {.label = "reclaimable cache", .points = std::move(points.cache)},
                             {.label = "anonymous", .points = std::move(points.anon)}};
  if (has_shmem) series.push_back({.label = "tmpfs and shared", .points = std::move(points.shmem)});
  if (has_peaks) series.push_back(std::move(highest));
  return series;
}

std::vector<Mark> kill_marks(const core::Table& oom_kills) {
  std::vector<Mark> marks;
  for (const Row row : rows_of(oom_kills)) {
    const std::string victim = row.text("victim_comm"), cgroup = row.text("cgroup");
    const std::string whom = !victim.empty() ? victim : !cgroup.empty() ? cgroup : "not tracked";
    const std::int64_t kills = row.integer("kills");
    marks.push_back({row.integer("killed_at_us"), kill_label(kills, whom), Mark::Kind::kill, kills});
  }
  return marks;
}

std::vector<Mark> reclaim_marks(const core::Table& all_reclaims, std::string_view path) {
  std::vector<Mark> marks;
  for (const Row row : rows_of(all_reclaims)) {
    const std::string outcome = row.text("outcome");
    if (row.text("path") != path || outcome == "dry run") continue;
    const std::string freed = "freed " + base::format_bytes(row.bytes("freed_bytes"));
    marks.push_back(
        {row.integer("started_at_us"), outcome == "failed" ? "reclaim failed" : freed, Mark::Kind::reclaim});
  }
  return marks;
}

std::vector<Band> gap_bands(const core::Table& gaps) {
  std::vector<Band> bands;
  for (const Row row : rows_of(gaps)) {
    const std::string why = row.text("why");
    bands.push_back(
        {row.integer("from_at_us"), row.integer("to_at_us"), why.starts_with("no scan") ? why : "no scan: " + why});
  }
  return bands;
}

std::string summary_page(const SummaryPage& page, const TimeAsked& asked) {
  std::string body = html_time_span(asked.since_us, asked.until_us);
  Weight weight = Weight::lead;
  for (const std::string& sentence : summary_sentences(page.summary, page.findings, asked)) {
    body += html_paragraph(sentence, std::exchange(weight, Weight::plain));
  }
  body += last_kill(page.oom_kills) + tiles(page.summary) + chart_of(page, asked);
  for (const core::Table& table : page.sections.before_advice) body += html_section_of(table);
  body += render_advice(page.findings, Format::html, {});
  for (const core::Table& table : page.sections.after_advice) body += html_section_of(table);
  return html_page(title_of_node("Memory report", page.status), body);
}

}  // namespace cgmm::report
