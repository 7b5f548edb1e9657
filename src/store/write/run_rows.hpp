// SPDX-License-Identifier: Apache-2.0
#pragma once

// The beginning and the end of a run, and its events. But for read_handover(), used inside a transaction.

#include <cstdint>
#include <string>

#include "core/records.hpp"
#include "store/statement.hpp"

namespace cgmm::store {

/// Of the cgroups that were there when the last run ended, nothing is left out before end_last_run().
core::Handover read_handover(Statements& sql, std::int64_t now_us);

/// Ends what an earlier run left open. If it has no 'stop', one is recorded because of `ended_because`, or where that
/// is empty, a 'crash_found'. In words what was found of a crash.
std::string end_last_run(Statements& sql, std::int64_t now_us, const std::string& ended_because);

void record(Statements& sql, const core::ServiceEvent& event);
/// In place of the facts that were there.
void record(Statements& sql, const core::NodeFacts& node);

}  // namespace cgmm::store
