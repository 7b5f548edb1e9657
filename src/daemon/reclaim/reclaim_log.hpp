// SPDX-License-Identifier: Apache-2.0
#pragma once

// A reclaim in words. Any thread.

#include <string>
#include <system_error>

#include "core/outcome.hpp"
#include "core/records.hpp"

namespace cgmm::daemon {

/// One line of the log. `name`: what the cgroup is called there.
void log_reclaim(const core::Reclaim& reclaim, const std::string& name);

/// What went wrong; empty where nothing did: that less was freed than was asked is an outcome. `reclaim_file`: what was
/// written to.
std::string error_of(const core::Reclaim& reclaim, const core::Progress& progress, const char* reclaim_file);

/// Why no timer can end a write of cgroup v1, if there is a reason. Once in the life of the process.
void tell_of_all(std::error_code because);

}  // namespace cgmm::daemon
