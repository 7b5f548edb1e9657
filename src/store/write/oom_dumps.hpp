// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the kernel prints at an OOM kill, apart from the victim: what ran out, the largest processes (`oom_process`),
// and the node's memory (`oom_node`). Used inside a transaction.

#include <cstdint>

#include "core/records.hpp"
#include "store/statement.hpp"

namespace cgmm::store {

/// Of a kill whose row is there. Replaces what is on record under its id.
void store_dump(Statements& sql, std::int64_t oom_kill_id, const core::LoggedKill& kill);

/// The processes and the node's memory. The kill's own row stays.
void drop_dump(Statements& sql, std::int64_t oom_kill_id);

}  // namespace cgmm::store
