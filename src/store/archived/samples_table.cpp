// SPDX-License-Identifier: Apache-2.0
#include "store/archived/samples_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "store/archived/samples_cursor.hpp"

// SQLite calls C functions: an exception becomes a code.
namespace cgmm::store {
namespace {

struct SamplesTable : sqlite3_vtab {
  SamplesTable(sqlite3* connection, std::string_view schema, bool recent)
      : sqlite3_vtab{}, database(connection), cache(connection, schema), with_recent(recent) {}

  sqlite3* database;
  ChunkCache cache;
  bool with_recent;
};

struct OpenCursor : sqlite3_vtab_cursor {
  explicit OpenCursor(SamplesTable& table)
      : sqlite3_vtab_cursor{}, cursor(table.database, table.cache, table.with_recent) {}

  SamplesCursor cursor;
};

SamplesCursor& cursor_of(sqlite3_vtab_cursor* cursor) { return static_cast<OpenCursor*>(cursor)->cursor; }

template <class Act>
int guarded(sqlite3_vtab* table, Act act) {
  try {
    act();
    return SQLITE_OK;
  } catch (const SqlFailure& failure) {
    if (table != nullptr) {
      sqlite3_free(table->zErrMsg);
      const char* const why =
          failure.why != nullptr ? failure.why : sqlite3_errmsg(static_cast<SamplesTable*>(table)->database);
      table->zErrMsg = sqlite3_mprintf("the samples can't be read: %s", why);
    }
    return failure.code;
  } catch (const archive::BadChunk& bad) {
    if (table != nullptr) {
      sqlite3_free(table->zErrMsg);
      table->zErrMsg = sqlite3_mprintf("a chunk of the archive is damaged: %s", bad.what());
    }
    return SQLITE_CORRUPT_VTAB;
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  } catch (...) {
    return SQLITE_ERROR;
  }
}

/// A name as in SQL: "a ""b""", 'a', `a`, [a] or a.
std::string unquoted(std::string_view name) {
  const char first = name.empty() ? '\0' : name.front();
  const char end = first == '[' ? ']' : first;
  if (name.size() < 2 || std::string_view("\"'`[").find(first) == std::string_view::npos || name.back() != end)
    return std::string(name);
  name = name.substr(1, name.size() - 2);
  std::string plain;
  for (std::size_t i = 0; i < name.size(); ++i) {
    plain += name[i];
    if (name[i] == end && i + 1 < name.size() && name[i + 1] == end) ++i;
  }
  return plain;
}

/// `arguments`: the module, the schema of the table, its name, and what is in the parentheses. A table that was made is
/// in "temp", and the argument names the history: another one would be stored in a file, where it breaks other
/// programs, and a hostile file could have one that reads itself. nullopt: it is none of these.
std::optional<std::string> schema_of(int count, const char* const* arguments) {
  if (count == 3 && std::string_view(arguments[1]) == "main" && std::string_view(arguments[2]) == arguments[0])
    return "main";
  if (count != 4 || sqlite3_stricmp(arguments[1], "temp") != 0) return std::nullopt;
  std::string schema = unquoted(arguments[3]);
  return sqlite3_stricmp(schema.c_str(), "temp") != 0 ? std::optional(std::move(schema)) : std::nullopt;
}

int connect(sqlite3* database, void* with_recent, int count, const char* const* arguments, sqlite3_vtab** table,
            char** error) {
  const std::optional<std::string> schema = schema_of(count, arguments);
  if (!schema) {
    *error = sqlite3_mprintf(
        "write CREATE VIRTUAL TABLE temp.NAME USING %s(SCHEMA), with the name of an attached history", arguments[0]);
    return SQLITE_ERROR;
  }
  return guarded(nullptr, [&] {
    std::string columns = "CREATE TABLE x (scan_id INTEGER NOT NULL, cgroup_id INTEGER NOT NULL";
    for (const std::string_view name : archive::kColumns) columns += ", " + std::string(name) + " INTEGER";
    columns += ", reclaimable_cache_kib INTEGER, held_kib INTEGER, at_us INTEGER)";
    if (const int code = sqlite3_declare_vtab(database, columns.c_str()); code != SQLITE_OK) throw SqlFailure{code};
    sqlite3_vtab_config(database, SQLITE_VTAB_INNOCUOUS);  // it only reads
    *table = new SamplesTable(database, *schema, with_recent != nullptr);
  });
}

int disconnect(sqlite3_vtab* table) {
  delete static_cast<SamplesTable*>(table);
  return SQLITE_OK;
}

/// '=', '>', 'g' (>=), '<', 'l' (<=); 0: nothing that bounds what is read.
char sign_of(unsigned char op) {
  switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
      return '=';
    case SQLITE_INDEX_CONSTRAINT_GT:
      return '>';
    case SQLITE_INDEX_CONSTRAINT_GE:
      return 'g';
    case SQLITE_INDEX_CONSTRAINT_LT:
      return '<';
    case SQLITE_INDEX_CONSTRAINT_LE:
      return 'l';
    default:
      return 0;
  }
}

struct Bounds {
  bool one_scan = false, some_scans = false, one_cgroup = false, some_cgroups = false;
};

/// The rows come by scan, and in it by cgroup.
bool is_in_order(const sqlite3_index_info& info, const Bounds& bounds) {
  if (info.nOrderBy == 0) return false;
  const auto* const order = info.aOrderBy;
  for (int i = 1; i < info.nOrderBy; ++i) {
    if (order[i].desc != order[0].desc) return false;
  }
  const bool begins_with_scan = order[0].iColumn == kScanColumn;
  if (info.nOrderBy == 1) return begins_with_scan || (bounds.one_scan && order[0].iColumn == kCgroupColumn);
  return info.nOrderBy == 2 && begins_with_scan && order[1].iColumn == kCgroupColumn;
}

/// SQLite checks each row again, so that a bound may be too wide.
int best_index(sqlite3_vtab*, sqlite3_index_info* info) {
  Bounds bounds;
  std::string arguments;
  int count = 0;
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    const char sign = sign_of(constraint.op);
    if (constraint.usable == 0 || sign == 0) continue;
    const bool is_scan = constraint.iColumn == kScanColumn, is_cgroup = constraint.iColumn == kCgroupColumn;
    const bool is_instant = constraint.iColumn == kInstantColumn;
    if (!is_scan && !is_cgroup && !is_instant) continue;
    (is_cgroup ? (sign == '=' ? bounds.one_cgroup : bounds.some_cgroups)
               : (is_scan && sign == '=' ? bounds.one_scan : bounds.some_scans)) = true;
    info->aConstraintUsage[i].argvIndex = ++count;
    arguments += is_scan ? 's' : is_cgroup ? 'c' : 't';
    arguments += sign;
  }
  const double scans = bounds.one_scan ? 1 : bounds.some_scans ? 500 : 200'000;
  const double cgroups = bounds.one_cgroup ? 1 : bounds.some_cgroups ? 20 : 200;
  info->estimatedRows = static_cast<sqlite3_int64>(scans * cgroups);
  info->estimatedCost = 20 + scans * cgroups * 2;
  if (bounds.one_scan && bounds.one_cgroup) info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
  const bool backwards = info->nOrderBy > 0 && info->aOrderBy[0].desc != 0 && is_in_order(*info, bounds);
  if (is_in_order(*info, bounds)) info->orderByConsumed = 1;
  info->idxStr = sqlite3_mprintf("%c%016llx%s", backwards ? 'd' : 'a', static_cast<unsigned long long>(info->colUsed),
                                 arguments.c_str());
  if (info->idxStr == nullptr) return SQLITE_NOMEM;
  info->needToFreeIdxStr = 1;
  return SQLITE_OK;
}

