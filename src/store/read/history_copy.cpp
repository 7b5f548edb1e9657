// SPDX-License-Identifier: Apache-2.0
#include "store/read/history_copy.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <new>
#include <optional>
#include <utility>
#include <variant>

#include "store/migrations.hpp"
#include "store/statement.hpp"
#include "store/sum.hpp"

namespace cgmm::store {
namespace {

[[noreturn]] void refuse(const std::string& table, const SQLite::Exception& error) {
  if (error.getErrorCode() == SQLITE_NOMEM) throw std::bad_alloc();
  throw StoreError(StoreError::Kind::corrupt,
                   "a row of table " + table + " is none that a history can have: " + error.what());
}

void bind(Use& use, const core::Cell& cell) {
  std::visit([&](const auto& value) { use.bind(value); }, cell);
}

class Inserter final : public core::RowSink {
 public:
  Inserter(SQLite::Database& database, std::string table) : database_(database), table_(std::move(table)) {}

  void begin(const std::vector<std::string>& columns) override {
    std::string names, places;
    for (const std::string& column : columns) {
      names += (names.empty() ? "" : ", ") + column;
      places += places.empty() ? "?" : ", ?";
    }
    try {
      insert_.emplace(database_, "INSERT OR REPLACE INTO " + table_ + " (" + names + ") VALUES (" + places + ")");
    } catch (const SQLite::Exception& error) {
      refuse(table_, error);
    }
  }
  void add(std::vector<core::Cell> row) override {
    try {
      Use use(*insert_);
      for (const core::Cell& cell : row) bind(use, cell);
      use.step();
    } catch (const SQLite::Exception& error) {
      refuse(table_, error);
    }
  }

 private:
  SQLite::Database& database_;
  std::string table_;
  std::optional<SQLite::Statement> insert_;
};

}  // namespace

HistoryCopy::HistoryCopy()
    : database_(std::make_unique<SQLite::Database>(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX)) {
  migrate(*database_, kMigrations);
  use_sum_without_overflow(*database_);
  // What is unique among the rows that a node has now need not be among all that it ever had.
  database_->exec("DROP INDEX cgroup_identity; DROP INDEX oom_kill_log");
  database_->exec("CREATE INDEX cgroup_path ON cgroup (path)");
  database_->exec("PRAGMA journal_mode = OFF");  // it is used as a whole, or not at all
}
HistoryCopy::~HistoryCopy() = default;
HistoryCopy::HistoryCopy(HistoryCopy&&) noexcept = default;

std::vector<std::string> HistoryCopy::columns_of(const std::string& table) const {
  return column_names(*database_, table);
}

std::unique_ptr<core::RowSink> HistoryCopy::into(std::string table) {
  return std::make_unique<Inserter>(*database_, std::move(table));
}

}  // namespace cgmm::store
