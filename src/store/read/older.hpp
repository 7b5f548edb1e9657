// SPDX-License-Identifier: Apache-2.0
#pragma once

// A history that an earlier version wrote, read as if it had today's schema: a copy from a node that was not upgraded
// yet must be as readable as any, and a reader never migrates.

#include <SQLiteCpp/Database.h>

namespace cgmm::store {

/// Puts temporary views over the tables and views of this connection that have changed since: a column that the file
/// lacks is NULL in them, a table that it lacks is empty. Nothing where the schema is up to date. Throws
/// SQLite::Exception.
void read_as_current(SQLite::Database& database);

}  // namespace cgmm::store