/// Narrows the span by "column sign value". What is no number bounds nothing, but NULL, which nothing is equal to.
void narrow(Span& span, char sign, sqlite3_value* value) {
  const int type = sqlite3_value_numeric_type(value);
  if (type == SQLITE_NULL) {
    span = {1, 0};
    return;
  }
  if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) return;
  if (type == SQLITE_FLOAT && !(std::fabs(sqlite3_value_double(value)) < 9e18)) return;
  const std::int64_t below = type == SQLITE_INTEGER
                                 ? sqlite3_value_int64(value)
                                 : static_cast<std::int64_t>(std::floor(sqlite3_value_double(value)));
  const std::int64_t above =
      type == SQLITE_INTEGER ? below : static_cast<std::int64_t>(std::ceil(sqlite3_value_double(value)));
  if (sign == '=' || sign == '>' || sign == 'g') span.from = std::max(span.from, below);
  if (sign == '=' || sign == '<' || sign == 'l') span.to = std::min(span.to, above);
  if (type != SQLITE_INTEGER) return;
  if (sign == '>' && span.from == below && below < INT64_MAX) ++span.from;
  if (sign == '<' && span.to == above && above > INT64_MIN) --span.to;
}

int filter(sqlite3_vtab_cursor* cursor, int, const char* plan, int count, sqlite3_value** values) {
  return guarded(cursor->pVtab, [&] {
    const std::string_view text = plan;
    SamplesQuery query{.backwards = text[0] == 'd',
                       .columns = std::strtoull(std::string(text.substr(1, 16)).c_str(), nullptr, 16)};
    for (int i = 0; i < count; ++i) {
      const char column = text[17 + 2 * static_cast<std::size_t>(i)];
      const char sign = text[18 + 2 * static_cast<std::size_t>(i)];
      if (column == 't' && !query.instants) query.instants.emplace();
      narrow(column == 's' ? query.scans : column == 'c' ? query.cgroups : *query.instants, sign, values[i]);
    }
    cursor_of(cursor).start(query);
  });
}

