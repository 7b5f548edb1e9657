// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether the database's log (-wal) still is what SQLite has written to it. SQLite itself looks at its checksums only when it
// opens a database: what somebody has overwritten later would go into the file with the next checkpoint.
// The format: https://sqlite.org/walformat.html. One thread.

#include <SQLiteCpp/Database.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace cgmm::store {

/// Pages in the log, as SQLite's index of it (-shm) tells. Wants a connection that has read or written.
std::int64_t frames_in_log(SQLite::Database& database);

/// Whether the first `frame_count` pages of the log are there with the right checksums. Reads all of them: a millisecond for 1 MiB.
bool is_log_sound(const std::filesystem::path& log, std::int64_t frame_count);

}  // namespace cgmm::store
