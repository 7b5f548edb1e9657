// SPDX-License-Identifier: Apache-2.0
#pragma once

// How much of a cgroup's page cache nobody uses, as the kernel's lists and counters tell. Pure: any thread.
//
// The inactive list has what was read once, and what was used again long ago. How soon a page that is used leaves it
// differs: at its second use (classic lists), or when the lists are aged (MGLRU). Measured: docs/reclaim.md.

#include <cstdint>
#include <memory>
#include <optional>

#include "core/sample.hpp"

namespace cgmm::core {

/// What is on the inactive list, less what is mapped, and less what is to be written first, which may all be there.
/// nullopt: the kernel does not tell.
std::optional<std::uint64_t> idle_cache_bytes(const MemorySample& sample);

/// What one scan tells about the use of a cgroup's page cache. The counters are since the cgroup was made.
struct CacheUse {
  std::uint64_t cache_bytes = 0;  // reclaimable
  std::optional<std::uint64_t> active_bytes;
  std::optional<std::uint64_t> refault_file;  // pages
  std::optional<std::uint64_t> major_faults;  // each has read a page at least: executables, libraries, mapped files
};

CacheUse cache_use_of(const Gauges& gauges, const Counters& counters);

/// Whether the kernel has not found out yet what is used: between two scans, a fiftieth of the cache or more was read
/// back or faulted in, or has become active. What is not known is no reason.
bool is_in_use(const CacheUse& before, const CacheUse& now, std::uint64_t page_bytes);

/// Follows the use of one cgroup's page cache from scan to scan.
class CacheWatch {
 public:
  /// Whether a cgroup that is over its threshold is left alone in this scan, because the kernel has to find out first
  /// what of its page cache is idle, for which two scans are needed. Never where not only what is idle is taken.
  bool leaves_alone(bool is_over, bool takes_only_idle, const CacheUse& now, std::uint64_t page_bytes);

  /// Whether no scan has found it over its threshold yet.
  bool is_new() const { return !last_; }

 private:
  std::unique_ptr<CacheUse> last_;  // a pointer, because few of very many cgroups are over their threshold
};

}  // namespace cgmm::core
