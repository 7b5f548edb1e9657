// SPDX-License-Identifier: Apache-2.0
#pragma once

// What other programs of Debian take that record the memory of cgroups, or of the processes in them, on the same
// containers and every ten seconds, too. They run from a directory that their packages were unpacked into.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "containers.hpp"
#include "figures.hpp"

namespace cgmm::bench {

struct PeerCost {
  std::string name;
  Measured cpu_ns;  // in ten seconds, of all its processes
  std::int64_t rss_bytes = 0;
};

/// One after the other. `unpacked`: bench/run fills it; those that are not there are left out. Their files go into
/// `directory`.
std::vector<PeerCost> measure_peers(const std::filesystem::path& unpacked, const Playground& playground,
                                    const std::filesystem::path& directory);

/// Beside the service's own, given as `own`.
std::string table_of(const std::vector<PeerCost>& peers, const PeerCost& own, std::size_t containers);

}  // namespace cgmm::bench
