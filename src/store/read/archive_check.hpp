// SPDX-License-Identifier: Apache-2.0
#pragma once

// Looks whether what the archive has can be read.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace cgmm::store {

struct ArchiveState {
  std::int64_t chunks = 0;
  std::int64_t samples = 0;                 // in those that can be read
  std::optional<std::int64_t> since_at_us;  // the earliest of them
  std::int64_t damaged_chunks = 0;
  std::int64_t chunks_without_times = 0;  // rows of their scans are lost
  std::string first_damage;               // of which, and what is wrong with it
};

/// Unpacks every chunk: some 40 us of CPU each. Throws StoreError where the file can't be read.
ArchiveState look_at_archive(const std::filesystem::path& file);

}  // namespace cgmm::store
