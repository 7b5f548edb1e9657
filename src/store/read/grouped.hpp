// SPDX-License-Identifier: Apache-2.0
#pragma once

// An aggregate function of reports, in the place of GROUP BY where millions of rows have few groups: SQLite would sort
// them all in memory, which takes most of the time.

struct sqlite3;

namespace cgmm::store {

/// Adds grouped(KINDS, KEY, VALUE...) to the connection. KINDS has a word for each VALUE: 'sum', 'min', 'max', or
/// 'p50' or 'p99': the lowest value at or below which 50 % or 99 % of them are; all values are kept until then.
/// KEY is an integer. The result is a JSON array with an array for each key: the key, and what became of each value.
/// It computes with doubles. A value that is no number does not count; without any, the result is null.
void add_grouped(sqlite3* database);

}  // namespace cgmm::store
