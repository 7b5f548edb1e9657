// SPDX-License-Identifier: Apache-2.0
#pragma once

// What came of a reclaim, judged by what was measured before and after it rather than by the kernel's answer: EAGAIN comes
// after nearly everything was freed. Pure: any thread.

#include <cstdint>
#include <optional>
#include <system_error>

#include "core/records.hpp"

namespace cgmm::core {

/// What usage fell by, never below 0; by file where usage is unknown; nullopt where neither is.
std::optional<std::uint64_t> freed_bytes(const Gauges& before, const Gauges& after);

/// `after`: nullopt when the cgroup is gone. `requested_bytes`: nullopt when all was asked for. `answer`: the kernel's.
ReclaimOutcome judge(const Gauges& before, const std::optional<Gauges>& after,
                     std::optional<std::uint64_t> requested_bytes, std::error_code answer);

}  // namespace cgmm::core
