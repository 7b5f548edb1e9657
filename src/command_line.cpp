// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "base/units.hpp"
#include "cli/terminal.hpp"
#include "command_line_parts.hpp"
#include "examples.hpp"
#include "kernel/parse.hpp"
#include "report/format/render.hpp"

namespace cgmm {
namespace {

std::int64_t parse_cycles(const std::string& text) {
  const auto cycles = kernel::parse_number(text).value_or(0);
  if (cycles == 0) refuse_value("--cycles", text, "a number of scans, 1 or more");
  return static_cast<std::int64_t>(cycles);
}

report::Format parse_format(const std::string& name) {
  const auto format = report::parse_format(name);
  if (!format) refuse_value("--format", name, "text, markdown, html, csv, json or ndjson");
  return *format;
}

std::int64_t parse_max_time(const std::string& text) {
  const auto time_us = base::parse_duration_us(text);
  if (!time_us) refuse_value("--max-time", text, "a duration such as \"30s\" or \"5m\", or 0 for no limit");
  return *time_us;
}

std::uint64_t parse_max_memory(const std::string& text) {
  const auto bytes = base::parse_size(text);
  if (!bytes) refuse_value("--max-memory", text, "a size such as \"256Mi\" or \"1GiB\", or 0 for no limit");
  return *bytes;
}

std::size_t parse_width(const std::string& text) {
  const auto width = kernel::parse_number(text).value_or(0);
  if (width < cli::kNarrowest || width > cli::kWidest) refuse_value("--width", text, "a number of columns, 40 to 1000");
  return static_cast<std::size_t>(width);
}

}  // namespace

void refuse_value(const std::string& option, const std::string& value, const std::string& expected) {
  throw cli::UsageError(option + " = \"" + value + "\": expected " + expected);
}

void add_config(CLI::App& app, cli::Options& options) {
  add(app, "--config", options.config, "FILE", "Configuration (default: /etc/cgroup-memory-manager/config.toml)");
}

void add_database(CLI::App& app, cli::Options& options) {
  add(app, "--database", options.overrides.database, "FILE", "The history, a SQLite file");
}

void add_output(CLI::App& app, cli::Options& options) {
  app.add_option_function<std::string>(
         "--format", [&options](const std::string& name) { options.format = parse_format(name); },
         "text (default), markdown, html, csv, json, ndjson")
      ->type_name("F");
  add(app, "--output", options.output, "FILE", "Write to this file instead of standard output");
  app.add_flag("--wide", options.display.wide, "Text: all columns of a table, and no name shortened");
  app.add_option_function<std::string>(
         "--width", [&options](const std::string& text) { options.display.width = parse_width(text); },
         "Text: make it fit so many columns, 40 to 1000 (default: the terminal's; no limit in a pipe or file)")
      ->type_name("N");
  app.add_flag("--local-time", options.display.local_time,
               "Times in the machine's zone (not in csv and json; --since and --until stay UTC)");
  app.add_option("--links", options.display.links, "The page of serve at this address, with links to the others")
      ->group("");
  app.add_flag("--no-pager", options.display.no_pager, "Write long text to the terminal, not to $PAGER or less");
}

void add_bounds(CLI::App& app, cli::Options& options, const std::string& default_time) {
  app.add_flag("--for-serve", options.is_for_serve, "Exit codes that serve tells apart")->group("");
  app.add_option_function<std::string>(
         "--max-time", [&options](const std::string& text) { options.bounds.time_us = parse_max_time(text); },
         "Seconds until the answer has to be complete, or 5m; 0: no limit (default: " + default_time + ")")
      ->type_name("S");
  app.add_option_function<std::string>(
         "--max-memory", [&options](const std::string& text) { options.bounds.memory_bytes = parse_max_memory(text); },
         "Memory for the answer; 0: no limit (default: CGMM_MAX_MEMORY, else 256Mi)")
      ->type_name("SIZE")
      ->envname("CGMM_MAX_MEMORY");
}

void add_reading(CLI::App& app, cli::Options& options) {
  add_output(app, options);
  add_bounds(app, options);
  add_config(app, options);
  add_database(app, options);
}

void add_window(CLI::App& app, cli::Options& options, const char* since, const char* since_help) {
  app.preparse_callback([&options, since](std::size_t) { options.since = since; });
  add(app, "--since", options.since, "WHEN", since_help);
  add(app, "--until", options.until, "WHEN", "End of the window: now (default), 1d, or in UTC 2026-11-23");
}

void add_workload(CLI::App& sub, cli::Options& options) {
  add(sub, "--workload", options.workload, "GLOB",
      "Only workloads that match as a whole (namespace/name/container): shop/web/app, shop/*");
}

void add_run_options(CLI::App& app, cli::Options& options) {
  config::Overrides& overrides = options.overrides;
  add_config(app, options);
  add(app, "--parent", overrides.parent, "DIR", "Directory whose cgroups are tracked, or \"auto\"");
  add(app, "--threshold", overrides.threshold, "SIZE|PERCENT",
      "Page cache at or over this is reclaimed: 25% of the limit, 512Mi, 100MB");
  add(app, "--interval", overrides.interval, "S", "Seconds between scans, or 500ms, 1m");
  add(app, "--cooldown", overrides.cooldown, "S", "Seconds before a cgroup is reclaimed again, or 5m, 1h");
  add_database(app, options);
  app.add_flag("--dry-run", overrides.dry_run, "Record what would be reclaimed, but reclaim nothing");
  app.add_option_function<std::string>(
         "--cycles", [&options](const std::string& text) { options.cycles = parse_cycles(text); },
         "Stop after this many scans")
      ->type_name("N");
  add(app, "--log-level", overrides.log_level, "LEVEL",
      "trace, debug, info, warn, error, off (else RUST_LOG, else info)");
}

void add_status(CLI::App& app, cli::Options& options) {
  app.preparse_callback([&options](std::size_t) { options.display.no_pager = true; });  // it is short
  app.add_flag("--short", options.is_short, "Only the first line: all in one sentence");
  add_reading(app, options);
}

void add_report(CLI::App& sub, cli::Options& options) {
  add(sub, "name", options.report, "NAME", "A report (see --list); none: the weekly summary");
  add_window(sub, options, "7d", "Begin of the window: 7d (default), 90m, or in UTC 2026-11-23, 2026-11-23T03:12:00Z");
  add(sub, "--cgroup", options.cgroup, "GLOB",
      "Only cgroups whose path, name or workload matches, or part of it: shop/web, a container id");
  add_workload(sub, options);
  add(sub, "--sort", options.display.sort, "COLUMN", "Of a page of serve that can be sorted")->group("");
  sub.add_flag("--list", options.list, "List the reports, including your own in reports_dir");
  add_reading(sub, options);
}

void add_history(CLI::App& sub, cli::Options& options) {
  add(sub, "cgroup", options.cgroup, "GLOB",
      "The cgroup's path, name or workload as a glob, or part of it: shop/web, a container id");
  add(sub, "file", options.backup, "FILE",
      "history backup FILE: a copy of the whole history, made while the service runs");
  add_workload(sub, options);
  sub.add_flag("--each", options.each, "Every cgroup alone, not the restarts and replicas of a workload together");
  add_window(sub, options, "1h", "Begin of the window: 1h (default), 7d, or in UTC 2026-11-23T03:12:00Z");
  add_reading(sub, options);
}

bool was_given(const CLI::App& app, const std::string& name) {
  return std::ranges::any_of(
      app.get_options(), [&](const CLI::Option* option) { return option->count() > 0 && option->check_name(name); });
}

/// An option of `incident show` is none of `incident list`, and the other way round.
void expect_fitting_options(const CLI::App& sub, const cli::Options& options, const std::string& command) {
  const bool shows = options.incident == "show";
  for (const char* const option : {"--window", "--since", "--until", "--cgroup", "--workload", "--node", "--all"}) {
    const std::string_view name = option;
    const bool is_for_show = name == "--window";
    const bool is_for_latest = name == "--cgroup" || name == "--workload" || name == "--node";
    if (!was_given(sub, option) || shows == is_for_show || (is_for_latest && options.id == "latest")) continue;
    throw cli::UsageError(std::string(option) + " is an option of " + command + " " +
                          (is_for_show     ? "show"
                           : is_for_latest ? "list and " + command + " show latest"
                                           : "list"));
  }
}

void add_incident(CLI::App& sub, cli::Options& options) {
  add(sub, "what", options.incident, "list|show", "list (default) or show");
  add(sub, "id", options.id, "ID|latest", "For show: the number of a kill in the list, or latest");
  add(sub, "--window", options.window, "D", "For show: how much time before the kill (default: 30m)");
  add_window(sub, options, "30d", "For list: begin of the window: 30d (default), or in UTC 2026-11-23");
  add(sub, "--cgroup", options.cgroup, "GLOB",
      "For list and show latest: only cgroups whose path, name or workload matches, or part of it");
  add_workload(sub, options);
  sub.add_flag("--all", options.all, "For list: every kill, not the repeated kills of a workload together");
  add_reading(sub, options);
  sub.final_callback([&sub, &options] { expect_fitting_options(sub, options, "incident"); });
}

void add_check(CLI::App& sub, cli::Options& options) {
  constexpr std::int64_t kMaxTime_us = 600 * base::kSecond_us;  // it looks at everything
  sub.preparse_callback([&options](std::size_t) { options.bounds.time_us = kMaxTime_us; });
  sub.add_flag("--config-only", options.config_only,
               "Only whether the service would take the configuration, as systemctl reload asks");
  add_output(sub, options);
  add_bounds(sub, options);
  add_run_options(sub, options);
}

void add_query(CLI::App& sub, cli::Options& options) {
  add(sub, "sql", options.sql, "SQL", "One SELECT; the views v_sample, v_reclaim, v_oom_kill, v_cgroup are for people")
      ->required();
  add_reading(sub, options);
}

namespace {

cli::ExportFormat parse_export_format(const std::string& name) {
  if (name == "csv") return cli::ExportFormat::csv;
  if (name == "ndjson") return cli::ExportFormat::ndjson;
  if (name != "sqlite") refuse_value("--format", name, "csv, ndjson or sqlite");
  return cli::ExportFormat::sqlite;
}

void add_export(CLI::App& sub, cli::Options& options) {
  add_window(sub, options, "7d", "Begin of the window: 7d (default), 90m, or in UTC 2026-11-23, 2026-11-23T03:12:00Z");
  sub.preparse_callback([&options](std::size_t) {
    options.since = "7d";
    options.bounds.time_us = 0;  // there may be a hundred days of samples
    options.bounds.what_is_less = cli::kShorterTime;
  });
  sub.add_option_function<std::string>(
         "--format", [&options](const std::string& name) { options.archive.format = parse_export_format(name); },
         "csv (default), ndjson, or sqlite: a file with the tables scan, cgroup and sample")
      ->type_name("F");
  add(sub, "--output", options.output, "FILE",
      "Write to this file instead of standard output; for sqlite one that is not there yet");
  add_bounds(sub, options, "no limit");
  add_config(sub, options);
  add_database(sub, options);
}

}  // namespace

void add_archive(CLI::App& sub, cli::Options& options) {
  sub.require_subcommand(0, 1);
  CLI::App& each = *sub.add_subcommand("export", "All samples of a time, archived or not, for other programs");
  add_export(each, options);
  each.footer(std::string("Examples:\n") + examples::kArchive + examples::kExitCodes);
  each.final_callback([&options] { options.archive.what = "export"; });
}

void add_metrics(CLI::App& sub, cli::Options& options) {
  add(sub, "--textfile", options.output, "FILE",
      "Write to this file, which is replaced as a whole: for the textfile collector of node_exporter");
  sub.add_flag("--containers", options.metrics.containers, "With the memory of each container: four series each");
  sub.add_flag("--openmetrics", options.metrics.openmetrics, "As OpenMetrics instead of the text format");
  sub.preparse_callback([&options](std::size_t) { options.display.no_pager = true; });
  add_bounds(sub, options);
  add_config(sub, options);
  add_database(sub, options);
}

void add_live(CLI::App& sub, cli::Options& options) {
  add(sub, "--at", options.since, "WHEN", "Begin at this time, paused: 2h, or in UTC 2026-11-23T03:12 (default: now)");
  sub.add_flag("--local-time", options.display.local_time,
               "Times in the machine's zone (those that are typed stay UTC)");
  sub.preparse_callback([&options](std::size_t) { options.bounds.time_us = 0; });  // it goes on until somebody ends it
  add_config(sub, options);
  add_database(sub, options);
}

void add_serve(CLI::App& sub, cli::Options& options) {
  cli::ServeOptions& serve = options.serve;
  add(sub, "--listen", serve.listen, "ADDRESS:PORT",
      "Where (default: 127.0.0.1:9748, which only this machine can reach)");
  add(sub, "--token-file", serve.token_file, "FILE", "Only for who sends its first line: Authorization: Bearer TOKEN");
  add(sub, "--cert", serve.cert_file, "FILE", "The certificate for https, with its chain (PEM)");
  add(sub, "--key", serve.key_file, "FILE", "Its private key (PEM)");
  sub.add_flag("--containers", serve.containers, "Metrics with the memory of each container: four series each");
  sub.add_flag("--fleet", serve.fleet, "Pages of all nodes instead, from the ClickHouse of [ship]; without metrics");
  add_config(sub, options);
  add_database(sub, options);
}

void add_ship(CLI::App& sub, cli::Options& options) {
  sub.add_flag("--once", options.ship.once, "Send all that is not there yet, then end");
  sub.add_flag("--dry-run", options.ship.dry_run, "Say how much that is, but send nothing");
  sub.add_flag("--check", options.ship.check, "Say whether it can be sent: history, connection, tables, rights, clock");
  add(sub, "--node", options.ship.node, "NAME",
      "What this node is called there (default: CGMM_NODE, else node in [ship], else the host's name)")
      ->envname("CGMM_NODE");
  add_output(sub, options);
  add_config(sub, options);
  add_database(sub, options);
}

void add_complete(CLI::App& sub, cli::Options& options) {
  constexpr std::int64_t kMaxTime_us = 2 * base::kSecond_us;  // somebody waits for it at a prompt
  sub.preparse_callback([&options](std::size_t) { options.bounds.time_us = kMaxTime_us; });
  add(sub, "what", options.complete, "reports|workloads|kills", "What to name, for the completions of a shell")
      ->required();
  add_config(sub, options);
  add_database(sub, options);
  sub.group("");  // not in --help
}

}  // namespace cgmm
