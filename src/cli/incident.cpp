// SPDX-License-Identifier: Apache-2.0
#include "report/incident/incident.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/text.hpp"
#include "base/time.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/terminal.hpp"
#include "core/glob.hpp"
#include "kernel/parse.hpp"
#include "report/format/html.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"
#include "report/format/wrap.hpp"
#include "report/incident/stuck.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

constexpr std::int64_t kAfter_us = 5 * base::kMinute_us;
constexpr std::int64_t kLongestWindow_us = 365 * base::kDay_us;

/// One row, or none if there is no kill.
core::Table latest_of(store::Reader& reader, const std::string& glob = "*") {
  const Window always{.since_us = std::numeric_limits<std::int64_t>::min(),
                      .until_us = std::numeric_limits<std::int64_t>::max(),
                      .cgroup_glob = glob};
  return answer_to("incident_list", reader, always.parameters(), /*most_rows=*/1);
}

/// The answer if there is no kill, and what to do next.
std::string none_at_all(store::Reader& reader) {
  const core::Table facts = answer_to("incident_history", reader, {});
  const report::Row row(facts);
  if (row.integer("history_begins_at_us") == 0)
    return "the history is empty; `status` tells whether the service is running";
  const std::string log = row.text("kernel_log");
  const bool is_read = log.starts_with('/');
  return "the history begins at " + base::format_time(row.integer("history_begins_at_us")) + " and holds no OOM kill" +
         (is_read ? "; `report near_misses` lists the cgroups that came close to one"
                  : "; the kernel log is not read" + (log.empty() ? "" : " (" + log + ")") + ", `check` says more");
}

/// The number of an OOM kill, or "s" with that of a cgroup that was stuck.
struct IncidentId {
  bool is_stuck = false;
  std::int64_t number = 0;

  friend bool operator==(const IncidentId&, const IncidentId&) = default;
};

std::string to_string(const IncidentId& id) { return (id.is_stuck ? "s" : "") + std::to_string(id.number); }

/// nullopt: it is neither.
std::optional<IncidentId> id_of(std::string_view text) {
  const bool is_stuck = kernel::drop_prefix(text, "s");
  const auto number = kernel::parse_number(text).value_or(0);
  return number > 0 ? std::optional(IncidentId{is_stuck, static_cast<std::int64_t>(number)}) : std::nullopt;
}

IncidentId id_of(const report::Row& row) {
  if (const auto number = row.known("id")) return {.number = *number};
  return id_of(std::string_view(row.text("id"))).value_or(IncidentId{.is_stuck = true});
}

/// nullopt: the latest.
std::optional<IncidentId> parse_id(const std::string& text) {
  if (text.empty()) {
    throw UsageError("incident show: which one? `incident show latest`, or a number of `incident list`");
  }
  if (text == "latest") return std::nullopt;
  if (const auto id = id_of(std::string_view(text))) return id;
  const bool is_workload = text.find('/') != std::string::npos;
  throw UsageError("incident show \"" + text +
                   "\": expected the number of an OOM kill (`incident list` has them) or \"latest\"" +
                   (is_workload ? "; of a workload: `incident show latest --workload " + text + "`" : ""));
}

std::int64_t parse_window_length(const std::string& text) {
  const auto length_us = base::parse_duration_us(text);
  if (length_us && *length_us > 0 && *length_us <= kLongestWindow_us) return *length_us;
  throw UsageError("--window = \"" + text + "\": expected a duration up to \"365d\" such as \"30m\"");
}

bool is_on_record(store::Reader& reader, const IncidentId& id) {
  return !(id.is_stuck ? answer_to("incident_stuck", reader, {{"stuck_id", id.number}})
                       : answer_to("incident_kill", reader, {{"oom_kill_id", id.number}}))
              .rows.empty();
}

/// The latest of the cgroups that are asked for, if there is no `id`.
IncidentId find(store::Reader& reader, const Options& options, std::optional<IncidentId> id) {
  if (id && is_on_record(reader, *id)) return *id;
  const std::string glob = parse_glob(options);
  if (const core::Table asked = latest_of(reader, glob); !id && !asked.rows.empty()) return id_of(report::Row(asked));
  const core::Table all = latest_of(reader);
  if (all.rows.empty()) throw std::runtime_error(none_at_all(reader));
  const IncidentId latest = id_of(report::Row(all));
  if (!id)
    throw std::runtime_error("there is no OOM kill of a " +
                             (options.workload.empty() ? "cgroup that matches \"" + options.cgroup
                                                       : "workload that matches \"" + options.workload) +
                             "\"; the latest of all is " + to_string(latest));
  throw std::runtime_error((id->is_stuck ? "there is no incident " : "there is no OOM kill ") + to_string(*id) +
                           "; the latest is " + to_string(latest) + ", and `incident list --since 365d` has more");
}

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
  report::StuckTables tables{.stuck = answer_to("incident_stuck", reader, parameters), .samples = {}};
  const report::Row row(tables.stuck);
  const std::int64_t began_at_us = row.integer("began_at_us");
  const std::int64_t seen_at_us = std::max(row.integer("last_seen_at_us"), row.integer("ended_at_us"));
  parameters.insert_or_assign("since_us", began_at_us - window_us);
  parameters.insert_or_assign("until_us", std::min(seen_at_us + kAfter_us, began_at_us + window_us) + 1);
  tables.samples = answer_to("incident_stuck_samples", reader, parameters);
  return tables;
}

