// SPDX-License-Identifier: Apache-2.0
#include "store/sample_rows.hpp"

#include <sqlite3.h>

#include <cstddef>
#include <new>
#include <string>

#include "store/statement.hpp"

namespace cgmm::store {
namespace {

constexpr const char* kModule = "scan_row";

/// "scan_id, cgroup_id, usage_kib, ..., pgfault, ...": the names are core's.
std::string columns() {
  std::string columns = "scan_id, cgroup_id";
  for (const auto name : core::kGaugeNames) columns += ", " + std::string(name) + "_kib";
  for (const auto name : core::kCounterNames) columns += ", " + std::string(name);
  return columns;
}

/// OR FAIL: the transaction is rolled back anyway, so the statement needs no journal of its own.
std::string append_sql() {
  return "INSERT OR FAIL INTO sample (" + columns() + ") SELECT " + columns() + " FROM " + kModule;
}

struct Table : sqlite3_vtab {
  const SampleRows::Batch* batch = nullptr;
};

struct Cursor : sqlite3_vtab_cursor {
  std::size_t next = 0;
};

int connect(sqlite3* database, void* batch, int, const char* const*, sqlite3_vtab** made, char**) {
  const int code = sqlite3_declare_vtab(database, ("CREATE TABLE x (" + columns() + ")").c_str());
  if (code != SQLITE_OK) return code;
  auto* const table = new (std::nothrow) Table{};
  if (table == nullptr) return SQLITE_NOMEM;
  table->batch = static_cast<const SampleRows::Batch*>(batch);
  *made = table;
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
  delete static_cast<Table*>(table);
  return SQLITE_OK;
}

int best_index(sqlite3_vtab*, sqlite3_index_info*) { return SQLITE_OK; }

int open(sqlite3_vtab*, sqlite3_vtab_cursor** made) {
  *made = new (std::nothrow) Cursor{};
  return *made == nullptr ? SQLITE_NOMEM : SQLITE_OK;
}

int close(sqlite3_vtab_cursor* cursor) {
  delete static_cast<Cursor*>(cursor);
  return SQLITE_OK;
}

int filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**) {
  static_cast<Cursor*>(cursor)->next = 0;
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* cursor) {
  ++static_cast<Cursor*>(cursor)->next;
  return SQLITE_OK;
}

const SampleRows::Batch& batch_of(const sqlite3_vtab_cursor* cursor) {
  return *static_cast<const Table*>(cursor->pVtab)->batch;
}

int eof(sqlite3_vtab_cursor* cursor) {
  return static_cast<int>(static_cast<Cursor*>(cursor)->next >= batch_of(cursor).places.size());
}

/// A column that is given no result is NULL.
int column(sqlite3_vtab_cursor* cursor, sqlite3_context* result, int number) {
  constexpr int kGauges = 2;
  constexpr int kCounters = kGauges + static_cast<int>(core::Gauges::kSize);
  const SampleRows::Batch& batch = batch_of(cursor);
  const Place& place = batch.places[static_cast<Cursor*>(cursor)->next];
  const core::ScanRow& row = batch.rows[place.index];
  if (number == 0) {
    sqlite3_result_int64(result, batch.scan_id);
  } else if (number == 1) {
    sqlite3_result_int64(result, place.cgroup_id);
  } else if (number < kCounters) {
    const auto gauge = static_cast<core::Gauge>(number - kGauges);
    if (row.gauges.has(gauge)) sqlite3_result_int64(result, to_sql(row.gauges.value_or(gauge, 0) / 1024));
  } else {
    const auto counter = static_cast<core::Counter>(number - kCounters);
    if (row.increases.has(counter)) sqlite3_result_int64(result, to_sql(row.increases.value_or(counter, 0)));
  }
  return SQLITE_OK;
}

int rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = static_cast<sqlite3_int64>(static_cast<Cursor*>(cursor)->next);
  return SQLITE_OK;
}

constexpr sqlite3_module kCallbacks = {.xConnect = connect,
                                       .xBestIndex = best_index,
                                       .xDisconnect = disconnect,
                                       .xOpen = open,
                                       .xClose = close,
                                       .xFilter = filter,
                                       .xNext = next,
                                       .xEof = eof,
                                       .xColumn = column,
                                       .xRowid = rowid};

/// There is no xCreate: the module itself is the table, and the database knows nothing of it.
SQLite::Database& with_module(SQLite::Database& database, SampleRows::Batch& batch) {
  database.check(sqlite3_create_module(database.getHandle(), kModule, &kCallbacks, &batch));
  return database;
}

}  // namespace

SampleRows::SampleRows(SQLite::Database& database) : append_(with_module(database, batch_), append_sql()) {}

void SampleRows::append(std::int64_t scan_id, const core::ScanRow* rows, std::span<const Place> places) {
  batch_ = {.scan_id = scan_id, .rows = rows, .places = places};
  execute(append_);
}

}  // namespace cgmm::store