int open(sqlite3_vtab* table, sqlite3_vtab_cursor** cursor) {
  return guarded(nullptr, [&] { *cursor = new OpenCursor(*static_cast<SamplesTable*>(table)); });
}

int close(sqlite3_vtab_cursor* cursor) {
  delete static_cast<OpenCursor*>(cursor);
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* cursor) {
  return guarded(cursor->pVtab, [&] { cursor_of(cursor).next(); });
}

int eof(sqlite3_vtab_cursor* cursor) { return cursor_of(cursor).at_end() ? 1 : 0; }

int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int number) {
  return guarded(cursor->pVtab, [&] { cursor_of(cursor).result(context, number); });
}

/// No number of its own: scan and cgroup are the key.
int rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = static_cast<sqlite3_int64>(static_cast<std::uint64_t>(cursor_of(cursor).scan_id()) << 24) ^
        cursor_of(cursor).cgroup_id();
  return SQLITE_OK;
}

/// Where xCreate is xConnect, the tables exist by themselves, and can be made.
constexpr sqlite3_module kModule{.iVersion = 1,
                                 .xCreate = connect,
                                 .xConnect = connect,
                                 .xBestIndex = best_index,
                                 .xDisconnect = disconnect,
                                 .xDestroy = disconnect,
                                 .xOpen = open,
                                 .xClose = close,
                                 .xFilter = filter,
                                 .xNext = next,
                                 .xEof = eof,
                                 .xColumn = column,
                                 .xRowid = rowid};

}  // namespace

int add_archive_tables(sqlite3* database) {
  static int with_recent = 1;
  const int code = sqlite3_create_module_v2(database, "sample_archive", &kModule, nullptr, nullptr);
  return code != SQLITE_OK ? code : sqlite3_create_module_v2(database, "all_samples", &kModule, &with_recent, nullptr);
}

}  // namespace cgmm::store
