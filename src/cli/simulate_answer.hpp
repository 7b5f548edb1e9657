// SPDX-License-Identifier: Apache-2.0
#pragma once

// Runs a simulation over the history: hands the room `simulate` what is on record.

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "cli/output.hpp"
#include "core/policy.hpp"
#include "simulate/simulation.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {

/// What is simulated.
struct Simulated {
  core::Policy policy;
  simulate::Feedback feedback = simulate::Feedback::none;
  bool only_from_before = false;  // what is known of reading back comes from reclaims before the moment it is used for
  std::set<std::string> workloads{};    // empty: all in the window's glob
  std::size_t most_cgroups = SIZE_MAX;  // nothing is simulated if there are more
};

/// By workload. Only those in the window's glob are replayed.
std::vector<simulate::Answer> simulated(store::Reader& reader, const Window& window, const Simulated& what);

}  // namespace cgmm::cli
