// SPDX-License-Identifier: Apache-2.0
#pragma once

// Why a process was killed, as far as its row in `oom_kill` and the samples before tell. Used inside a transaction.

#include <cstdint>
#include <string_view>

#include "core/records.hpp"
#include "store/statement.hpp"

namespace cgmm::store {

/// The columns of what was measured, in the order of bind_memory().
inline constexpr std::string_view kSetMemory =
    "limit_bytes = ?, usage_bytes = ?, anon_bytes = ?, shmem_bytes = ?, kernel_bytes = ?, cache_bytes = ?, "
    "dirty_bytes = ?, swap_bytes = ?, slab_reclaimable_bytes = ?";
void bind_memory(Use& row, const core::MemoryAtKill& memory);

/// Sets the cause and the numbers of a kill, and whether its samples are kept. Again when its cgroup becomes known.
void explain_kill(Statements& sql, std::int64_t oom_kill_id);

}  // namespace cgmm::store
