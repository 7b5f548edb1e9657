// SPDX-License-Identifier: Apache-2.0

// argv -> one command. The only place where an exception becomes an exit code.

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/terminal.hpp"
#include "config.hpp"
#include "examples.hpp"
#include "kernel/hierarchy.hpp"
#include "kernel/parse.hpp"
#include "report/format/render.hpp"
#include "store/error.hpp"

namespace {

namespace cli = cgmm::cli;
namespace examples = cgmm::examples;

constexpr int kFailed = 1;
constexpr int kUsage = 2;  // or the configuration is wrong

[[noreturn]] void refuse_value(const std::string& option, const std::string& value, const std::string& expected) {
  throw cli::UsageError(option + " = \"" + value + "\": expected " + expected);
}

std::int64_t parse_cycles(const std::string& text) {
  const auto cycles = cgmm::kernel::parse_number(text).value_or(0);
  if (cycles == 0) refuse_value("--cycles", text, "a number of scans, 1 or more");
  return static_cast<std::int64_t>(cycles);
}

cgmm::report::Format parse_format(const std::string& name) {
  const auto format = cgmm::report::parse_format(name);
  if (!format) refuse_value("--format", name, "text, markdown, html, csv, json or ndjson");
  return *format;
}

std::int64_t parse_max_time(const std::string& text) {
  const auto time_us = cgmm::base::parse_duration_us(text);
  if (!time_us) refuse_value("--max-time", text, "a duration such as \"30s\" or \"5m\", or 0 for no limit");
  return *time_us;
}

std::uint64_t parse_max_memory(const std::string& text) {
  const auto bytes = cgmm::base::parse_size(text);
  if (!bytes) refuse_value("--max-memory", text, "a size such as \"256Mi\" or \"1GiB\", or 0 for no limit");
  return *bytes;
}

std::size_t parse_width(const std::string& text) {
  const auto width = cgmm::kernel::parse_number(text).value_or(0);
  if (width < cli::kNarrowest || width > cli::kWidest) refuse_value("--width", text, "a number of columns, 40 to 1000");
  return static_cast<std::size_t>(width);
}

template <class Target>
CLI::Option* add(CLI::App& app, const char* name, Target& target, const char* type, const char* help) {
  return app.add_option(name, target, help)->type_name(type);
}

void add_config(CLI::App& app, cli::Options& options) {
  add(app, "--config", options.config, "FILE", "Configuration (default: /etc/cgroup-memory-manager/config.toml)");
}

void add_database(CLI::App& app, cli::Options& options) {
  add(app, "--database", options.overrides.database, "FILE", "The history, a SQLite file");
}

void add_run_options(CLI::App& app, cli::Options& options) {
  cgmm::config::Overrides& overrides = options.overrides;
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
  app.add_flag("--no-pager", options.display.no_pager, "Write long text to the terminal, not to $PAGER or less");
}

void add_bounds(CLI::App& app, cli::Options& options) {
  app.add_option_function<std::string>(
         "--max-time", [&options](const std::string& text) { options.bounds.time_us = parse_max_time(text); },
         "Seconds until the answer has to be complete, or 5m; 0: no limit (default: 30s; check: 10m)")
      ->type_name("S");
  app.add_option_function<std::string>(
         "--max-memory", [&options](const std::string& text) { options.bounds.memory_bytes = parse_max_memory(text); },
         "Memory for the answer; 0: no limit (default: CGMM_MAX_MEMORY, else 256Mi)")
      ->type_name("SIZE")
      ->envname("CGMM_MAX_MEMORY");
}

/// The options of all subcommands that read the history.
void add_reading(CLI::App& app, cli::Options& options) {
  add_output(app, options);
  add_bounds(app, options);
  add_config(app, options);
  add_database(app, options);
}

void add_status(CLI::App& app, cli::Options& options) {
  app.preparse_callback([&options](std::size_t) { options.display.no_pager = true; });  // it is short
  app.add_flag("--short", options.is_short, "Only the first line: all in one sentence");
  add_reading(app, options);
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

void add_report(CLI::App& sub, cli::Options& options) {
  add(sub, "name", options.report, "NAME", "A report (see --list); none: the weekly summary");
  add_window(sub, options, "7d", "Begin of the window: 7d (default), 90m, or in UTC 2026-11-23, 2026-11-23T03:12:00Z");
  add(sub, "--cgroup", options.cgroup, "GLOB",
      "Only cgroups whose path, name or workload matches, or part of it: shop/web, a container id");
  add_workload(sub, options);
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

/// Whether an option of `app` was given. CLI::App::count() takes memory where it may not throw.
bool was_given(const CLI::App& app, const std::string& name) {
  return std::ranges::any_of(
      app.get_options(), [&](const CLI::Option* option) { return option->count() > 0 && option->check_name(name); });
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
  sub.final_callback([&sub, &options] {
    const bool shows = options.incident == "show";
    for (const char* const option : {"--window", "--since", "--until", "--cgroup", "--workload", "--all"}) {
      const bool is_for_show = option == std::string_view("--window");
      const bool is_for_latest = option == std::string_view("--cgroup") || option == std::string_view("--workload");
      if (!was_given(sub, option) || shows == is_for_show || (is_for_latest && options.id == "latest")) continue;
      throw cli::UsageError(std::string(option) + " is an option of incident " +
                            (is_for_show     ? "show"
                             : is_for_latest ? "list and incident show latest"
                                             : "list"));
    }
  });
}

void add_check(CLI::App& sub, cli::Options& options) {
  constexpr std::int64_t kMaxTime_us = 600 * cgmm::base::kSecond_us;  // it looks at everything
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

void add_complete(CLI::App& sub, cli::Options& options) {
  constexpr std::int64_t kMaxTime_us = 2 * cgmm::base::kSecond_us;  // somebody waits for it at a prompt
  sub.preparse_callback([&options](std::size_t) { options.bounds.time_us = kMaxTime_us; });
  add(sub, "what", options.complete, "reports|workloads|kills", "What to name, for the completions of a shell")
      ->required();
  add_config(sub, options);
  add_database(sub, options);
  sub.group("");  // not in --help
}

/// A subcommand. Those that do not take the options of `run` refuse them before their name, too.
struct Command {
  const char* name;
  const char* help;
  void (*add_options)(CLI::App& sub, cli::Options& options);
  int (*start)(const cli::Options& options);
  const char* examples;
  bool takes_run_options = false;
};

constexpr Command kCommands[] = {
    {"run", "The service (the default)", add_run_options, cli::run, examples::kRun, true},
    {"report", "The weekly summary, or one report by name", add_report, cli::report, examples::kReport},
    {"history", "A cgroup's memory over time", add_history, cli::history, examples::kHistory},
    {"incident", "After an OOM kill: who, why, and what led up to it", add_incident, cli::incident,
     examples::kIncident},
    {"status", "Whether the service runs, and how well; exit code 0: well", add_status, cli::status, examples::kStatus},
    {"check", "What is right on this machine and what is not", add_check, cli::check, examples::kCheck, true},
    {"query", "Your own SQL on the history, read-only", add_query, cli::query, examples::kQuery},
    {"complete", "Words for the completions of a shell", add_complete, cli::complete, ""}};

constexpr const char* kExitCodes = "\nExit codes: 0 success, 1 the work failed, 2 usage or configuration is wrong.";

std::vector<std::string> names_of_commands() {
  std::vector<std::string> names;
  for (const Command& command : kCommands) names.emplace_back(command.name);
  names.emplace_back("help");
  return names;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const std::string meant = cgmm::base::closest(word, known);
  return meant.empty() ? "" : "Did you mean " + meant + "?\n";
}

/// Of the first word that was not expected: an option of this subcommand, or a subcommand.
std::string suggestion(const CLI::App& app) {
  const std::vector<CLI::App*> used = app.get_subcommands();
  const std::vector<std::string> words = app.remaining(/*recurse=*/true);
  if (words.empty()) return "";
  const std::string word = words.front().substr(0, words.front().find('='));
  if (!word.starts_with('-')) return used.empty() ? did_you_mean(word, names_of_commands()) : "";
  std::vector<std::string> options;
  for (const CLI::Option* option : (used.empty() ? app : *used.front()).get_options()) {
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  }
  return did_you_mean(word, options);
}

/// `help` is --help, and `help report` is `report --help`.
void understand_help(int argc, char** argv) {
  static std::string option = "--help";
  if (argc < 2 || std::string_view(argv[1]) != "help") return;
  if (argc > 2) {
    const auto is_it = [&](const Command& command) { return std::string_view(command.name) == argv[2]; };
    if (std::ranges::none_of(kCommands, is_it)) {
      std::string meant = did_you_mean(argv[2], names_of_commands());
      if (!meant.empty()) meant = " " + meant.substr(0, meant.size() - 1);
      throw cli::UsageError(std::string("there is no subcommand \"") + argv[2] + "\"." + meant);
    }
    argv[1] = argv[2];
  }
  argv[argc > 2 ? 2 : 1] = option.data();
}

/// Refuses `--threshold 10% report`: the option would have no effect.
void expect_no_run_options(const CLI::App& app, const CLI::App& sub) {
  for (const char* const option :
       {"--parent", "--threshold", "--interval", "--cooldown", "--dry-run", "--cycles", "--log-level"}) {
    if (was_given(app, option)) {
      throw cli::UsageError(std::string(option) + " is an option of run and check, not of " + sub.get_name());
    }
  }
}

/// Not when standard error takes nothing: a pipe that nobody reads must not keep the program from ending.
int explain(const std::exception& error, int exit_code, const std::string& hint = "") {
  pollfd standard_error{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&standard_error, 1, /*timeout_ms=*/200) == 0) return exit_code;
  std::cerr << "cgroup-memory-manager: " << cgmm::base::escape_for_terminal(error.what()) << '\n' << hint;
  return exit_code;
}

int dispatch(int argc, char** argv) {
  cli::Options options{.version = CGMM_VERSION};
  CLI::App app{
      "Records every container's memory in a SQLite history, and reclaims page cache that is over a threshold.\n"
      "Without a subcommand it runs the service.",
      "cgroup-memory-manager"};
  app.set_version_flag("-V,--version", std::string("cgroup-memory-manager ") + CGMM_VERSION);
  app.footer(std::string(examples::kAll) + kExitCodes);
  app.require_subcommand(0, 1);
  add_run_options(app, options);
  for (const Command& command : kCommands) {
    CLI::App& sub = *app.add_subcommand(command.name, command.help);
    command.add_options(sub, options);
    sub.footer(std::string("Examples:\n") + command.examples + kExitCodes);
  }
  try {
    understand_help(argc, argv);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return explain(error, kUsage, suggestion(app) + "Run with --help for more information.\n");
  }
  for (const Command& command : kCommands) {
    const CLI::App& sub = *app.get_subcommand(command.name);
    if (!sub.parsed()) continue;
    if (!command.takes_run_options) expect_no_run_options(app, sub);
    if (options.display.local_time && !cgmm::report::is_for_programs(options.format)) cgmm::base::show_local_time();
    if (command.start != cli::run) cli::begin_bounds(options.bounds);
    return command.start(options);
  }
  return cli::run(options);
}

/// In words, whoever tells of it.
struct OutOfMemory : std::bad_alloc {
  const char* what() const noexcept override { return "out of memory"; }
};

}  // namespace

int main(int argc, char** argv) {
  std::set_new_handler([] { throw OutOfMemory(); });
  ::signal(SIGXFSZ, SIG_IGN);  // a write beyond RLIMIT_FSIZE is an error (EFBIG), like one on a full disk
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
  } catch (const std::bad_alloc&) {
    cli::end_out_of_memory();
  } catch (const std::exception& error) {
    return explain(error, kFailed);
  }
}
