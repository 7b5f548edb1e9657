// SPDX-License-Identifier: Apache-2.0
#pragma once

// Deletes old samples of the archive.

#include <cstdint>

#include "store/age/old_rows.hpp"
#include "store/statement.hpp"

namespace cgmm::store {

/// How far chunks have been looked through, of which some stay although they are old enough.
struct ChunkPosition {
  std::int64_t block = INT64_MIN;      // this one is dealt with,
  std::int64_t cgroup_id = INT64_MIN;  // and of the next one the chunks up to this cgroup
};

/// Block by block in the order in which they were recorded, once all of a block is old enough. Never of a block that is
/// not complete: the archiver goes on with it, and its samples are in `sample`. Of the samples around an
/// OOM kill (old_rows.hpp), which stay, smaller chunks are made. One slice of 150 chunks at most, inside a
/// transaction. False: there was nothing to do. `dropped_count`: more samples are gone.
bool drop_chunks(Statements& sql, const OldSamples& which, ChunkPosition& position, std::int64_t& dropped_count);

}  // namespace cgmm::store
