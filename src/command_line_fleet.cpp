// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string>

#include "base/time.hpp"
#include "base/units.hpp"
#include "command_line.hpp"
#include "command_line_parts.hpp"
#include "examples.hpp"

// The options of `fleet` and its subcommands.

namespace cgmm {
namespace {

std::int64_t parse_days(const std::string& option, const std::string& text) {
  const auto time_us = base::parse_duration_us(text).value_or(0);
  if (time_us < base::kDay_us || time_us % base::kDay_us != 0) refuse_value(option, text, "whole days such as \"30d\"");
  return time_us / base::kDay_us;
}

std::string parse_cluster(const std::string& text) {
  const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; };
  if (text.empty() || !std::ranges::all_of(text, is_plain))
    refuse_value("--cluster", text, "a name of letters, digits, \"_\", \"-\" and \".\"");
  return text;
}

void add_fleet_init(CLI::App& sub, cli::Options& options) {
  cli::FleetOptions& fleet = options.fleet;
  sub.add_flag("--print", fleet.print, "Print the statements for empty servers, but run none");
  sub.add_option_function<std::string>(
         "--cluster", [&fleet](const std::string& text) { fleet.cluster = parse_cluster(text); },
         "Make them on all servers of this cluster: replicated, and sharded by node")
      ->type_name("NAME");
  sub.add_option_function<std::string>(
         "--keep-samples",
         [&fleet](const std::string& text) { fleet.keep_samples_days = parse_days("--keep-samples", text); },
         "How long ClickHouse keeps samples, such as 30d (default: for ever; from ClickHouse 19.6 on)")
      ->type_name("D");
  sub.add_option_function<std::string>(
         "--keep-hours",
         [&fleet](const std::string& text) { fleet.keep_hours_days = parse_days("--keep-hours", text); },
         "The same of hours, scans, reclaims and events")
      ->type_name("D");
  add_config(sub, options);
}

/// The options of those that ask ClickHouse.
void add_asking(CLI::App& sub, cli::Options& options, const char* since) {
  constexpr std::int64_t kMaxTime_us = 10 * base::kMinute_us;  // there are many nodes
  sub.preparse_callback([&options, since](std::size_t) {
    options.since = since;
    options.bounds.time_us = kMaxTime_us;
  });
  add_output(sub, options);
  add_bounds(sub, options, "10m");
  add_config(sub, options);
}

void add_fleet_report(CLI::App& sub, cli::Options& options) {
  add(sub, "name", options.report, "NAME", "A report (see --list); none: the weekly review of all nodes");
  add_window(sub, options, "7d", "Begin of the window: 7d (default), 90m, or in UTC 2026-11-23, 2026-11-23T03:12:00Z");
  add(sub, "--node", options.fleet.node, "GLOB", "Only nodes whose name matches as a whole: node-7, pool-a-*");
  add(sub, "--cgroup", options.cgroup, "GLOB",
      "Only cgroups whose path, name or workload matches, or part of it: shop/web");
  add_workload(sub, options);
  sub.add_flag("--list", options.list, "List the reports");
  sub.add_flag("--print", options.fleet.print, "Print the SQL of a report, but do not ask");
  add_asking(sub, options, "7d");
}

void add_fleet_query(CLI::App& sub, cli::Options& options) {
  add(sub, "sql", options.sql, "SQL", "One SELECT on the tables that fleet/schema explains, without FORMAT")
      ->required();
  add_asking(sub, options, "");
}

void add_node(CLI::App& sub, cli::Options& options) {
  add(sub, "--node", options.fleet.node, "GLOB", "Only nodes whose name matches as a whole: node-7, pool-a-*");
}

void add_fleet_incident(CLI::App& sub, cli::Options& options) {
  add(sub, "what", options.incident, "list|show", "list (default) or show");
  add(sub, "id", options.id, "NODE/ID|latest", "For show: what the list has in its first column, or latest");
  add(sub, "--window", options.window, "D", "For show: how much time before the kill (default: 30m)");
  add_window(sub, options, "30d", "For list: begin of the window: 30d (default), or in UTC 2026-11-23");
  add_node(sub, options);
  add(sub, "--cgroup", options.cgroup, "GLOB",
      "For list and show latest: only cgroups whose path, name or workload matches, or part of it");
  add_workload(sub, options);
  sub.add_flag("--all", options.all, "For list: every kill, not the repeated kills of a workload together");
  add_asking(sub, options, "30d");
}

void add_fleet_history(CLI::App& sub, cli::Options& options) {
  add(sub, "cgroup", options.cgroup, "GLOB",
      "The cgroup's path, name or workload as a glob, or part of it: shop/web, a container id");
  add(sub, "--cgroup", options.cgroup, "GLOB", "The same");
  add_workload(sub, options);
  add_node(sub, options);
  sub.add_flag("--each", options.each, "Every cgroup alone, not the restarts and replicas of a workload together");
  add_window(sub, options, "1h", "Begin of the window: 1h (default), 7d, or in UTC 2026-11-23T03:12:00Z");
  add_asking(sub, options, "1h");
}

struct FleetCommand {
  const char* name;
  const char* help;
  void (*add_options)(CLI::App& sub, cli::Options& options);
  const char* examples;
};

constexpr FleetCommand kFleetCommands[] = {
    {"init", "Make the tables in ClickHouse that `ship` fills", add_fleet_init, examples::kFleetInit},
    {"report", "The weekly review of all nodes, or one report by name", add_fleet_report, examples::kFleetReport},
    {"incident", "After an OOM kill on any node: who, why, and what led up to it", add_fleet_incident,
     examples::kFleetIncident},
    {"history", "A workload's memory over time, on each node", add_fleet_history, examples::kFleetHistory},
    {"query", "Your own SQL in ClickHouse, read-only", add_fleet_query, examples::kFleetQuery},
};

}  // namespace

void add_fleet(CLI::App& sub, cli::Options& options) {
  sub.require_subcommand(0, 1);
  for (const FleetCommand& command : kFleetCommands) {
    CLI::App& each = *sub.add_subcommand(command.name, command.help);
    command.add_options(each, options);
    each.footer(std::string("Examples:\n") + command.examples + examples::kExitCodes);
    each.final_callback([&each, &options, name = command.name] {
      options.fleet.what = name;
      if (options.fleet.what == "incident") expect_fitting_options(each, options, "fleet incident");
    });
  }
}

}  // namespace cgmm
