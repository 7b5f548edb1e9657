// SPDX-License-Identifier: Apache-2.0
#pragma once

// The schema, version by version: schema/NNNN_*.sql, embedded at build time. Version N is reached by running
// the first N; which one a file has is its PRAGMA user_version.

#include <span>

#include "core/table.hpp"

namespace SQLite {
class Database;
}

namespace cgmm::store {

extern const std::span<const core::EmbeddedText> kMigrations;

/// In the database's header, so that another program's file is told from ours: "cgmm".
inline constexpr int kApplicationId = 0x63676d6d;

/// Runs those of `migrations` that `database` has not had, each in one transaction together with its version.
/// Throws SQLite::Exception; the one that failed has then left nothing, those before it stay.
void migrate(SQLite::Database& database, std::span<const core::EmbeddedText> migrations);

}  // namespace cgmm::store
