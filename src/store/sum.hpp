// SPDX-License-Identifier: Apache-2.0
#pragma once

// SQLite's sum() ends the query where the sum of integers does not fit: one wrong number in a copied history would take
// a whole report away. This one gives a real number then, as + does.

namespace SQLite {
class Database;
}

namespace cgmm::store {

/// In all that this connection runs. Throws SQLite::Exception.
void use_sum_without_overflow(SQLite::Database& database);

}  // namespace cgmm::store
