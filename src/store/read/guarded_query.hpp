// SPDX-License-Identifier: Apache-2.0
#pragma once

// Runs the operator's SQL, and that of reports_dir: it can only read this one database. There are two checks, because
// neither is enough: SQLite calls ATTACH, BEGIN and some PRAGMAs "read-only", and an authorizer is asked about words,
// not about effects. What it takes in time and memory is bounded by the process (cli/bounds).

#include <string_view>

#include "core/table.hpp"
#include "store/error.hpp"

namespace SQLite {
class Database;
}

namespace cgmm::store {

/// Gives the rows to `rows`. It sorts in memory, not on disk. Throws StoreError(bad_query) if the SQL is wrong,
/// std::bad_alloc if there is too little memory for it, SQLite::Exception if the file or the disk fails.
void run_guarded(SQLite::Database& database, std::string_view sql, const core::Parameters& parameters,
                 core::RowSink& rows);

}  // namespace cgmm::store
