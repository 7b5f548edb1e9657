// SPDX-License-Identifier: Apache-2.0
#pragma once

// The options of each subcommand, as CLI11 is told of them.

#include <CLI/CLI.hpp>

#include <string>

#include "cli/commands.hpp"

namespace cgmm {

void add_run_options(CLI::App& sub, cli::Options& options);
void add_status(CLI::App& sub, cli::Options& options);
void add_report(CLI::App& sub, cli::Options& options);
void add_history(CLI::App& sub, cli::Options& options);
void add_incident(CLI::App& sub, cli::Options& options);
void add_check(CLI::App& sub, cli::Options& options);
void add_query(CLI::App& sub, cli::Options& options);
void add_simulate(CLI::App& sub, cli::Options& options);
void add_archive(CLI::App& sub, cli::Options& options);
void add_metrics(CLI::App& sub, cli::Options& options);
void add_live(CLI::App& sub, cli::Options& options);
void add_serve(CLI::App& sub, cli::Options& options);
void add_ship(CLI::App& sub, cli::Options& options);
void add_fleet(CLI::App& sub, cli::Options& options);
void add_complete(CLI::App& sub, cli::Options& options);

/// Whether an option of `app` was given. CLI::App::count() takes memory where it may not throw.
bool was_given(const CLI::App& app, const std::string& name);

}  // namespace cgmm
