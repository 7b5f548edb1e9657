// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads the table archive_chunk, and keeps the chunks that were read last, up to some megabytes. Speaks SQLite's C
// interface only, for it is part of the extension, too. For the thread that owns the connection.

#include <sqlite3.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "archive/chunk.hpp"

namespace cgmm::store {

/// What SQLite answers where it does not do what was asked for.
struct SqlFailure {
  int code = 0;
  const char* why = nullptr;  // nullptr: its own words
};

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
/// A prepared statement; finalized at the end.
using Prepared = std::unique_ptr<sqlite3_stmt, Finalize>;
Prepared prepare(sqlite3* database, const std::string& sql);
/// The statement's next row. Throws SqlFailure.
bool next_row(sqlite3_stmt* statement);

/// A statement of its own for who uses it.
struct Borrowed {
  std::string sql;
  Prepared statement;

  sqlite3_stmt* get() const { return statement.get(); }
};

/// Its samples are missing in an answer: notes it, and writes it to SQLite's log.
void tell_damage(std::int64_t block, std::int64_t cgroup_id, const char* what);

class ChunkCache {
 public:
  /// `schema`: where the history is in the connection, "main" or the name of one that is attached.
  ChunkCache(sqlite3* database, std::string_view schema);

  /// The SQL, which has "main." before each table, for the schema of the history.
  std::string in_schema(std::string sql) const;

  /// A cursor lives for one row of another table, and to compile its statement anew would take longer than to run it.
  Borrowed take(std::string sql);
  void give_back(Borrowed borrowed) noexcept;

  /// Forgets everything if the database was written since the last call, or is another one.
  void refresh();

  /// Whether the table `sample` has this column: in a history of a version before the archive, it may have not.
  bool has_sample_column(std::string_view name) const;

  /// Samples of scans up to this one are in the archive, those of later ones are not.
  std::int64_t archived_to() const { return archived_to_; }

  /// The first block from this one on, or backwards, that has a chunk, of that cgroup if one is named.
  std::optional<std::int64_t> next_block(std::int64_t from, std::optional<std::int64_t> cgroup_id, bool backwards);
  /// Its cgroups with a chunk, in their order.
  std::shared_ptr<const std::vector<std::int64_t>> cgroups_of(std::int64_t block);
  /// When its scans began, by their place in it; nullopt: there is no such scan, or its row is lost.
  using Instants = std::vector<std::optional<std::int64_t>>;
  std::shared_ptr<const Instants> instants_of(std::int64_t block);
  /// With these columns at least. nullptr: there is none, or it is damaged.
  std::shared_ptr<archive::Chunk> chunk(std::int64_t block, std::int64_t cgroup_id, const archive::Columns& columns);
  /// The blocks of cgroups that archive_instant has of the scan; empty: the chunks have its samples.
  std::shared_ptr<const std::vector<std::int64_t>> instant_of(std::int64_t scan_id);
  /// Of archive_instant: places are those of cgroups. nullptr as above.
  std::shared_ptr<archive::Chunk> instant(std::int64_t cgroup_block, std::int64_t scan_id,
                                          const archive::Columns& columns);

 private:
  /// What a chunk is found by: its block and whose it is.
  struct Key {
    bool is_instant;
    std::int64_t block, owner;
    auto operator<=>(const Key&) const = default;
  };
  struct Kept {
    Key key;
    std::shared_ptr<archive::Chunk> chunk;
  };
  std::shared_ptr<archive::Chunk> kept(const Key& key, const archive::Columns& columns);
  std::shared_ptr<archive::Chunk> read(const Key& key, const archive::Columns& columns);
  sqlite3_stmt* statement(const char* sql);
  void list_sample_columns();

  sqlite3* database_;
  const std::string schema_;
  std::string schema_in_sql_;  // with the point
  std::map<std::string, Prepared, std::less<>> statements_;
  std::vector<Borrowed> idle_;
  archive::Decoder decoder_;
  std::list<Kept> kept_;  // the one that was used last comes first
  std::map<Key, std::list<Kept>::iterator> places_;
  template <class Of>
  using ByBlock = std::map<std::int64_t, std::shared_ptr<const Of>>;
  ByBlock<std::vector<std::int64_t>> cgroups_;
  ByBlock<Instants> instants_;
  ByBlock<std::vector<std::int64_t>> instant_parts_;  // by scan
  bool has_archive_ = false, has_instants_ = false;
  std::vector<std::string> sample_columns_;  // where there is no archive
  std::size_t kept_bytes_ = 0;
  std::int64_t archived_to_ = INT64_MIN;
  std::int64_t version_ = -1;  // of the database, when it was looked at
  std::int64_t changes_ = -1;  // of this connection
  std::string file_;           // another one may be attached under the same name
};

}  // namespace cgmm::store
