// SPDX-License-Identifier: Apache-2.0
#pragma once

// From what an operator configures to what the service works with: config and daemon do not know of each other.

#include "config.hpp"
#include "daemon/service.hpp"

namespace cgmm::cli {

kernel::Watch kernel_watch(config::Watch watch);
daemon::Settings settings_of(const config::Config& config);

}  // namespace cgmm::cli
