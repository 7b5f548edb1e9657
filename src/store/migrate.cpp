// SPDX-License-Identifier: Apache-2.0
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Transaction.h>

#include <string>

#include "store/migrations.hpp"

namespace cgmm::store {

void migrate(SQLite::Database& database, std::span<const core::EmbeddedText> migrations) {
  const int had = database.execAndGet("PRAGMA user_version").getInt();
  for (std::size_t i = static_cast<std::size_t>(had); i < migrations.size(); ++i) {
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    database.exec(std::string(migrations[i].text));
    database.exec("PRAGMA user_version = " + std::to_string(i + 1));
    transaction.commit();
  }
}

}  // namespace cgmm::store
