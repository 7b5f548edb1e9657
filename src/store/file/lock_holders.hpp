// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who keeps SQLite from writing: whoever may read a database may also lock it. Any thread.

#include <filesystem>
#include <string>

namespace cgmm::store {

/// The other processes that hold a lock of the database, its -wal or its -shm, as /proc/locks lists them: "pid 812
/// (sqlite3) holds a lock of /var/lib/x/history.db-shm"; several are joined with ", ". Of a lock that belongs to an
/// open file, the process is not named. Empty: none is known, because they are in another PID namespace, or the
/// filesystem gives /proc/locks another device number.
std::string lock_holders(const std::filesystem::path& file);

}  // namespace cgmm::store
