// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/units.hpp"
#include "cli/fleet_parts.hpp"
#include "cli/incident_answer.hpp"
#include "cli/output.hpp"
#include "config.hpp"
#include "core/glob.hpp"
#include "core/table.hpp"
#include "fleet/ask/asker.hpp"
#include "fleet/ask/question.hpp"
#include "fleet/look/find.hpp"
#include "report/format/layout.hpp"
#include "report/format/row.hpp"
#include "report/format/row_writer.hpp"

namespace cgmm::cli {
namespace {

namespace look = cgmm::fleet;
using look::Asker;

core::Parameters parameters_of(const Window& window, const std::string& node_glob) {
  return {{"since_us", window.since_us},
          {"until_us", window.until_us},
          {"workload_glob", window.cgroup_glob},
          {"node_glob", node_glob}};
}

/// A node is meant that is called so; else it is a glob.
std::string node_glob(Asker& asker, const Options& options) {
  if (options.fleet.node.empty()) return "*";
  return look::is_node(asker, options.fleet.node) ? core::glob_of(options.fleet.node) : options.fleet.node;
}

/// "node-7/16" in the first column.
core::Table incidents(Asker& asker, const char* question, const core::Parameters& parameters, std::size_t most_rows) {
  core::Table table = asker.answer_to(question, parameters, most_rows);
  look::tell_places(asker, table);
  return table;
}

/// One row, or none.
core::Table latest_of(Asker& asker, const std::string& nodes, const std::string& glob = "*") {
  const Window always{.since_us = 0, .until_us = std::int64_t{1} << 62, .cgroup_glob = glob};
  report::Report newest = look::question("incident_list");
  newest.sql += " LIMIT 1";
  core::Table table = asker.answer_to(newest, parameters_of(always, nodes));
  look::tell_places(asker, table);
  return table;
}

std::string asked_for(const Options& options) {
  const std::string of = options.workload.empty()
                             ? options.cgroup.empty() ? "" : " of a cgroup that matches \"" + options.cgroup + "\""
                             : " of a workload that matches \"" + options.workload + "\"";
  return of + (options.fleet.node.empty() ? "" : " on a node that matches \"" + options.fleet.node + "\"");
}

std::string none_at_all() {
  return "ClickHouse has no OOM kill of any node; `fleet report nodes` tells what it has of each";
}

/// What there is instead of what was asked for.
std::string latest_of_all(Asker& asker, const std::string& nodes = "*") {
  const core::Table latest = latest_of(asker, nodes);
  return latest.rows.empty() ? "" : report::Row(latest).text("id");
}

struct Found {
  look::HistoryName history;
  look::IncidentNumber incident;
};

Found find_latest(Asker& asker, const Options& options) {
  const core::Table latest = latest_of(asker, node_glob(asker, options), parse_glob(options));
  if (latest.rows.empty()) {
    const std::string other = latest_of_all(asker);
    throw NotFoundError(other.empty()
                            ? none_at_all()
                            : "there is no OOM kill" + asked_for(options) + "; the latest of all is " + other);
  }
  const report::Row row(latest);
  const auto place = look::place_of(row.text("id"));
  return {{row.text("node"), row.text("history_id")}, place.value_or(look::IncidentPlace()).incident};
}

/// Of several histories of a node the newest one that has it.
Found find(Asker& asker, const look::IncidentPlace& place) {
  const std::vector<look::HistoryName> all = look::histories_of(asker, place.before);
  if (all.empty()) {
    const std::string node = place.before.substr(0, place.before.rfind('/'));
    const std::vector<look::HistoryName> others = look::histories_of(asker, node);
    throw NotFoundError(others.empty()
                            ? "ClickHouse knows no node \"" + place.before +
                                  "\"; `fleet report nodes` lists those that it knows"
                            : "ClickHouse knows no node \"" + place.before + "\", and no history of node \"" + node +
                                  "\" that begins so; its newest is " + others.front().history_id);
  }
  const std::vector<look::HistoryName> having = look::having(asker, all, place.incident);
  const std::string number = look::to_string(place.incident);
  if (having.empty()) {
    const std::string latest = latest_of_all(asker, core::glob_of(all.front().node));
    throw NotFoundError("node \"" + all.front().node + "\" has no " +
                        (place.incident.is_stuck ? "incident " : "OOM kill ") + number + " in ClickHouse" +
                        (latest.empty()
                             ? "; it has none at all"
                             : "; its latest is " + latest + ", and `fleet incident list --since 365d` has more"));
  }
  if (having.size() > 1) {
    to_stderr("node \"" + having[0].node + "\" has " + std::to_string(having.size()) + " histories with a number " +
              number + ": this is of the newest, " + having[0].history_id + "; `fleet incident show " + having[1].node +
              "/" + having[1].history_id + "/" + number + "` shows that of the one before");
  }
  return {having.front(), place.incident};
}

int show(Asker& asker, const Options& options) {
  if (report::holds_one_table(options.format))
    throw UsageError("CSV and NDJSON hold one table, and an incident is several; choose text, markdown, html or json");
  if (options.id.empty())
    throw UsageError(
        "fleet incident show: which one? `fleet incident show latest`, or NODE/ID from `fleet incident list`");
  const auto place = options.id == "latest" ? std::nullopt : look::place_of(options.id);
  if (!place && options.id != "latest")
    throw UsageError("fleet incident show \"" + options.id +
                     "\": expected NODE/ID, as `fleet incident list` has it in its first column, or \"latest\"");
  const std::int64_t window_us = parse_window_length(options.window);
  const Found found = place ? find(asker, *place) : find_latest(asker, options);
  store::Reader reader(look::copy_for_incident(asker, found.history, found.incident, window_us));
  const auto page = found.incident.is_stuck ? stuck_page : kill_page;
  write_output(options, page(reader, found.incident.number, window_us, options, found.history.node));
  return 0;
}

int list(Asker& asker, const Options& options) {
  const Window window = parse_window(options);
  const std::string nodes = node_glob(asker, options);
  const core::Parameters parameters = parameters_of(window, nodes);
  const std::string title = "OOM kills and stuck cgroups, " + base::format_time(window.since_us) + " to " +
                            base::format_time(window.until_us);
  if (report::is_for_programs(options.format)) {
    const core::Table table = incidents(asker, "incident_list", parameters, core::kAllRows);
    report::RowWriter rows(options.format);
    rows.begin(table.columns);
    for (const auto& row : table.rows) rows.add(row);
    write_output(options, rows.finish());
    return 0;
  }
  IncidentList list;
  if (options.all) {
    list.table = report::only(incidents(asker, "incident_list", parameters, kMostRowsForPeople), "",
                              {"id", "at_us", "cgroup", "kills", "victim", "cause", "limit_bytes", "path"});
  } else {
    list = incident_list_of(
        incidents(asker, "part_incident_workloads", parameters, kMostRowsForPeople), options,
        {"id", "last_at_us", "first_at_us", "cgroup", "kills", "nodes", "victim", "cause", "limit_bytes"},
        "fleet incident list --all");
  }
  list.table.title = title;
  if (list.table.rows.empty() && list.remarks.empty()) {
    const std::string latest = latest_of_all(asker);
    list.remarks.push_back(latest.empty() ? none_at_all()
                                          : "the latest of all is `fleet incident show " + latest + "`");
  }
  write_incident_list(options, list);
  return 0;
}

}  // namespace

int fleet_incident(const Options& options) {
  const bool shows = options.incident == "show";
  if (!shows && !options.incident.empty() && options.incident != "list")
    throw UsageError("fleet incident \"" + options.incident + "\": expected list or show");
  if (!shows && !options.id.empty())
    throw UsageError("fleet incident list takes no number; `fleet incident show " + options.id + "` does");
  Asker asker(config::load(options.config, options.overrides, to_stderr).ship, time_of(options.bounds));
  return shows ? show(asker, options) : list(asker, options);
}

}  // namespace cgmm::cli
