// SPDX-License-Identifier: Apache-2.0
#include "store/sum.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <cstdint>
#include <limits>

namespace cgmm::store {
namespace {

__extension__ using Int128 [[gnu::aligned(8)]] = __int128;  // SQLite's memory has no more

/// SQLite gives it zeroed.
struct Sum {
  Int128 integers;
  double reals;
  std::int64_t real_count;
  std::int64_t count;  // of all
};

Sum* sum_of(sqlite3_context* context, int size) { return static_cast<Sum*>(sqlite3_aggregate_context(context, size)); }

void change(sqlite3_context* context, sqlite3_value* value, int by) {
  const int type = sqlite3_value_numeric_type(value);
  if (type == SQLITE_NULL) return;
  Sum* const sum = sum_of(context, sizeof(Sum));
  if (sum == nullptr) return sqlite3_result_error_nomem(context);
  sum->count += by;
  if (type == SQLITE_INTEGER) {
    sum->integers += Int128{sqlite3_value_int64(value)} * by;
  } else {
    sum->reals += sqlite3_value_double(value) * by;
    sum->real_count += by;
  }
}

void tell(sqlite3_context* context) {
  const Sum* const sum = sum_of(context, 0);
  if (sum == nullptr || sum->count == 0) return sqlite3_result_null(context);
  const bool fits = sum->integers >= std::numeric_limits<std::int64_t>::min() &&
                    sum->integers <= std::numeric_limits<std::int64_t>::max();
  if (sum->real_count == 0 && fits) return sqlite3_result_int64(context, static_cast<std::int64_t>(sum->integers));
  sqlite3_result_double(context, static_cast<double>(sum->integers) + (sum->real_count == 0 ? 0 : sum->reals));
}

}  // namespace

void use_sum_without_overflow(SQLite::Database& database) {
  const int code = sqlite3_create_window_function(
      database.getHandle(), "sum", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, nullptr,
      [](sqlite3_context* context, int, sqlite3_value** values) { change(context, values[0], 1); }, tell, tell,
      [](sqlite3_context* context, int, sqlite3_value** values) { change(context, values[0], -1); }, nullptr);
  if (code != SQLITE_OK) throw SQLite::Exception(database.getHandle(), code);
}

}  // namespace cgmm::store
