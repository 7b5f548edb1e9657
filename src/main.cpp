// SPDX-License-Identifier: Apache-2.0

// argv -> one command. The only place where an exception becomes an exit code: 0 success, 1 the work failed, 2 usage or
// configuration is wrong.

#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <charconv>
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <system_error>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "config.hpp"
#include "kernel/hierarchy.hpp"
#include "report/format/render.hpp"
#include "store/error.hpp"

namespace {

namespace cli = cgmm::cli;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

struct Arguments {
  cli::CommonOptions common;
  cli::RunOptions run;
  cli::ReportOptions report;
  cli::HistoryOptions history;
  cli::IncidentOptions incident;
  cli::QueryOptions query;
  cli::OutputOptions output;  // of status and check
};

[[noreturn]] void refuse_value(const std::string& option, const std::string& value, const std::string& expected) {
  throw cli::UsageError(option + " = \"" + value + "\": expected " + expected);
}

std::int64_t parse_cycles(const std::string& text) {
  std::int64_t cycles = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, cycles);
  if (error != std::errc{} || stop != end || cycles < 1) refuse_value("--cycles", text, "a number of scans, 1 or more");
  return cycles;
}

cgmm::report::Format parse_format(const std::string& name) {
  const auto format = cgmm::report::parse_format(name);
  if (!format) refuse_value("--format", name, "text, markdown, html, csv or json");
  return *format;
}

void add_config(CLI::App& app, Arguments& arguments) {
  app.add_option("--config", arguments.common.config, "Configuration (default: /etc/cgroup-memory-manager/config.toml)")
      ->type_name("FILE");
}

void add_database(CLI::App& app, Arguments& arguments) {
  app.add_option("--database", arguments.common.overrides.database, "The history, a SQLite file")->type_name("FILE");
}

void add_run_options(CLI::App& app, Arguments& arguments) {
  cgmm::config::Overrides& overrides = arguments.common.overrides;
  add_config(app, arguments);
  app.add_option("--parent", overrides.parent, "Directory whose cgroups are tracked, or \"auto\"")->type_name("DIR");
  app.add_option("--threshold", overrides.threshold,
                 "Page cache at or over this is reclaimed: 25% of the limit, 512Mi, 100MB")
      ->type_name("SIZE|PERCENT");
  app.add_option("--interval", overrides.interval, "Seconds between scans, or 500ms, 1m")->type_name("S");
  app.add_option("--cooldown", overrides.cooldown, "Seconds before a cgroup is reclaimed again, or 5m, 1h")
      ->type_name("S");
  add_database(app, arguments);
  app.add_flag("--dry-run", overrides.dry_run, "Record what would be reclaimed, but reclaim nothing");
  app.add_option_function<std::string>(
         "--cycles", [&arguments](const std::string& text) { arguments.run.cycles = parse_cycles(text); },
         "Stop after this many scans")
      ->type_name("N");
  app.add_option("--log-level", overrides.log_level, "trace, debug, info, warn, error, off (else RUST_LOG, else info)")
      ->type_name("LEVEL");
}

void add_output(CLI::App& app, cli::OutputOptions& output) {
  app.add_option_function<std::string>(
         "--format", [&output](const std::string& name) { output.format = parse_format(name); },
         "text (default), markdown, html, csv, json")
      ->type_name("F");
  app.add_option("--output", output.file, "Write to this file instead of standard output")->type_name("FILE");
}

template <class Options>
void add_window(CLI::App& app, Options& options, const char* since_help) {
  app.add_option("--since", options.since, since_help)->type_name("WHEN");
  app.add_option("--until", options.until, "End of the window (default: now)")->type_name("WHEN");
}

CLI::App* add_report(CLI::App& app, Arguments& arguments) {
  CLI::App* const sub = app.add_subcommand("report", "The weekly summary, or one report by name");
  sub->add_option("name", arguments.report.name, "A report (see --list); none: the weekly summary")->type_name("NAME");
  add_window(*sub, arguments.report, "Begin of the window: 7d (default), 90m, 2026-11-23, 2026-11-23T03:12:00Z");
  sub->add_option("--cgroup", arguments.report.cgroup,
                  "Only cgroups whose path or name matches, or part of it: shop/web, a container id")
      ->type_name("GLOB");
  sub->add_flag("--list", arguments.report.list, "List the reports, including your own in reports_dir");
  add_output(*sub, arguments.report.output);
  add_config(*sub, arguments);
  add_database(*sub, arguments);
  return sub;
}

CLI::App* add_history(CLI::App& app, Arguments& arguments) {
  CLI::App* const sub = app.add_subcommand("history", "A cgroup's memory over time");
  sub->add_option("cgroup", arguments.history.cgroup,
                  "The cgroup's path or name as a glob, or part of it: shop/web, a container id")
      ->required()
      ->type_name("GLOB");
  add_window(*sub, arguments.history, "Begin of the window: 1h (default), 7d, 2026-11-23T03:12:00Z");
  add_output(*sub, arguments.history.output);
  add_config(*sub, arguments);
  add_database(*sub, arguments);
  return sub;
}

