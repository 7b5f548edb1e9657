// SPDX-License-Identifier: Apache-2.0
#pragma once

// Packs the samples of some scans once more, all cgroups of a scan together (table archive_instant): whoever asks for
// all cgroups at one time reads one row instead of a chunk of each. docs/archive.md tells which scans.

#include <cstdint>
#include <string>
#include <vector>

#include "archive/chunk.hpp"
#include "store/statement.hpp"

namespace cgmm::store {

/// Of the table `sample`: cgroup_id, and what is packed, in the order of archive::kColumns.
std::string packed_columns();

/// The scans of the block that are packed: the first full one of each hour. None, if the block has less than sixty
/// scans an hour.
std::vector<std::int64_t> scans_of_instants(Statements& sql, std::int64_t block);

/// Inside a transaction. Reads the samples of the scan from the table `sample`. Does nothing where they would need more
/// than `room_bytes`.
void keep_instant(Statements& sql, archive::Encoder& encoder, std::int64_t scan_id, std::int64_t room_bytes);

/// Those of the block, because it will not have all of its chunks any more.
void drop_instants_of_block(Statements& sql, std::int64_t block);

/// Those that have samples of the cgroup, which lived from ... to.
void drop_instants_of_cgroup(Statements& sql, std::int64_t cgroup_id, std::int64_t from_us, std::int64_t to_us);

}  // namespace cgmm::store
