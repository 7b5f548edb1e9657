// SPDX-License-Identifier: Apache-2.0
// An incident as an HTML page: the answer, the important numbers, charts, then the rest.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "base/units.hpp"
#include "core/advice.hpp"
#include "report/format/html.hpp"
#include "report/format/row.hpp"
#include "report/incident/words.hpp"
#include "report/weekly/summary_page.hpp"

namespace cgmm::report {
namespace {

constexpr const char* kNotKnown = "not known";

std::string size(const std::optional<std::uint64_t>& bytes) { return bytes ? base::format_bytes(*bytes) : kNotKnown; }

// ---- The tiles

Tile limit_tile(const Incident& incident) {
  if (is_of_node(incident)) {
    const auto bytes = incident.facts().known_bytes("memory_bytes");
    const std::string memory = bytes ? size(bytes) + ", " : "";
    return {"Limit", "none", memory + "the node's memory, ran out", false};
  }
  const std::string scope = scope_of(incident);
  if (has_hit_no_limit(incident)) {
    const std::string nodes = incident.kill().text("numa_nodes");
    return {"Limit", "none",
            scope == "sysrq"           ? "it was asked for by SysRq"
            : scope == "fragmentation" ? "free memory was not of the kind asked for"
                                       : "the memory of NUMA nodes " + (nodes.empty() ? "" : nodes + " ") + "ran out",
            false};
  }
  const std::string limit = size(incident.at_kill ? incident.at_kill->limit : std::nullopt);
  const std::string whose = incident.limit_path.empty()            ? "which one was hit is not known"
                            : incident.limit_path == incident.path ? "its own"
                            : incident.limit_path == incident.kill().text("victim_path") ? "the victim's own"
                            : incident.cause == "ancestor_limit"                         ? "of a cgroup above it"
                            : limit_is_above(incident)                                   ? "of its pod"
                                                                                         : "of a cgroup below it";
  return {"Limit", limit, whose + (is_of_memory_and_swap(incident) ? ", of memory and swap together" : ""), false};
}

/// "98 % of the limit, 1 s before"
std::string remark_of(const Incident& incident, const std::optional<std::uint64_t>& bytes) {
  const MemoryPoint& memory = *incident.at_kill;
  std::string remark;
  if (bytes && memory.limit && *memory.limit > 0)
    remark = (*bytes == 0 ? "0 %" : core::in_percent(*bytes, *memory.limit)) + " of the limit";
  if (!has_own_numbers(incident)) return remark + (remark.empty() ? "" : ", ") + "with all that share it";
  if (incident.measured_by_kernel) return remark;
  return remark + (remark.empty() ? "" : ", ") + incident.ago(memory.at_us) + " before";
}

Tile memory_tile(const Incident& incident, std::string name, MemoryOf kind) {
  if (!incident.at_kill || !((*incident.at_kill).*kind)) return {std::move(name), kNotKnown, "", false};
  const auto& bytes = (*incident.at_kill).*kind;
  return {std::move(name), size(bytes), remark_of(incident, bytes), false};
}

/// How fast it grew, and since when.
std::vector<Tile> growth_tiles(const Incident& incident) {
  const std::optional<Rise> rise = rise_of(incident);
  if (!rise) {
    const bool did_not =
        !incident.cause.empty() && last_sample_before(incident) != nullptr && one_sample(incident).empty();
    return {{"Growth", did_not ? "none" : kNotKnown, did_not ? "in the samples before" : "", false}};
  }
  const std::int64_t last_us = rise->to_at_us - rise->last_from_at_us;
  const std::uint64_t last_bytes = rise->to_bytes - rise->last_from_bytes;
  return {{"Growth", rate(last_bytes, last_us),
           base::format_bytes(last_bytes) + " in " + base::format_duration_us(last_us), false},
          {"From normal to kill", (rise->began_before ? "at least " : "") + incident.ago(rise->from_at_us),
           base::format_bytes(rise->from_bytes) + " to " + base::format_bytes(rise->to_bytes) +
               (rise->began_before ? "; it grew already at the first sample" : ""),
           false}};
}

Tile earlier_tile(const Incident& incident) {
  const Row facts = incident.facts();
  const std::int64_t recent = facts.integer("earlier_kills_in_7_days"), all = facts.integer("earlier_kills");
  std::string remark = all > recent ? std::to_string(all) + " in all"
                       : recent > 0 ? "of the same workload"
                                    : "the first on record";
  if (facts.integer("later_kills") > 0) remark += ", " + std::to_string(facts.integer("later_kills")) + " since";
  return {"Earlier kills in 7 days", std::to_string(recent), remark, recent > 0};
}

std::string tiles(const Incident& incident) {
  std::vector<Tile> all{limit_tile(incident), memory_tile(incident, "Usage at the kill", &MemoryPoint::usage),
                        memory_tile(incident, "Page cache left", &MemoryPoint::cache)};
  for (Tile& tile : growth_tiles(incident)) all.push_back(std::move(tile));
  all.push_back(earlier_tile(incident));
  return html_tiles(all);
}

// ---- The charts

/// The victim's limit, from each change on.
Series limit_series(const Incident& incident) {
  Series series{.label = "limit", .points = {}, .kind = Series::Kind::limit};
  std::optional<std::uint64_t> held;
  for (const MemoryPoint& sample : incident.samples) {
    if (sample.limit == held) continue;
    held = sample.limit;
    series.points.push_back({sample.at_us, held});
  }
  return series;
}

std::vector<Mark> marks_of(const Incident& incident) {
  const IncidentTables& tables = incident.tables;
  const std::string victim = incident.kill().text("victim_comm");
  const std::string whom = !victim.empty() || !incident.path.empty() ? victim
                           : is_nobodys(incident)                    ? "cgroup not known"
                                                                     : "not tracked";
  const std::int64_t all = incident.kill().integer("kill_count");
  std::vector<Mark> marks{{incident.killed_at_us, kill_label(all, whom), Mark::Kind::kill, all}};
  for (const Row row : rows_of(tables.earlier_kills)) {
    const std::int64_t kills = row.integer("kills");
    const std::string earlier = kills > 1 ? std::to_string(kills) + " earlier kills, from " : "earlier kill ";
    marks.push_back(
        {row.integer("killed_at_us"), earlier + std::to_string(row.integer("id")), Mark::Kind::kill, kills});
  }
  for (const Row row : rows_of(tables.limit_changes)) {
    const auto own = row.known_bytes("limit_bytes");
    const bool is_own = own != row.known_bytes("limit_before_bytes");
    const auto now = is_own ? own : row.known_bytes("effective_limit_bytes");
    marks.push_back({row.integer("changed_at_us"), now ? "limit now " + base::format_bytes(*now) : "limit removed",
                     Mark::Kind::limit});
  }
  for (Mark& mark : reclaim_marks(tables.reclaims, incident.path)) marks.push_back(std::move(mark));
  return marks;
}

/// "The last 30 s", rounded up to five seconds. It begins with a sample.
std::string title_of_last(std::int64_t duration_us) {
  constexpr std::int64_t kStepUs = 5 * base::kSecond_us;
  return "The last " + base::format_duration_us((duration_us + kStepUs / 2) / kStepUs * kStepUs);
}

/// Begins with the first sample.
SvgChart chart_of(const Incident& incident) {
  SvgChart chart{.from_at_us = std::max(incident.since_us, incident.samples.front().at_us),
                 .to_at_us = chart_end_us(incident),
                 .series = memory_series({.usage = chart_points(incident, &MemoryPoint::usage),
                                          .cache = chart_points(incident, &MemoryPoint::cache),
                                          .anon = chart_points(incident, &MemoryPoint::anon),
                                          .shmem = chart_points(incident, &MemoryPoint::shmem)}),
                 .marks = marks_of(incident),
                 .bands = gap_bands(incident.tables.gaps)};
  chart.from_at_us = std::min(chart.from_at_us, incident.killed_at_us);
  if (Series limit = limit_series(incident); !limit.points.empty()) chart.series.push_back(std::move(limit));
  return chart;
}

/// The time before the kill for the close-up: it shows the last rise, and a little before it.
std::int64_t zoom_us(const Incident& incident) {
  constexpr std::int64_t kLeast = 30 * base::kSecond_us, kMost = 2 * base::kMinute_us;
  const std::optional<Rise> rise = rise_of(incident);
  if (!rise) return kMost;
  return std::clamp(4 * (incident.killed_at_us - rise->last_from_at_us), kLeast, kMost);
}

/// nullopt: it would show no more than the other chart.
std::optional<SvgChart> zoomed(const Incident& incident, SvgChart chart) {
  constexpr std::ptrdiff_t kLeastSamples = 6;
  constexpr std::int64_t kLeastShare = 2;
  const std::int64_t length_us = zoom_us(incident), from_at_us = incident.killed_at_us - length_us;
  const auto& samples = incident.samples;
  const auto after = std::ranges::upper_bound(samples, incident.last_before_us, {}, &MemoryPoint::at_us);
  auto first = std::ranges::upper_bound(samples, from_at_us, {}, &MemoryPoint::at_us);
  if (first != samples.begin() && from_at_us - (first - 1)->at_us < length_us) --first;
  if (after - first < kLeastSamples || chart.to_at_us - chart.from_at_us < kLeastShare * length_us) return std::nullopt;
  chart.from_at_us = first->at_us;
  chart.to_at_us = std::min(chart.to_at_us, incident.killed_at_us + length_us / 8);
  return chart;
}

std::string charts(const Incident& incident) {
  if (incident.samples.empty()) return "";
  const std::string whose =
      limit_is_above(incident) ? "Memory of its cgroup alone up to the kill" : "Memory up to the kill";
  if (const std::string one = one_sample(incident); !one.empty()) return html_section(whose, html_paragraph(one));
  const SvgChart whole = chart_of(incident);
  std::string html = html_section(whose, svg_chart(whole));
  if (const auto near = zoomed(incident, whole)) {
    html += html_section(title_of_last(incident.killed_at_us - near->from_at_us), svg_chart(*near));
  }
  return html;
}

// ---- The rest

/// What is not at the top already.
std::string more_words(const Incident& incident) {
  std::vector<std::pair<std::string, std::string>> all;
  for (Said& said : incident_words(incident)) {
    if (said.label != "who" && said.label != "why" && said.label != "cache")
      all.emplace_back(std::move(said.label), std::move(said.text));
  }
  if (!incident.path.empty()) all.emplace_back("cgroup", incident.path);
  return all.empty() ? "" : html_section("What else is known", html_list(all));
}

}  // namespace

std::string incident_as_html(const Incident& incident) {
  const std::string node = incident.facts().text("node");
  std::string body = html_paragraph("Killed " + when(incident) + (node.empty() ? "" : " on " + node), Weight::remark);
  body += html_paragraph(why(incident), Weight::lead);
  body += html_paragraph(would_reclaim_have_helped(incident), Weight::lead);
  body += tiles(incident) + charts(incident) + more_words(incident);
  for (const core::Table& table : tables_for_people(incident)) body += html_section_of(table);
  return html_page("OOM kill " + std::to_string(incident.kill().integer("oom_kill_id")) + ": " + who(incident), body);
}

}  // namespace cgmm::report
