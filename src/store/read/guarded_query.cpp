// SPDX-License-Identifier: Apache-2.0
#include "store/read/guarded_query.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace cgmm::store {
namespace {

using StatementHandle = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

[[noreturn]] void refuse(const std::string& why) {
  throw StoreError(StoreError::Kind::bad_query, "the query can't be run: " + why);
}

bool is_word(const char* word, std::initializer_list<const char*> words) {
  return std::ranges::any_of(words, [&](const char* known) { return sqlite3_stricmp(word, known) == 0; });
}

/// Whether the PRAGMA only reads. With an argument many of them change something.
bool only_tells(const char* pragma, bool has_argument) {
  return is_word(pragma, {"foreign_key_list", "index_info", "index_list", "index_xinfo", "integrity_check",
                          "quick_check", "table_info", "table_list", "table_xinfo"}) ||
         (!has_argument &&
          is_word(pragma, {"application_id", "auto_vacuum", "collation_list", "compile_options", "data_version",
                           "database_list", "encoding", "freelist_count", "function_list", "journal_mode",
                           "module_list", "page_count", "page_size", "pragma_list", "schema_version", "user_version"}));
}

/// What a statement may do while this lives. SQLite asks it while a statement is compiled, also for statements that
/// SQLite makes itself (pragma_table_info()); denied() says what was refused.
class Guard {
 public:
  explicit Guard(sqlite3* database) : database_(database) {
    sqlite3_limit(database_, SQLITE_LIMIT_LENGTH, kValueBytes);
    sqlite3_limit(database_, SQLITE_LIMIT_ATTACHED, 0);
    // The file's schema is trusted as little as the statement: it may be a copy from anywhere.
    for (const auto& [option, value] : {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
                                        {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0}}) {
      sqlite3_db_config(database_, option, value, nullptr);
    }
    sqlite3_exec(database_, "PRAGMA temp_store = MEMORY", nullptr, nullptr, nullptr);
    sqlite3_set_authorizer(database_, &Guard::asked, this);  // last, because it refuses that PRAGMA
  }
  ~Guard() { sqlite3_set_authorizer(database_, nullptr, nullptr); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  const std::string& denied() const { return denied_; }

 private:
  static constexpr int kValueBytes = 16 << 20;  // one text or blob

  static int asked(void* self, int action, const char* first, const char* second, const char*, const char*) {
    const auto deny = [self](const std::string& why) {
      static_cast<Guard*>(self)->denied_ = why;
      return SQLITE_DENY;
    };
    switch (action) {
      case SQLITE_SELECT:
      case SQLITE_READ:
      case SQLITE_RECURSIVE:
        return SQLITE_OK;
      case SQLITE_FUNCTION:
        // The second one takes the address of code to run. Debian's SQLite has it.
        if (!is_word(second, {"load_extension", "fts3_tokenizer"})) return SQLITE_OK;
        return deny(std::string(second) + "() is not allowed");
      case SQLITE_PRAGMA:
        if (only_tells(first, second != nullptr)) return SQLITE_OK;
        return deny(std::string("PRAGMA ") + first + " is not allowed");
      case SQLITE_ATTACH:
      case SQLITE_DETACH:
        return deny("ATTACH and DETACH are not allowed");
      case SQLITE_TRANSACTION:
      case SQLITE_SAVEPOINT:
        return deny("transactions are not allowed");
      case SQLITE_UPDATE:
        // SQLite asks this, but does not do it, when a table-valued function (pragma_table_info(), json_each()) is
        // used for the first time. It refuses a real UPDATE of sqlite_master itself.
        if (is_word(first, {"sqlite_master"})) return SQLITE_OK;
        [[fallthrough]];
      default:
        return deny("it would write, and the history is read-only here");
    }
  }

  sqlite3* database_;
  std::string denied_;
};

/// Whether the SQL is wrong, and not the file or the disk. SQLite says SQLITE_SCHEMA of some syntax errors, before it
/// has read the schema.
[[noreturn]] void fail(sqlite3* database, const Guard& guard) {
  const int code = sqlite3_errcode(database) & 0xff;
  if (!guard.denied().empty()) refuse(guard.denied());
  if (code == SQLITE_NOMEM) throw std::bad_alloc();
  for (const int of_the_sql : {SQLITE_ERROR, SQLITE_AUTH, SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_RANGE,
                               SQLITE_READONLY, SQLITE_SCHEMA, SQLITE_TOOBIG}) {
    if (code == of_the_sql) refuse(sqlite3_errmsg(database));
  }
  throw SQLite::Exception(database, code);
}

/// The only statement of `sql`: there may be only comments, white space and semicolons beside it.
StatementHandle compile(sqlite3* database, const Guard& guard, std::string_view sql) {
  StatementHandle only(nullptr, &sqlite3_finalize);
  while (!sql.empty()) {
    sqlite3_stmt* statement = nullptr;
    const char* tail = nullptr;
    const int result = sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement, &tail);
    StatementHandle next(statement, &sqlite3_finalize);
    if (only && (result != SQLITE_OK || next)) refuse("it is more than one statement");
    if (result != SQLITE_OK) fail(database, guard);
    if (next) only = std::move(next);
    sql.remove_prefix(static_cast<std::size_t>(tail - sql.data()));
  }
  if (!only) refuse("there is no statement in it");
  return only;
}

int bind_cell(sqlite3_stmt* statement, int index, const core::Cell& cell) {
  if (const auto* number = std::get_if<std::int64_t>(&cell)) return sqlite3_bind_int64(statement, index, *number);
  if (const auto* real = std::get_if<double>(&cell)) return sqlite3_bind_double(statement, index, *real);
  const auto* text = std::get_if<std::string>(&cell);
  if (text == nullptr) return sqlite3_bind_null(statement, index);
  // Not copied, because the parameters live longer than the statement.
  return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
}

void bind_all(sqlite3* database, sqlite3_stmt* statement, const core::Parameters& parameters, const Guard& guard) {
  for (int i = 1; i <= sqlite3_bind_parameter_count(statement); ++i) {
    const char* name = sqlite3_bind_parameter_name(statement, i);
    if (name == nullptr) refuse("its parameters need names, ':since' and not '?'");
    const auto given = parameters.find(std::string_view(name + 1));
    if (given == parameters.end()) refuse("it has the parameter " + std::string(name) + ", which is not given");
    if (bind_cell(statement, i, given->second) != SQLITE_OK) fail(database, guard);
  }
}

core::Cell cell_at(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_NULL:
      return std::monostate{};
    default: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
      if (bytes == nullptr && sqlite3_errcode(sqlite3_db_handle(statement)) == SQLITE_NOMEM) throw std::bad_alloc();
      return bytes == nullptr ? std::string() : std::string(bytes, size);
    }
  }
}

}  // namespace

