// SPDX-License-Identifier: Apache-2.0
#pragma once

// From what an operator configures to what the service works with: config and daemon do not know of each other.

#include "cli/commands.hpp"
#include "config.hpp"
#include "daemon/service.hpp"

namespace cgmm::cli {

kernel::Watch kernel_watch(config::Watch watch);
daemon::Settings settings_of(const config::Config& config);

/// What a subcommand that only reads the history is configured with.
struct ReaderConfig {
  config::Config config;
  bool has_file = false;  // else it is the defaults, and not what the service runs with
};

/// Throws config::ConfigError.
ReaderConfig load_for_reading(const CommonOptions& common);

}  // namespace cgmm::cli
