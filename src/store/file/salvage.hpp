// SPDX-License-Identifier: Apache-2.0
#pragma once

// Makes a new history of what can be read of one that is damaged, or whose file was removed while it is open: within a
// few seconds, the most important first. Old samples that are not in the archive are left out; of the archive comes
// what there is time for, the newest first.

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cgmm::store {

/// Makes the history `to` of what can be read of `from`; one of an unfinished attempt is removed before. Rows of a
/// cgroup, a scan or a reclaim that can't be read are left out too. Returns in words what was carried over and what
/// not. Throws StoreError where `to` can't be written, and leaves nothing there.
std::string carry_over(SQLite::Database& from, const std::filesystem::path& to);
/// Gives the history in `file` another `history_id`. Throws StoreError.
void begin_under_another_id(const std::filesystem::path& file);

/// Why a database is put aside, as it stands in its new name.
enum class Aside : std::uint8_t {
  corrupt,  // damaged, or what is left of it
  foreign,  // of another program, as far as can be seen
  newer,    // of a later version
  interim,  // recorded while one of a later version was put aside
};

/// Renames the database to `<file>.<why>-<now>`, with SQLite's files beside it. Returns the new name. Of earlier ones
/// that are `corrupt` or `interim` it removes what is too much: three of a kind are kept, or as many as are smaller
/// than `max_bytes` together. What does not look like a history is never removed. Throws StoreError(unusable).
std::filesystem::path put_aside(const std::filesystem::path& file, Aside why, std::int64_t now_us,
                                std::int64_t max_bytes);
/// By its name.
bool was_put_aside(const std::filesystem::path& file, Aside why);
/// Those that are beside `file` (from resolved()), newest first.
std::vector<std::filesystem::path> those_put_aside(const std::filesystem::path& file, Aside why);

/// What SQLite has beside a database.
void remove_wal(const std::filesystem::path& file);
/// Removes a database and SQLite's files beside it, if they exist.
void remove_database(const std::filesystem::path& file);

}  // namespace cgmm::store
