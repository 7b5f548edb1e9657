// SPDX-License-Identifier: Apache-2.0
#pragma once

// A reclaim in one line of the log. Any thread.

#include "core/records.hpp"

namespace cgmm::daemon {

void log_reclaim(const core::Reclaim& reclaim);

}  // namespace cgmm::daemon
