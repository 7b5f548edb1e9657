// SPDX-License-Identifier: Apache-2.0
#pragma once

// oomd with nothing but its plugin senpai, which asks memory.reclaim for a little more again and again until the cgroup
// waits for it.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace cgmm::bench::policy {

/// Writes its configuration into `directory`; the command that starts it. It is told to leave each cgroup as much as
/// its default, which is for whole slices, scaled to a limit of ours.
std::vector<std::string> senpai_command(const std::filesystem::path& oomd, const std::filesystem::path& root,
                                        const std::filesystem::path& parent, const std::filesystem::path& directory,
                                        std::uint64_t limit_bytes);

/// How often it has asked for memory, by the cgroups' names, according to its log: which says so every ten seconds.
std::map<std::string, std::int64_t> senpai_probes(const std::filesystem::path& log);

}  // namespace cgmm::bench::policy
