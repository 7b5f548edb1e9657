// SPDX-License-Identifier: Apache-2.0
#pragma once

// The runs as tables for people, and as JSON for whoever wants to calculate something else.

#include <filesystem>
#include <string>
#include <vector>

#include "policy/measure.hpp"

namespace cgmm::bench::policy {

/// A table a workload with a row a policy, one of all workloads, and the bounds that this program promises.
std::string tables(const Settings& settings, const std::vector<Run>& runs);
/// A line with all numbers of a run.
void append_json(const std::filesystem::path& file, const Settings& settings, const Run& run, const std::string& where);

}  // namespace cgmm::bench::policy
