// SPDX-License-Identifier: Apache-2.0
#pragma once

// The parts of `ship` that are a file of their own. One thread.

#include <string>

#include "cli/commands.hpp"
#include "config.hpp"

namespace cgmm::cli {

/// What this node is called in the fleet: as configured, else the host's name.
std::string node_name(const config::Config& config);
/// "" where there is none.
std::string this_machine_id();

/// `ship --check`. Returns the exit code.
int check_shipping(const Options& options, const config::Config& config);

}  // namespace cgmm::cli
