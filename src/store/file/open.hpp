// SPDX-License-Identifier: Apache-2.0
#pragma once

// Opens a database file, and refuses one that isn't a history. Before anything is done to a file, it is checked through
// a connection that can't write and leaves nothing beside it.

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/fd.hpp"
#include "store/error.hpp"

namespace cgmm::store {

/// How long a connection waits for another one that holds a lock.
inline constexpr int kBusyTimeoutMs = 5000;

/// The file itself, with symbolic links followed. SQLite's and our files beside it are named after this path.
std::filesystem::path resolved(const std::filesystem::path& file);

/// 0 where there is none.
std::int64_t size_of(const std::filesystem::path& file);

/// What changes on disk when another process writes to the database.
struct FileStamp {
  base::FileId id;
  std::int64_t size_bytes = 0;
  std::int64_t modified_at_ns = 0;
  bool wal_pending = false;  // `<file>-wal` is there and not empty: what was written last is in it

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// nullopt: there is no file. Throws StoreError(unusable) if it can't be reached or is not a regular file.
std::optional<FileStamp> stamp_of(const std::filesystem::path& file);

enum class Content {
  none,     // there is no file, or it is empty, or an empty SQLite database
  history,  // ours, of a version that is known
};
enum class Thoroughness {
  header,  // cheap: for each opening
  whole,   // also PRAGMA quick_check, if the file is small enough
  whole_of_any_size,
};

/// Examines the file. Throws StoreError: foreign, newer, corrupt, unusable.
Content inspect(const std::filesystem::path& file, Thoroughness thoroughness);

/// Whether a file that begins like this is or was a history, also where its header is damaged.
bool looks_like_history(std::string_view beginning);
/// So much of it is enough.
inline constexpr int kBeginningBytes = 256 * 1024;

/// A read-only connection. Where no WAL is pending, nobody is writing: then the file is read without locks, also on a
/// read-only medium. Whoever reads that way has to compare stamps afterwards. Throws SQLite::Exception.
SQLite::Database open_for_reading(const std::filesystem::path& file, const FileStamp& stamp);

/// A connection that writes. Makes the file if there is none, and migrates the schema. The caller holds the lock and
/// has made the directory. Throws StoreError.
SQLite::Database open_for_writing(const std::filesystem::path& file);

/// Makes the file `real`, which is not there yet, mode 0640. Throws StoreError(unusable) that names it `file`.
void create_file(const std::filesystem::path& file, const std::filesystem::path& real);

/// Makes the directory of `file`, mode 0750, if it does not exist. Only the last one of the path, so that a mistyped
/// path is an error. Throws StoreError(unusable).
void make_directory_for(const std::filesystem::path& file);

}  // namespace cgmm::store
