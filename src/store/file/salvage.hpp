// SPDX-License-Identifier: Apache-2.0
#pragma once

// Makes a new history of what can be read of one that is damaged, or whose file was removed while it is open: within a
// few seconds, the most important first. Old samples are left out.

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace cgmm::store {

/// Makes the history `to` of what can be read of `from`; one of an unfinished attempt is removed before. Rows of a
/// cgroup, a scan or a reclaim that can't be read are left out too. Returns in words what was carried over and what
/// not. Throws StoreError where `to` can't be written, and leaves nothing there.
std::string carry_over(SQLite::Database& from, const std::filesystem::path& to);

/// Renames the database to `<file>.corrupt-<now>`, with its WAL, and removes what is too much of earlier ones: three
/// are kept, or as many as are smaller than `max_bytes` together. Returns the new name. Throws StoreError(unusable).
std::filesystem::path put_aside(const std::filesystem::path& file, std::int64_t now_us, std::int64_t max_bytes);

/// What SQLite has beside a database.
void remove_wal(const std::filesystem::path& file);
/// Removes a database and SQLite's files beside it, if they exist.
void remove_database(const std::filesystem::path& file);

}  // namespace cgmm::store