void run_guarded(SQLite::Database& database, std::string_view sql, const core::Parameters& parameters,
                 core::RowSink& rows) {
  sqlite3* const handle = database.getHandle();
  const Guard guard(handle);
  if (sql.find('\0') != std::string_view::npos) refuse("it has a NUL byte in it");
  const StatementHandle statement = compile(handle, guard, sql);
  if (sqlite3_stmt_readonly(statement.get()) == 0) refuse("it would write, and the history is read-only here");
  bind_all(handle, statement.get(), parameters, guard);

  std::vector<std::string> columns;
  const int column_count = sqlite3_column_count(statement.get());
  for (int i = 0; i < column_count; ++i) {
    const char* const name = sqlite3_column_name(statement.get(), i);
    if (name == nullptr) throw std::bad_alloc();
    columns.emplace_back(name);
  }
  rows.begin(columns);
  int result = SQLITE_ROW;
  while ((result = sqlite3_step(statement.get())) == SQLITE_ROW) {
    std::vector<core::Cell> row;
    row.reserve(columns.size());
    for (int i = 0; i < column_count; ++i) row.push_back(cell_at(statement.get(), i));
    rows.add(std::move(row));
  }
  if (result != SQLITE_DONE) fail(handle, guard);
}

}  // namespace cgmm::store