/// The answer if there is no kill in the window.
std::string hint_of(store::Reader& reader) {
  const core::Table kills = latest_of(reader);
  if (kills.rows.empty()) return base::escape_for_terminal(none_at_all(reader));
  const report::Row latest(kills);
  return "the latest of all was at " + base::format_time(latest.integer("at_us")) + ": `incident show " +
         to_string(id_of(latest)) + "`";
}

/// Takes the kills outside of what is tracked from the list, and tells of them in a sentence. "": there are none.
std::string without_outside(core::Table& table) {
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
         ": `incident list --all` has " + (kills > 1 ? "them" : "it");
}

/// The list for people, and sentences below it.
struct IncidentList {
  core::Table table;
  std::vector<std::string> remarks;
};

/// A row for each workload.
IncidentList by_workload(store::Reader& reader, const Window& window, const Options& options) {
  core::Table all = answer_to("incident_workloads", reader, window.parameters(), kMostRowsForPeople);
  IncidentList list;
  const bool asks_for_all_cgroups = options.cgroup.empty() && options.workload.empty();
  std::string outside = asks_for_all_cgroups ? without_outside(all) : "";
  if (std::ranges::any_of(report::rows_of(all), [](const report::Row& row) { return row.integer("kills") > 1; }))
    list.remarks.emplace_back("id is the latest of a workload's kills: `incident list --all` has each");
  if (!outside.empty()) list.remarks.push_back(std::move(outside));
  list.table =
      report::only(all, "", {"id", "last_at_us", "first_at_us", "cgroup", "kills", "victim", "cause", "limit_bytes"});
  list.table.more_rows = all.more_rows;
  return list;
}

std::string page_of(const IncidentList& list) {
  std::string html = report::html_table(list.table);
  for (const std::string& remark : list.remarks) html += report::html_paragraph(remark, report::Weight::remark);
  return report::html_page(list.table.title, report::html_section("", html));
}

int list(store::Reader& reader, const Options& options) {
  const Window window = parse_window(options);
  report::Report incidents = report::built_in("incident_list");
  incidents.title = "OOM kills and stuck cgroups, " + base::format_time(window.since_us) + " to " +
                    base::format_time(window.until_us);
  const report::Format format = options.format;
  if (report::is_for_programs(format)) {
    write_answer(options, incidents, reader, window.parameters());
    return 0;
  }
  IncidentList list = options.all
                          ? IncidentList{answer_to(incidents, reader, window.parameters(), kMostRowsForPeople), {}}
                          : by_workload(reader, window, options);
  list.table.title = incidents.title;
  if (list.table.rows.empty() && list.remarks.empty()) list.remarks.push_back(hint_of(reader));
  std::string text =
      format == report::Format::html ? page_of(list) : report::render(list.table, format, style_for(options));
  if (format != report::Format::html) {
    for (const std::string& remark : list.remarks)
      text += "\n" + (format == report::Format::text ? report::wrapped(remark, style_for(options)) : remark + "\n");
  }
  write_output(options, text);
  return 0;
}

}  // namespace

int incident(const Options& options) {
  const bool shows = options.incident == "show";
  if (!shows && !options.incident.empty() && options.incident != "list") {
    throw UsageError("incident \"" + options.incident + "\": expected list or show");
  }
  if (!shows && !options.id.empty())
    throw UsageError("incident list takes no number; `incident show " + options.id + "` does");
  if (shows && report::holds_one_table(options.format)) {
    throw UsageError("CSV and NDJSON hold one table, and an incident is several; choose text, markdown, html or json");
  }
  const auto id = shows ? parse_id(options.id) : std::nullopt;
  const std::int64_t window_us = parse_window_length(options.window);
  store::Reader reader(load_for_reading(options).config.database);
  if (!shows) return list(reader, options);
  const IncidentId found = find(reader, options, id);
  const report::Style style = style_for(options);
  write_output(options, found.is_stuck
                            ? report::render_stuck(load_stuck(reader, found.number, window_us), options.format, style)
                            : report::render_incident(load(reader, found.number, window_us), options.format, style));
  return 0;
}

}  // namespace cgmm::cli
