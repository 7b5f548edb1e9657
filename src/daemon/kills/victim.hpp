// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is known of a kill beyond what the kernel log says: which cgroup and container the victim was in. Any thread.

#include <cstdint>
#include <string>

#include "core/records.hpp"
#include "kernel/hierarchy.hpp"

namespace cgmm::daemon {

/// With the victim's cgroup as it is now: a moment later it may be gone. `boot_id` is that of the log.
core::OomKill located(core::LoggedKill kill, const std::string& boot_id, std::int64_t killed_at_us,
                      const kernel::Hierarchy& hierarchy);

/// "java (pid 77) and 2 more of its group".
std::string victim_in_words(const core::LoggedKill& kill);

}  // namespace cgmm::daemon
