// SPDX-License-Identifier: Apache-2.0
#pragma once

// Prepared statements of a connection. For the thread that owns it.

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cgmm::store {

/// SQLite's integers are signed. No measured value comes near 2^63.
inline std::int64_t to_sql(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::int64_t>::max()));
}
/// An inode is an identity: all of its bits stay.
inline std::int64_t inode_to_sql(std::uint64_t inode) { return static_cast<std::int64_t>(inode); }
inline std::uint64_t inode_from_sql(std::int64_t inode) { return static_cast<std::uint64_t>(inode); }

/// Bytes that are no text.
struct Blob {
  std::string_view bytes;
};

/// One use of a statement. Resets it at the end, because a running statement keeps its transaction open.
class Use {
 public:
  /// Binds `values` to the parameters, beginning with the first. Text is copied, whatever bytes it has.
  template <class... Values>
  explicit Use(SQLite::Statement& statement, const Values&... values) : statement_(statement) {
    (bind(values), ...);
  }
  ~Use() { statement_.tryReset(); }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

  /// Binds the next parameter.
  void bind(std::int64_t value) { statement_.bind(next_++, value); }
  void bind(double value) { statement_.bind(next_++, value); }
  void bind(std::monostate) { statement_.bind(next_++); }
  void bind(const std::string& text) { statement_.bind(next_++, text); }
  void bind(std::string_view text) { bind(std::string(text)); }
  void bind(Blob blob) { statement_.bind(next_++, blob.bytes.data(), static_cast<int>(blob.bytes.size())); }
  void bind(const std::optional<std::int64_t>& value) { value ? bind(*value) : bind(std::monostate{}); }
  void bind(const std::optional<std::uint64_t>& value) { value ? bind(to_sql(*value)) : bind(std::monostate{}); }

  /// True: there is a row.
  bool step() { return statement_.executeStep(); }
  std::int64_t integer(int column) const { return statement_.getColumn(column).getInt64(); }
  std::string text(int column) const { return statement_.getColumn(column).getString(); }
  std::string bytes(int column) const {
    const SQLite::Column value = statement_.getColumn(column);
    const void* const data = value.getBlob();
    return data == nullptr ? std::string()
                           : std::string(static_cast<const char*>(data), static_cast<std::size_t>(value.getBytes()));
  }
  /// nullopt: NULL.
  std::optional<std::int64_t> number(int column) const {
    return statement_.isColumnNull(column) ? std::nullopt : std::optional(integer(column));
  }
  std::optional<std::uint64_t> amount(int column) const {
    if (statement_.isColumnNull(column)) return std::nullopt;
    return static_cast<std::uint64_t>(integer(column));
  }

 private:
  SQLite::Statement& statement_;
  int next_ = 1;
};

/// Compiles each statement once, when it is first used. Outlived by its connection.
class Statements {
 public:
  explicit Statements(SQLite::Database& database) : database_(database) {}

  SQLite::Database& database() { return database_; }

  template <class... Values>
  Use use(std::string_view sql, const Values&... values) {
    return Use(prepared(sql), values...);
  }
  /// For a statement that returns no rows. How many it has changed.
  template <class... Values>
  std::int64_t execute(std::string_view sql, const Values&... values) {
    use(sql, values...).step();
    return database_.getChanges();
  }
  /// The first value of the first row; nullopt: NULL, or no row.
  template <class... Values>
  std::optional<std::int64_t> number(std::string_view sql, const Values&... values) {
    Use row = use(sql, values...);
    return row.step() ? row.number(0) : std::nullopt;
  }

 private:
  SQLite::Statement& prepared(std::string_view sql) {
    auto found = statements_.find(sql);
    if (found == statements_.end()) {
      const std::string text(sql);
      found = statements_.try_emplace(text, database_, text).first;
    }
    return found->second;
  }

  SQLite::Database& database_;
  std::map<std::string, SQLite::Statement, std::less<>> statements_;
};

inline std::vector<std::string> column_names(SQLite::Database& database, const std::string& table) {
  SQLite::Statement statement(database, "SELECT name FROM pragma_table_info(?, 'main')");
  std::vector<std::string> names;
  for (Use row(statement, table); row.step();) names.push_back(row.text(0));
  return names;
}

}  // namespace cgmm::store
