// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/incident_answer.hpp"
#include "cli/output.hpp"
#include "kernel/parse.hpp"
#include "report/format/row.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

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
  if (all.rows.empty()) throw NotFoundError(none_at_all(reader));
  const IncidentId latest = id_of(report::Row(all));
  if (!id)
    throw NotFoundError("there is no OOM kill of a " +
                        (options.workload.empty() ? "cgroup that matches \"" + options.cgroup
                                                  : "workload that matches \"" + options.workload) +
                        "\"; the latest of all is " + to_string(latest));
  throw NotFoundError((id->is_stuck ? "there is no incident " : "there is no OOM kill ") + to_string(*id) +
                      "; the latest is " + to_string(latest) + ", and `incident list --since 365d` has more");
}

/// The answer if there is no kill in the window.
std::string hint_of(store::Reader& reader) {
  const core::Table kills = latest_of(reader);
  if (kills.rows.empty()) return base::escape_for_terminal(none_at_all(reader));
  const report::Row latest(kills);
  return "the latest of all was at " + base::format_time(latest.integer("at_us")) + ": `incident show " +
         to_string(id_of(latest)) + "`";
}

/// A row for each workload.
IncidentList by_workload(store::Reader& reader, const Window& window, const Options& options) {
  return incident_list_of(answer_to("incident_workloads", reader, window.parameters(), kMostRowsForPeople), options,
                          {"id", "last_at_us", "first_at_us", "cgroup", "kills", "victim", "cause", "limit_bytes"},
                          "incident list --all");
}

int list(store::Reader& reader, const Options& options) {
  const Window window = parse_window(options);
  report::Report incidents = report::built_in("incident_list");
  incidents.title = titled("OOM kills and stuck cgroups", window);
  const report::Format format = options.format;
  if (report::is_for_programs(format)) {
    write_answer(options, incidents, reader, window.parameters());
    return 0;
  }
  IncidentList list = options.all
                          ? IncidentList{answer_to(incidents, reader, window.parameters(), kMostRowsForPeople), {}}
                          : by_workload(reader, window, options);
  list.table.title = incidents.title;
  if (format == report::Format::html) {  // its heading is short
    list.table.title = "OOM kills and stuck cgroups";
    list.table.about = span_text(window);
  }
  if (list.table.rows.empty() && list.remarks.empty()) list.remarks.push_back(hint_of(reader));
  write_incident_list(options, list);
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
  write_output(options, found.is_stuck ? stuck_page(reader, found.number, window_us, options)
                                       : kill_page(reader, found.number, window_us, options));
  return 0;
}

}  // namespace cgmm::cli
