// SPDX-License-Identifier: Apache-2.0
#pragma once

// Runs the operator's SQL so that it can do nothing but read this one database. Two guards, because neither
// is enough: SQLite calls ATTACH, BEGIN and some PRAGMAs "read-only", and an authorizer is asked about words,
// not about effects. The thread that owns the connection.

#include <string_view>

#include "core/table.hpp"
#include "store/error.hpp"

namespace SQLite {
class Database;
}

namespace cgmm::store {

/// Throws StoreError(bad_query) where the SQL is at fault, SQLite::Exception where the file or disk is.
core::Table run_guarded(SQLite::Database& database, std::string_view sql, const core::Parameters& parameters);

}  // namespace cgmm::store
