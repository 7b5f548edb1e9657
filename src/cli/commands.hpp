// SPDX-License-Identifier: Apache-2.0
#pragma once

// The subcommands, one file each. Each returns the process's exit code (0 success, 1 failure). main turns an exception
// into a sentence and an exit code.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

#include "config.hpp"
#include "report/format/render.hpp"

namespace cgmm::cli {

/// The command line is wrong. what() is a sentence. Exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The options of all subcommands.
struct CommonOptions {
  std::optional<std::filesystem::path> config;
  config::Overrides
      overrides;  // only `run` and `check` have options for all of these; the others only for the database
};

struct RunOptions {
  std::optional<std::int64_t> cycles;
};

/// The format and destination of a subcommand's output.
struct OutputOptions {
  report::Format format = report::Format::text;
  std::string file;  // "": standard output
};

struct ReportOptions {
  std::string name;  // "": the weekly summary
  bool list = false;
  std::string since = "7d";
  std::string until = "now";
  std::string cgroup;  // glob; "": all
  OutputOptions output;
};

struct HistoryOptions {
  std::string cgroup;
  std::string since = "1h";
  std::string until = "now";
  OutputOptions output;
};

struct IncidentOptions {
  std::string what;  // "": list
  std::string id;    // for `show`
  std::string window = "30m";
  std::string since = "30d";
  std::string until = "now";
  std::string cgroup;
  OutputOptions output;
};

struct QueryOptions {
  std::string sql;
  OutputOptions output;
};

int run(const CommonOptions& common, const RunOptions& options, const std::string& version);
int report(const CommonOptions& common, const ReportOptions& options);
int history(const CommonOptions& common, const HistoryOptions& options);
int incident(const CommonOptions& common, const IncidentOptions& options);
int status(const CommonOptions& common, const OutputOptions& output);
int check(const CommonOptions& common, const OutputOptions& output, const std::string& version);
int query(const CommonOptions& common, const QueryOptions& options);

}  // namespace cgmm::cli
