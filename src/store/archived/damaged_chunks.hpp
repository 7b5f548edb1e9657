// SPDX-License-Identifier: Apache-2.0
#pragma once

// Chunks of the archive that could not be read: their samples are missing in an answer. Of the whole process, because
// SQLite's virtual tables have nobody to tell. Any thread.

#include <cstddef>
#include <cstdint>
#include <string>

namespace cgmm::store {

struct DamagedChunks {
  std::size_t count = 0;
  std::string first;  // which, and what is wrong with it
};

/// "cgroup_id 2, block 7: it is empty".
std::string damage_in_words(std::int64_t block, std::int64_t cgroup_id, const char* what);

/// The same chunk counts once. Whether it is a new one.
bool note_damaged_chunk(std::int64_t block, std::int64_t cgroup_id, const char* what);
DamagedChunks damaged_chunks();

}  // namespace cgmm::store
