// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a scan was measured to cost, as tables. Measured times are nanoseconds of CPU.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "containers.hpp"
#include "figures.hpp"
#include "peers.hpp"
#include "recording.hpp"

namespace cgmm::bench {

/// With one number of containers and one load. Idle: not all is measured.
struct Cost {
  std::size_t containers = 0;
  Load load = Load::busy;
  std::size_t cgroups = 0;                  // recorded: containers, pods, services
  Measured floor_cold, floor_hot;           // (a) a pass
  Measured sampler_cold, sampler_hot;       // (b) a scan
  Measured service_cold, service_hot;       // (c) a scan and all that is done until the next: ten seconds, and one
  std::map<std::string, Measured> threads;  // of (c), cold, by their names
  Measured switches;                        // of (c), cold: context switches
  std::int64_t start_us = 0, stop_us = 0;
  std::int64_t largest_rss_bytes = 0, rss_bytes = 0, anonymous_bytes = 0, pinned_bytes = 0;
  double held_file_bytes = 0;  // pinned by each file that the floor holds
  Recorded recorded;
  std::vector<PeerCost> peers;
};

std::string table_of(const std::vector<Cost>& costs);
std::vector<Bound> bounds_of(const std::vector<Cost>& costs);

}  // namespace cgmm::bench
