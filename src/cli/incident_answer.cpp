// SPDX-License-Identifier: Apache-2.0
#include "cli/incident_answer.hpp"

#include <algorithm>
#include <utility>

#include "base/time.hpp"
#include "base/units.hpp"
#include "cli/terminal.hpp"
#include "core/glob.hpp"
#include "report/format/html.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"
#include "report/format/wrap.hpp"
#include "report/incident/incident.hpp"
#include "report/incident/stuck.hpp"

namespace cgmm::cli {
namespace {

constexpr std::int64_t kAfter_us = 5 * base::kMinute_us;
constexpr std::int64_t kLongestWindow_us = 365 * base::kDay_us;

report::Incident load(store::Reader& reader, std::int64_t id, std::int64_t window_us) {
  core::Parameters parameters{{"oom_kill_id", id}};
  const auto query = [&](const char* name) { return answer_to(name, reader, parameters); };
  report::IncidentTables tables;
  tables.kill = query("incident_kill");
  tables.facts = query("incident_facts");
  const report::Row kill(tables.kill);
  const std::int64_t killed_at_us = kill.integer("killed_at_us");
  const std::int64_t end_us =
      std::clamp(report::Row(tables.facts).integer("history_ends_at_us"), killed_at_us, killed_at_us + kAfter_us);
  const Window node{.since_us = killed_at_us - window_us, .until_us = end_us + 1};
  Window own = node;
  own.cgroup_glob = core::glob_of(kill.text("path"));  // "": matches none
  Window up_to_kill = node;
  // As in incident_sharers: by the counter, the kill came after the scan of earliest_at_us.
  const bool by_counter = kill.text("source") == "counter";
  up_to_kill.until_us =
      by_counter ? std::min(killed_at_us, kill.known("earliest_at_us").value_or(killed_at_us - 1) + 1) : killed_at_us;
  parameters.insert_or_assign("since_us", node.since_us);
  parameters.insert_or_assign("until_us", node.until_us);
  tables.samples = query("incident_samples");
  tables.sharers = query("incident_sharers");
  tables.shares = query("incident_shares");
  tables.ended = query("incident_ended");
  tables.candidates = query("incident_candidates");
  tables.processes = query("incident_processes");
  tables.node_memory = query("incident_node");
  tables.earlier_kills = query("incident_earlier");
  tables.reclaims = answer_to("last_reclaims", reader, own.parameters());
  tables.limit_changes = answer_to("limit_changes", reader, own.parameters());
  tables.neighbours = answer_to("biggest_growth", reader, up_to_kill.parameters());
  tables.gaps = answer_to("gaps", reader, node.parameters());
  return report::incident_of(std::move(tables), node.since_us, node.until_us);
}

report::StuckTables load_stuck(store::Reader& reader, std::int64_t number, std::int64_t window_us) {
  core::Parameters parameters{{"stuck_id", number}};
  report::StuckTables tables{.stuck = answer_to("incident_stuck", reader, parameters), .samples = {}, .on_node = {}};
  const report::Row row(tables.stuck);
  const std::int64_t began_at_us = row.integer("began_at_us");
  const std::int64_t seen_at_us = std::max(row.integer("last_seen_at_us"), row.integer("ended_at_us"));
  parameters.insert_or_assign("since_us", began_at_us - window_us);
  parameters.insert_or_assign("until_us", std::min(seen_at_us + kAfter_us, began_at_us + window_us) + 1);
  tables.samples = answer_to("incident_stuck_samples", reader, parameters);
  return tables;
}

/// Takes the kills outside of what is tracked from the list, and tells of them in a sentence. "": there are none.
std::string without_outside(core::Table& table, const std::string& command) {
  std::int64_t kills = 0, last_at_us = 0;
  for (const report::Row row : report::rows_of(table)) {
    if (row.integer("is_outside") == 0) continue;
    kills += row.integer("kills");
    last_at_us = std::max(last_at_us, row.integer("last_at_us"));
  }
  const std::size_t is_outside = report::column_of(table, "is_outside");
  std::erase_if(table.rows, [&](const auto& row) { return row[is_outside] == core::Cell(std::int64_t{1}); });
  if (kills == 0) return "";
  return base::counted(kills, "kill") + " outside of what is tracked, the last one at " + base::format_utc(last_at_us) +
         ": `" + command + "` has " + (kills > 1 ? "them" : "it");
}

std::string page_of(const IncidentList& list) {
  std::string html = list.table.about.empty() ? "" : report::html_paragraph(list.table.about, report::Weight::remark);
  html += report::html_table(list.table);
  for (const std::string& remark : list.remarks) html += report::html_paragraph(remark, report::Weight::remark);
  return report::html_page(list.table.title, report::html_section("", html));
}

}  // namespace

std::int64_t parse_window_length(const std::string& text) {
  const auto length_us = base::parse_duration_us(text);
  if (length_us && *length_us > 0 && *length_us <= kLongestWindow_us) return *length_us;
  throw UsageError("--window = \"" + text + "\": expected a duration up to \"365d\" such as \"30m\"");
}

std::string kill_page(store::Reader& reader, std::int64_t oom_kill_id, std::int64_t window_us, const Options& options,
                      const std::string& fleet_node) {
  report::Incident incident = load(reader, oom_kill_id, window_us);
  if (!fleet_node.empty()) {
    incident.on_node = fleet_node;
    incident.samples_gone = "not in ClickHouse";
  }
  return report::render_incident(incident, options.format, style_for(options));
}

std::string stuck_page(store::Reader& reader, std::int64_t stuck_id, std::int64_t window_us, const Options& options,
                       const std::string& fleet_node) {
  report::StuckTables tables = load_stuck(reader, stuck_id, window_us);
  tables.on_node = fleet_node;
  return report::render_stuck(tables, options.format, style_for(options));
}

IncidentList incident_list_of(core::Table all, const Options& options, const std::vector<std::string_view>& columns,
                              const std::string& command) {
  IncidentList list;
  const bool asks_for_all_cgroups = options.cgroup.empty() && options.workload.empty();
  std::string outside = asks_for_all_cgroups ? without_outside(all, command) : "";
  if (std::ranges::any_of(report::rows_of(all), [](const report::Row& row) { return row.integer("kills") > 1; }))
    list.remarks.push_back("id is the latest of a workload's kills: `" + command + "` has each");
  if (!outside.empty()) list.remarks.push_back(std::move(outside));
  list.table = report::only(all, "", columns);
  list.table.more_rows = all.more_rows;
  list.table.most_important = {"id", "cgroup", "cause", "last_at_us", "kills", "victim"};
  return list;
}

void write_incident_list(const Options& options, const IncidentList& list) {
  const report::Format format = options.format;
  std::string text =
      format == report::Format::html ? page_of(list) : report::render(list.table, format, style_for(options));
  if (format != report::Format::html) {
    for (const std::string& remark : list.remarks)
      text += "\n" + (format == report::Format::text ? report::wrapped(remark, style_for(options)) : remark + "\n");
  }
  write_output(options, text);
}

}  // namespace cgmm::cli
