// SPDX-License-Identifier: Apache-2.0
#pragma once

// Converts the configuration to the service's settings, because config and daemon do not know each other.

#include "cli/commands.hpp"
#include "config.hpp"
#include "daemon/service/service.hpp"

namespace cgmm::cli {

kernel::Watch kernel_watch(config::Watch watch);
daemon::Settings settings_of(const config::Config& config);

/// The configuration of a subcommand that only reads the history.
struct ReaderConfig {
  config::Config config;
  bool has_file = false;  // a valid file was read; else these are the defaults, not the service's settings
};

/// If the file is wrong but --database is given, reports the error on standard error and uses the defaults, so that a
/// typing error does not keep the history from being read. If others may write the file, it warns there, and uses the
/// file. Else throws config::ConfigError.
ReaderConfig load_for_reading(const CommonOptions& common);

}  // namespace cgmm::cli
