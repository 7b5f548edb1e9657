// SPDX-License-Identifier: Apache-2.0
#include "cli/live_source.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "base/time.hpp"
#include "base/units.hpp"
#include "cli/history_answer.hpp"
#include "cli/incident_answer.hpp"
#include "cli/output.hpp"
#include "core/glob.hpp"
#include "daemon/clock.hpp"
#include "daemon/service/live_status.hpp"
#include "daemon/service/status_socket.hpp"
#include "report/catalog.hpp"
#include "report/format/row.hpp"
#include "report/format/wrap.hpp"
#include "report/history/sections.hpp"

namespace cgmm::cli {
namespace {

constexpr std::int64_t kReach_us = base::kDay_us;  // so far back an instant and its last reclaims are looked for
constexpr std::size_t kTrendPoints = 8;

std::optional<live::Event> event_of(const report::Row& row, const std::string& what) {
  const auto at_us = row.known(what + "_at_us");
  if (!at_us) return std::nullopt;
  const bool is_kill = what.starts_with("kill");
  return live::Event{.at_us = *at_us,
                     .path = row.text(what + "_path"),
                     .name = row.text(what + "_name"),
                     .id = is_kill ? row.integer(what + "_id") : 0};
}

/// Text of a page of `live` of this width, without colours.
report::Style page_style(std::size_t columns) {
  return {.colour = false, .width = std::max<std::size_t>(columns, 40), .fits = true};
}

}  // namespace

live::Instant HistorySource::read(std::int64_t point_us) {
  const Window window{.since_us = point_us - kReach_us, .until_us = point_us + 1};
  return live::instant_of(answer_to("now", reader_, window.parameters()));
}

live::Instant HistorySource::at(std::int64_t point_us) {
  live::Instant instant = read(point_us);
  if (instant.rows.empty()) {
    if (const auto before_us = steps(point_us, 0).before_us) instant = read(*before_us);
  }
  add_trends(instant);
  is_hour_ = instant.is_hour;
  return instant;
}

void HistorySource::add_trends(live::Instant& instant) {
  const std::int64_t step_us = instant.is_hour ? base::kHour_us : base::kMinute_us;
  std::map<std::int64_t, Usage> wanted;
  std::string missing;
  for (std::size_t i = 0; i < kTrendPoints; ++i) {
    // Whole minutes: from one instant to the next most of them are the same.
    const std::int64_t point_us =
        (instant.position_us() / step_us - static_cast<std::int64_t>(i) - (instant.is_hour ? 1 : 0)) * step_us;
    auto known = usage_.extract(point_us);
    if (known) {
      wanted.insert(std::move(known));
    } else {
      wanted.try_emplace(point_us);
      missing += (missing.empty() ? "" : ",") + std::to_string(point_us);
    }
  }
  if (!missing.empty()) {
    const core::Table read = answer_to("live_trend", reader_,
                                       {{"points", "[" + missing + "]"},
                                        {"is_hour", std::int64_t{instant.is_hour}},
                                        {"reach_us", 10 * base::kMinute_us}});
    for (const auto& cells : read.rows) {
      const auto *const point_us = std::get_if<std::int64_t>(&cells[0]), *const kib =
                                                                             std::get_if<std::int64_t>(&cells[2]);
      const auto* const path = std::get_if<std::string>(&cells[1]);
      if (point_us == nullptr || kib == nullptr || path == nullptr) continue;
      wanted[*point_us][*path] = static_cast<double>(*kib) * 1024;
    }
  }
  for (live::Row& row : instant.rows) {
    for (const auto& [point_us, usage] : wanted) {
      const auto found = usage.find(row.path);
      row.trend.push_back(found != usage.end() ? std::optional(found->second) : std::nullopt);
    }
  }
  usage_ = std::move(wanted);
}

live::Steps HistorySource::steps(std::int64_t point_us, std::int64_t kill_id) {
  const core::Table table = answer_to("live_steps", reader_, {{"at_us", point_us}, {"kill_id", kill_id}});
  const report::Row row(table);
  return {.before_us = row.known("before_at_us"),
          .after_us = row.known("after_at_us"),
          .kill_before = event_of(row, "kill_before"),
          .kill_after = event_of(row, "kill_after"),
          .reclaim_before = event_of(row, "reclaim_before"),
          .reclaim_after = event_of(row, "reclaim_after")};
}

std::optional<live::NewestScan> HistorySource::newest() {
  const core::Table table = reader_.run(
      "SELECT started_at_us, interval_us FROM scan WHERE is_partial IS NOT 1 ORDER BY started_at_us DESC LIMIT 1");
  if (table.rows.empty()) return std::nullopt;
  const report::Row row(table);
  return live::NewestScan{.at_us = row.integer("started_at_us"), .interval_us = row.integer("interval_us")};
}

live::Strip HistorySource::strip() {
  constexpr std::size_t kSlots = 480;  // as live_strip.sql
  const auto newest_scan = newest();
  if (!newest_scan) return {};
  const std::int64_t newest_us = newest_scan->at_us;
  // Read anew when there is something to be marked, or time for another slot.
  const core::Table last = reader_.run(
      "SELECT (SELECT max(oom_kill_id) FROM oom_kill) AS kill, (SELECT max(reclaim_id) FROM reclaim) AS reclaim, "
      "(SELECT max(service_event_id) FROM service_event) AS event");
  const std::int64_t slot_us = (strip_.until_us - strip_.since_us) / static_cast<std::int64_t>(kSlots);
  if (!strip_.slots.empty() && last.rows == strip_ends_with_ && newest_us >= strip_.until_us - 1 &&
      newest_us <= strip_.until_us + slot_us)
    return strip_;
  strip_ends_with_ = last.rows;
  const core::Table ends = answer_to("live_steps", reader_, {{"at_us", newest_us}, {"kill_id", std::int64_t{0}}});
  live::Strip strip{.since_us = report::Row(ends).known("oldest_at_us").value_or(newest_us), .until_us = newest_us + 1};
  strip.slots.resize(kSlots);
  const core::Table table =
      answer_to("live_strip", reader_, {{"since_us", strip.since_us}, {"until_us", strip.until_us}});
  for (const report::Row row : report::rows_of(table)) {
    const auto number = static_cast<std::size_t>(std::max<std::int64_t>(row.integer("number"), 0));
    if (number >= kSlots) continue;
    strip.slots[number] = {
        .kills = row.integer("kills"), .reclaims = row.integer("reclaims"), .is_gap = row.integer("is_gap") != 0};
  }
  strip_ = strip;
  return strip;
}

std::string HistorySource::faults() {
  constexpr std::int64_t kEvery_us = 10 * base::kSecond_us;
  const std::int64_t now_us = daemon::steady_now_us();
  if (asked_at_us_ && now_us - *asked_at_us_ < kEvery_us) return faults_;
  asked_at_us_ = now_us;
  faults_.clear();
  const auto answer = daemon::ask_service(database_, std::chrono::milliseconds(200));
  const auto status = answer ? daemon::parse_live_status(*answer) : std::nullopt;
  if (!status) return "";
  for (const auto& fault : status->faults) faults_ += (faults_.empty() ? "" : ", ") + fault.name;
  return faults_;
}

std::string HistorySource::node() {
  const core::Table table = reader_.run("SELECT CAST(value AS TEXT) AS name FROM node WHERE key = 'node'");
  return table.rows.empty() ? "" : report::Row(table).text("name");
}

std::string HistorySource::decided(const live::Row& row, std::int64_t point_us) const {
  std::string text;
  if (row.kind == "pod" || row.kind == "inner") text = "What it has beyond the cgroups in it. ";
  if (const auto until_us = row.values[live::Measure::cooldown])
    text +=
        "In cooldown for another " + base::format_duration_us(static_cast<std::int64_t>(*until_us) - point_us) + ". ";
  if (policy_ == nullptr) return text;
  const core::Rule* const rule = policy_->rule_for(row.path, row.workload);
  const core::ReclaimSettings settings = policy_->settings_of(rule);
  text += rule == nullptr
              ? "No rule is for it: "
              : "The rule for \"" + (rule->cgroup.empty() ? rule->workload : rule->cgroup) + "\" is for it: ";
  if (!settings.reclaim) return text + "it is not reclaimed.";
  return text + "reclaimed at " + settings.threshold.to_string() + " of page cache, cooldown " +
         base::format_duration_us(settings.cooldown_us) + ".";
}

std::string HistorySource::details(const live::Row& row, std::int64_t point_us, std::size_t columns) {
  const report::Style style = page_style(columns);
  Window window{.since_us = point_us - (is_hour_ ? base::kDay_us : base::kHour_us),
                .until_us = point_us + 1,
                .cgroup_glob = base::is_valid_utf8(row.path) ? core::glob_of(row.path) : "*"};
  auto sections = report::sections_of(answer_to("history_cgroups", reader_, window.parameters()), /*each=*/true);
  std::erase_if(sections,
                [&](const report::Section& section) { return section.path != row.path && !section.path.empty(); });
  std::string text;
  const std::string words = decided(row, point_us);
  if (!words.empty()) text = report::wrapped(base::escape_for_terminal(words), style) + "\n";
  if (sections.empty()) return text + "Nothing was recorded of it in the " + (is_hour_ ? "day" : "hour") + " before.\n";
  return text + history_text(sections, reader_, window, std::nullopt, style);
}

std::string HistorySource::incident(std::int64_t oom_kill_id, std::size_t columns) {
  Options options;
  options.output = "-";  // as for a file: no colours
  options.display.width = std::max<std::size_t>(columns, 40);
  return kill_page(reader_, oom_kill_id, 30 * base::kMinute_us, options);
}

}  // namespace cgmm::cli
