// SPDX-License-Identifier: Apache-2.0
#pragma once

// Replays what the advice of the weekly report would have done, before it is given.

#include <vector>

#include "cli/output.hpp"
#include "core/policy.hpp"
#include "report/weekly/advice.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {

/// Adds to the reason of each advice what its rule would have done in the last seven days of the window at most, and by
/// how much such a replay is off for this workload. Nothing where that can't be told well enough.
void check_advice(std::vector<report::Finding>& findings, store::Reader& reader, const Window& window,
                  const core::Policy& policy);

}  // namespace cgmm::cli
