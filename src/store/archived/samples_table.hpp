// SPDX-License-Identifier: Apache-2.0
#pragma once

// Two virtual tables, which exist by themselves in a connection: sample_archive has the samples that are in
// archive_chunk, all_samples those and the ones of `sample`. Both have the columns of `sample`, and at_us, when their
// scan began. In the order of the key of `sample`, forwards or backwards. Constraints on scan_id, cgroup_id and at_us
// bound what is read.
//
// Who reads both of them should do it in a transaction: samples move from one place to the other.

#include <sqlite3.h>

namespace cgmm::store {

/// A code of SQLite. They are of the history that is open ("main"). Of one that is attached as NAME:
/// CREATE VIRTUAL TABLE temp.x USING all_samples(NAME). Without an archive, there are only the samples of `sample`.
int add_archive_tables(sqlite3* database);

}  // namespace cgmm::store
