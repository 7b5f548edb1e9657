// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads a history of an earlier version as if it had today's schema. A copy from a node that was not upgraded yet must
// be readable too, and a reader never migrates.

#include <SQLiteCpp/Database.h>

namespace cgmm::store {

/// Makes temporary views over the tables and views that have changed since: missing columns are NULL, missing tables
/// are empty. Does nothing if the schema is up to date. Throws SQLite::Exception.
void read_as_current(SQLite::Database& database);

}  // namespace cgmm::store
