// SPDX-License-Identifier: Apache-2.0
#pragma once

// The answer of a simulation as a table. Pure: any thread.

#include <vector>

#include "core/table.hpp"
#include "simulate/simulation.hpp"

namespace cgmm::simulate {

/// A row for each workload, most freed first, and one for all of them. What would have been is beside what was.
core::Table answer_table(const std::vector<Answer>& answers);

/// The same configuration as the one that ran: how far what was predicted is from what was.
core::Table backtest_table(const std::vector<Answer>& answers);

}  // namespace cgmm::simulate
