// SPDX-License-Identifier: Apache-2.0
#pragma once

// The subcommands, one file each. They return the exit code (0 success, 1 failure); main turns an exception into one.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "cli/bounds.hpp"
#include "config.hpp"
#include "report/format/render.hpp"

namespace cgmm::cli {

/// The command line is wrong. what() is a sentence. Exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What was asked for is not there, and nothing is wrong.
class NotFoundError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// How text is shown to a person.
struct Display {
  bool wide = false;                 // tables have all columns, and nothing is shortened
  std::optional<std::size_t> width;  // instead of the terminal's
  bool no_pager = false;
  bool local_time = false;  // for people; the others are told UTC
  std::string links;        // a page of `serve`: its address without the end; "": it is none
  std::string sort;         // of a page of `serve`: a column
};

/// For `ship`.
struct ShipOptions {
  // One of them at most.
  bool once = false;     // send what there is, then end
  bool dry_run = false;  // only say how much there is
  bool check = false;    // only whether it could be sent
  std::string node;      // what this node is called; "": as configured
};

/// For `fleet`.
struct FleetOptions {
  std::string what;  // "init", "report" or "query"; "": none
  std::string node;  // glob; "": all
  bool print = false;
  std::string cluster;  // "": one server
  std::int64_t keep_samples_days = 0, keep_hours_days = 0;
};

enum class ExportFormat { csv, ndjson, sqlite };

/// For `archive`.
struct ArchiveOptions {
  std::string what;  // "export"; "": none
  ExportFormat format = ExportFormat::csv;
};

/// For `serve`.
struct ServeOptions {
  std::string listen = "127.0.0.1:9748";
  std::filesystem::path cert_file, key_file, token_file;
  bool containers = false;  // metrics with gauges for each container
  bool fleet = false;       // pages of all nodes, from ClickHouse
};

/// For `metrics`.
struct MetricsOptions {
  bool containers = false;   // with gauges for each container
  bool openmetrics = false;  // instead of the text format
};

/// For `simulate`.
struct SimulateOptions {
  std::string preset;  // "rust", "shipped", "psi" or "refault"; "": the configuration
  bool backtest = false;
};

/// What the command line says. Each subcommand has some of these options.
struct Options {
  std::string version;  // of this program
  std::optional<std::filesystem::path> config;
  config::Overrides overrides;
  std::optional<std::int64_t> cycles;
  report::Format format = report::Format::text;
  std::string output;  // a file; "": standard output
  std::string since;   // main has the default of each subcommand; of live, --at
  std::string until = "now";
  std::string cgroup;    // glob; "": all
  std::string workload;  // glob; "": all
  std::string backup;    // a file; "": none
  std::string report;    // name; "": the weekly summary
  std::string incident;  // "list" or "show"; "": list
  std::string id;        // for incident show
  std::string window = "30m";
  std::string sql;
  std::string complete;  // "reports", "workloads" or "kills"
  bool list = false;
  bool each = false;         // for history: every cgroup alone
  bool all = false;          // for incident list: every kill
  bool is_short = false;     // for status: only its first line
  bool config_only = false;  // for check: only the configuration and its parent
  ShipOptions ship;
  FleetOptions fleet;
  ArchiveOptions archive;
  MetricsOptions metrics;
  SimulateOptions simulate;
  ServeOptions serve;
  std::vector<std::string> arguments;  // all of the command line
  Display display;
  bool is_for_serve = false;  // exit codes tell more
  Bounds bounds;              // of all commands but run, ship and fleet init
};

int run(const Options& options);
int report(const Options& options);
int history(const Options& options);
int incident(const Options& options);
int status(const Options& options);
int check(const Options& options);
int query(const Options& options);
int archive(const Options& options);
int metrics(const Options& options);
int simulate(const Options& options);
/// Names words of the history for the completions of a shell, one a line. Says nothing if there is no history.
int complete(const Options& options);
/// The work of these is done by the program cgroup-memory-manager-fleet; the other one starts that
/// (fleet_program.cpp).
int ship(const Options& options);
int fleet(const Options& options);
int serve(const Options& options);
int live(const Options& options);

}  // namespace cgmm::cli