CLI::App* add_incident(CLI::App& app, Arguments& arguments) {
  cli::IncidentOptions& options = arguments.incident;
  CLI::App* const sub = app.add_subcommand("incident", "After an OOM kill: who, why, and what led up to it");
  sub->add_option("what", options.what, "list (default) or show")->type_name("list|show");
  sub->add_option("id", options.id, "For show: the number of a kill in the list, or latest")->type_name("ID|latest");
  CLI::Option* const window =
      sub->add_option("--window", options.window, "For show: how much time before the kill (default: 30m)")
          ->type_name("D");
  add_window(*sub, options, "For list: begin of the window: 30d (default), 2026-11-23");
  sub->add_option("--cgroup", options.cgroup, "For list: only cgroups whose path or name matches, or part of it")
      ->type_name("GLOB");
  add_output(*sub, options.output);
  add_config(*sub, arguments);
  add_database(*sub, arguments);
  sub->final_callback([sub, window, &options] {
    const bool shows = options.what == "show";
    if (!shows && window->count() > 0) throw cli::UsageError("--window is an option of incident show");
    for (const char* const option : {"--since", "--until", "--cgroup"}) {
      if (shows && sub->count(option) > 0)
        throw cli::UsageError(std::string(option) + " is an option of incident list");
    }
  });
  return sub;
}

CLI::App* add_query(CLI::App& app, Arguments& arguments) {
  CLI::App* const sub = app.add_subcommand("query", "Your own SQL on the history, read-only");
  sub->add_option("sql", arguments.query.sql,
                  "One SELECT; the views v_sample, v_reclaim, v_oom_kill, v_cgroup are for people")
      ->required()
      ->type_name("SQL");
  add_output(*sub, arguments.query.output);
  add_config(*sub, arguments);
  add_database(*sub, arguments);
  return sub;
}

constexpr const char* kExamples =
    "Examples:\n"
    "  cgroup-memory-manager check\n"
    "      what is right on this machine and what is not\n"
    "  cgroup-memory-manager --parent /sys/fs/cgroup/memory/kubepods --threshold 25%\n"
    "      track the pods, reclaim where page cache is over a quarter of the limit\n"
    "  cgroup-memory-manager report\n"
    "      whether reclaiming helped in the last 7 days, and what to change\n"
    "  cgroup-memory-manager history 3fa91c --since 2h\n"
    "      the memory of one container, by part of its id\n"
    "  cgroup-memory-manager incident show latest\n"
    "      who was OOM-killed, why, and what led up to it\n"
    "  cgroup-memory-manager query \"SELECT * FROM v_reclaim ORDER BY freed_bytes DESC LIMIT 5\"\n"
    "\nExit codes: 0 success, 1 the work failed, 2 usage or configuration is wrong.";

/// Refuses `--threshold 10% report`: the option would have no effect.
template <class... Subcommands>
void expect_no_run_options(const CLI::App& app, const Subcommands&... subcommands) {
  for (const CLI::App* const sub : {&subcommands...}) {
    if (!sub->parsed()) continue;
    for (const char* const option :
         {"--parent", "--threshold", "--interval", "--cooldown", "--dry-run", "--cycles", "--log-level"}) {
      if (app.count(option) > 0)
        throw cli::UsageError(std::string(option) + " is an option of run and check, not of " + sub->get_name());
    }
  }
}

/// Not when standard error takes nothing: a pipe that nobody reads must not keep the program from ending.
int explain(const std::exception& error, int exit_code, const char* hint = "") {
  pollfd standard_error{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&standard_error, 1, /*timeout_ms=*/200) == 0) return exit_code;
  std::cerr << "cgroup-memory-manager: " << cgmm::base::escape_for_terminal(error.what()) << '\n' << hint;
  return exit_code;
}

int dispatch(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{
      "Records every container's memory in a SQLite history, and reclaims page cache that is over a threshold.\n"
      "Without a subcommand it runs the service.",
      "cgroup-memory-manager"};
  app.set_version_flag("--version", std::string("cgroup-memory-manager ") + CGMM_VERSION);
  app.footer(kExamples);
  app.require_subcommand(0, 1);
  add_run_options(app, arguments);
  CLI::App* const run = app.add_subcommand("run", "The service (the default)");
  add_run_options(*run, arguments);
  CLI::App* const report = add_report(app, arguments);
  CLI::App* const history = add_history(app, arguments);
  CLI::App* const incident = add_incident(app, arguments);
  CLI::App* const status = app.add_subcommand("status", "Whether the service runs, and how well; exit code 0: well");
  CLI::App* const check = app.add_subcommand("check", "What is right on this machine and what is not");
  for (CLI::App* const sub : {status, check}) add_output(*sub, arguments.output);
  add_config(*status, arguments);
  add_database(*status, arguments);
  add_run_options(*check, arguments);
  CLI::App* const query = add_query(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return explain(error, kUsage, "Run with --help for more information.\n");
  }
  expect_no_run_options(app, *report, *history, *incident, *status, *query);
  if (report->parsed()) return cli::report(arguments.common, arguments.report);
  if (history->parsed()) return cli::history(arguments.common, arguments.history);
  if (incident->parsed()) return cli::incident(arguments.common, arguments.incident);
  if (status->parsed()) return cli::status(arguments.common, arguments.output);
  if (check->parsed()) return cli::check(arguments.common, arguments.output, CGMM_VERSION);
  if (query->parsed()) return cli::query(arguments.common, arguments.query);
  return cli::run(arguments.common, arguments.run, CGMM_VERSION);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return dispatch(argc, argv);
  } catch (const cgmm::config::ConfigError& error) {
    return explain(error, kUsage);
  } catch (const cgmm::kernel::HierarchyError& error) {
    return explain(error, kUsage);
  } catch (const cli::UsageError& error) {
    return explain(error, kUsage);
  } catch (const cgmm::store::StoreError& error) {
    return explain(error, error.kind() == cgmm::store::StoreError::Kind::bad_query ? kUsage : kFailed);
  } catch (const std::exception& error) {
    return explain(error, kFailed);
  }
}
