// SPDX-License-Identifier: Apache-2.0
#pragma once

// The versions of the schema: schema/NNNN_*.sql, embedded at build time. Running the first N gives version N. A file's
// version is its PRAGMA user_version.

#include <span>

#include "core/table.hpp"

namespace SQLite {
class Database;
}

namespace cgmm::store {

extern const std::span<const core::EmbeddedText> kMigrations;

/// In the database's header, "cgmm": distinguishes our files from those of other programs.
inline constexpr int kApplicationId = 0x63676d6d;

/// Runs those of `migrations` that `database` lacks, each in a transaction that also sets the version. Throws
/// SQLite::Exception: then the failed one is rolled back, and earlier ones stay.
void migrate(SQLite::Database& database, std::span<const core::EmbeddedText> migrations);

}  // namespace cgmm::store
