// SPDX-License-Identifier: Apache-2.0
#pragma once

// From what an operator configures to what the service works with: config and daemon do not know of each other.

#include "cli/commands.hpp"
#include "config.hpp"
#include "daemon/service/service.hpp"

namespace cgmm::cli {

kernel::Watch kernel_watch(config::Watch watch);
daemon::Settings settings_of(const config::Config& config);

/// What a subcommand that only reads the history is configured with.
struct ReaderConfig {
  config::Config config;
  bool has_file = false;  // and it could be taken; else it is the defaults, and not what the service runs with
};

/// Where a file can't be taken, but the database is given, its error goes to standard error and the rest is
/// as without a file: who looks for the reason of a failure shall not be kept from the history by a typing
/// error. That others may write the file is told there too, and it is taken: it decides only what is read. Otherwise
/// throws config::ConfigError.
ReaderConfig load_for_reading(const CommonOptions& common);

}  // namespace cgmm::cli
