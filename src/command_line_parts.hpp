// SPDX-License-Identifier: Apache-2.0
#pragma once

// Options that several subcommands have, for the files in which their options are added.

#include <CLI/CLI.hpp>

#include <string>

#include "cli/commands.hpp"

namespace cgmm {

/// Throws UsageError.
[[noreturn]] void refuse_value(const std::string& option, const std::string& value, const std::string& expected);

template <class Target>
CLI::Option* add(CLI::App& app, const char* name, Target& target, const char* type, const char* help) {
  return app.add_option(name, target, help)->type_name(type);
}

void add_config(CLI::App& app, cli::Options& options);
void add_database(CLI::App& app, cli::Options& options);
void add_output(CLI::App& app, cli::Options& options);
void add_bounds(CLI::App& app, cli::Options& options, const std::string& default_time = "30s; check and simulate: 10m");
/// Those of all subcommands that read the history.
void add_reading(CLI::App& app, cli::Options& options);
/// `since`: what it is without the option.
void add_window(CLI::App& app, cli::Options& options, const char* since, const char* since_help);
void add_workload(CLI::App& sub, cli::Options& options);

/// Throws UsageError. `command`: "incident" or "fleet incident".
void expect_fitting_options(const CLI::App& sub, const cli::Options& options, const std::string& command);

}  // namespace cgmm
