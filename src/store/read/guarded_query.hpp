// SPDX-License-Identifier: Apache-2.0
#pragma once

// Runs the operator's SQL, and that of reports_dir: it can only read this one database, and it ends. There are two
// checks, because neither is enough: SQLite calls ATTACH, BEGIN and some PRAGMAs "read-only", and an authorizer is
// asked about words, not about effects.

#include <cstdint>
#include <string_view>

#include "core/table.hpp"
#include "store/error.hpp"

namespace SQLite {
class Database;
}

namespace cgmm::store {

/// What a statement may take. One without an end (a recursive WITH) or with a mistake (a join without its ON) is
/// refused before it takes the node's memory. It sorts in memory, not on disk.
struct QueryLimits {
  std::int64_t memory_bytes = std::int64_t{256} << 20;  // SQLite's, of the whole process
  std::int64_t answer_bytes = std::int64_t{128} << 20;  // all values of the answer
  int value_bytes = 16 << 20;                           // one text or blob
  std::int64_t steps = 20'000'000'000;                  // of SQLite's virtual machine: minutes
};

/// Throws StoreError(bad_query) if the SQL is wrong or over a limit, SQLite::Exception if the file or the disk fails.
core::Table run_guarded(SQLite::Database& database, std::string_view sql, const core::Parameters& parameters,
                        const QueryLimits& limits = {});

}  // namespace cgmm::store
