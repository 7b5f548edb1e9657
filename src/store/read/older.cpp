// SPDX-License-Identifier: Apache-2.0
#include "store/read/older.hpp"

#include <SQLiteCpp/Statement.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "store/migrations.hpp"

namespace cgmm::store {
namespace {

std::vector<std::string> column_names(SQLite::Database& database, const std::string& table) {
  SQLite::Statement columns(database, "SELECT name FROM pragma_table_info(?, 'main')");
  columns.bind(1, table);
  std::vector<std::string> names;
  while (columns.executeStep()) names.push_back(columns.getColumn(0).getString());
  return names;
}

/// A view of the table with today's columns; "": it has all of them.
std::string select_as_current(const std::string& table, const std::vector<std::string>& now,
                              const std::vector<std::string>& then) {
  const auto was_there = [&](const std::string& name) {
    return std::find(then.begin(), then.end(), name) != then.end();
  };
  if (std::all_of(now.begin(), now.end(), was_there)) return "";
  std::string columns;
  for (const std::string& name : now) {
    columns += (columns.empty() ? "" : ", ") + std::string(was_there(name) ? "" : "NULL AS ") + name;
  }
  return "SELECT " + columns + (then.empty() ? " WHERE 0" : " FROM main." + table);
}

}  // namespace

void read_as_current(SQLite::Database& database) {
  if (database.execAndGet("PRAGMA user_version").getInt() == static_cast<int>(kMigrations.size())) return;
  SQLite::Database current(":memory:", SQLite::OPEN_READWRITE);
  migrate(current, kMigrations);
  database.exec("PRAGMA temp_store = MEMORY");
  SQLite::Statement schema(current,
                           "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'view') "
                           "AND name NOT LIKE 'sqlite%' ORDER BY type, rowid");
  while (schema.executeStep()) {
    const std::string name = schema.getColumn(1).getString();
    if (schema.getColumn(0).getString() == "table") {
      const std::string select = select_as_current(name, column_names(current, name), column_names(database, name));
      if (!select.empty()) database.exec("CREATE TEMP VIEW " + name + " AS " + select);
    } else {
      constexpr std::string_view kCreate = "CREATE ";
      database.exec("CREATE TEMP " + schema.getColumn(2).getString().substr(kCreate.size()));
    }
  }
}

}  // namespace cgmm::store
