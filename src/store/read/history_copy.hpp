// SPDX-License-Identifier: Apache-2.0
#pragma once

// A history in memory: it has today's schema, is filled with rows from elsewhere, and is then read as any other
// (store::Reader). One thread.

#include <memory>
#include <string>
#include <vector>

#include "core/table.hpp"
#include "store/error.hpp"

namespace SQLite {
class Database;
}

namespace cgmm::store {

class HistoryCopy {
 public:
  /// Throws std::bad_alloc.
  HistoryCopy();
  ~HistoryCopy();
  HistoryCopy(HistoryCopy&&) noexcept;
  HistoryCopy& operator=(HistoryCopy&&) = delete;

  /// Those that can be written.
  std::vector<std::string> columns_of(const std::string& table) const;

  /// Takes rows for a table. The columns are columns of it; a row takes the place of one with the same key. add()
  /// throws StoreError(corrupt) for a row that the table does not take.
  std::unique_ptr<core::RowSink> into(std::string table);

 private:
  friend class Reader;
  std::unique_ptr<SQLite::Database> database_;
};

}  // namespace cgmm::store
