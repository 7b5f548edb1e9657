// SPDX-License-Identifier: Apache-2.0

// argv -> one command. The only place where an exception becomes an exit code.

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <exception>
#include <iostream>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "command_line.hpp"
#include "config.hpp"
#include "examples.hpp"
#include "kernel/hierarchy.hpp"
#include "report/format/html.hpp"
#include "report/format/render.hpp"
#include "store/archived/damaged_chunks.hpp"
#include "store/error.hpp"

namespace {

namespace cli = cgmm::cli;
namespace examples = cgmm::examples;

constexpr int kFailed = 1;
constexpr int kUsage = 2;  // or the configuration is wrong
// For `serve`, which tells who asked for a page whose mistake it is: 2 is only of the command line then.
constexpr int kNotFoundForServe = 3;
bool is_for_serve = false;

/// A subcommand. Those that do not take the options of `run` refuse them before their name, too.
struct Command {
  const char* name;
  const char* help;
  void (*add_options)(CLI::App& sub, cli::Options& options);
  int (*start)(const cli::Options& options);
  const char* examples;
  bool takes_run_options = false;
  bool has_bounds = true;  // of time and memory
};

constexpr Command kCommands[] = {
    {"run", "The service (the default)", cgmm::add_run_options, cli::run, examples::kRun, true, false},
    {"report", "The weekly summary, or one report by name", cgmm::add_report, cli::report, examples::kReport},
    {"history", "A cgroup's memory over time", cgmm::add_history, cli::history, examples::kHistory},
    {"incident", "After an OOM kill: who, why, and what led up to it", cgmm::add_incident, cli::incident,
     examples::kIncident},
    {"status", "Whether the service runs, and how well; exit code 0: well", cgmm::add_status, cli::status,
     examples::kStatus},
    {"check", "What is right on this machine and what is not", cgmm::add_check, cli::check, examples::kCheck, true},
    {"query", "Your own SQL on the history, read-only", cgmm::add_query, cli::query, examples::kQuery},
    {"simulate", "What another configuration would have done, from what is on record", cgmm::add_simulate,
     cli::simulate, examples::kSimulate},
    {"archive", "All samples, at full resolution, for other programs", cgmm::add_archive, cli::archive,
     examples::kArchive},
    {"metrics", "The node's numbers for Prometheus", cgmm::add_metrics, cli::metrics, examples::kMetrics},
    {"live", "All cgroups on the terminal, now and at any time of the history", cgmm::add_live, cli::live,
     examples::kLive},
    {"serve", "The node's pages and metrics over HTTP", cgmm::add_serve, cli::serve, examples::kServe, false, false},
    {"ship", "Send the history to ClickHouse, and go on doing so", cgmm::add_ship, cli::ship, examples::kShip, false,
     false},
    {"fleet", "The histories of all nodes in ClickHouse", cgmm::add_fleet, cli::fleet, examples::kFleet, false, false},
    {"complete", "Words for the completions of a shell", cgmm::add_complete, cli::complete, ""}};

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

/// An answer without some samples says so.
void tell_of_damage() {
  const cgmm::store::DamagedChunks damaged = cgmm::store::damaged_chunks();
  if (damaged.count == 0) return;
  std::cerr << "warning: " << cgmm::base::counted(damaged.count, "chunk", "chunks")
            << " of the archive can't be read, and the samples in it are missing here; the first: " << damaged.first
            << "\n";
}

/// Of the first word that was not expected: an option of this subcommand, or a subcommand.
std::string suggestion(const CLI::App& app) {
  const CLI::App* used = &app;
  while (!used->get_subcommands().empty()) used = used->get_subcommands().front();
  const std::vector<std::string> words = app.remaining(/*recurse=*/true);
  if (words.empty()) return "";
  const std::string word = words.front().substr(0, words.front().find('='));
  std::vector<std::string> known;
  if (!word.starts_with('-')) {
    for (const CLI::App* each : used->get_subcommands(nullptr)) known.push_back(each->get_name());
    if (used == &app) known.emplace_back("help");
    return did_you_mean(word, known);
  }
  for (const CLI::Option* option : used->get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  return did_you_mean(word, known);
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
  // `help fleet report` is `fleet report --help`.
  for (int i = 2; i + 1 < argc; ++i) argv[i] = argv[i + 1];
  argv[argc - 1] = option.data();
}

/// Refuses `--threshold 10% report`: the option would have no effect.
void expect_no_run_options(const CLI::App& app, const CLI::App& sub) {
  for (const char* const option :
       {"--parent", "--threshold", "--interval", "--cooldown", "--dry-run", "--cycles", "--log-level"}) {
    if (cgmm::was_given(app, option)) {
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

void link_pages(const cli::Options& options) {
  cgmm::report::Place here{.path = options.display.links,
                           .asked = {{"since", options.since},
                                     {"until", options.until},
                                     {"cgroup", options.cgroup},
                                     {"workload", options.workload},
                                     {"node", options.fleet.node},
                                     {"window", options.window}}};
  const bool is_fleet = !options.fleet.what.empty();
  cgmm::report::link_pages(is_fleet ? cgmm::report::PagesOf::fleet : cgmm::report::PagesOf::node, std::move(here));
}

/// Fills in the options and finds the command. An exit code: there is nothing to start. What CLI11 needs for this, 0.3
/// MB, is gone when the command starts: the service would hold it as long as it runs.
std::optional<int> understand(int argc, char** argv, cli::Options& options, const Command*& command_to_start) {
  CLI::App app{
      "Records every container's memory in a SQLite history, and reclaims page cache that is over a threshold.\n"
      "Without a subcommand it runs the service.",
      "cgroup-memory-manager"};
  app.set_version_flag("-V,--version", std::string("cgroup-memory-manager ") + CGMM_VERSION);
  app.footer(std::string(examples::kAll) + examples::kExitCodes);
  app.require_subcommand(0, 1);
  cgmm::add_run_options(app, options);
  for (const Command& command : kCommands) {
    CLI::App& sub = *app.add_subcommand(command.name, command.help);
    command.add_options(sub, options);
    sub.footer(std::string("Examples:\n") + command.examples + examples::kExitCodes);
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
    command_to_start = &command;
  }
  return std::nullopt;
}

int dispatch(int argc, char** argv) {
  cli::Options options{.version = CGMM_VERSION};
  options.arguments.assign(argv, argv + argc);
  const Command* command = nullptr;
  if (const auto exit_code = understand(argc, argv, options, command)) return *exit_code;
  if (command == nullptr) return cli::run(options);
  if (options.display.local_time && !cgmm::report::is_for_programs(options.format)) cgmm::base::show_local_time();
  if (!options.display.links.empty()) link_pages(options);
  is_for_serve = options.is_for_serve;
  if (command->has_bounds) cli::begin_bounds(options.bounds);
  const int code = command->start(options);
  if (command->has_bounds) tell_of_damage();
  return code;
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
    return explain(error, is_for_serve ? kFailed : kUsage);
  } catch (const cli::NotFoundError& error) {
    return explain(error, is_for_serve ? kNotFoundForServe : kFailed);
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
