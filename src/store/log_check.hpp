// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether the database's log (-wal) still is what SQLite has written to it. SQLite itself looks at its checksums only
// when it opens a database: what somebody has overwritten later would go into the file with the next checkpoint. The
// format: https://sqlite.org/walformat.html. One thread.

#include <SQLiteCpp/Database.h>

#include <array>
#include <cstdint>
#include <filesystem>

namespace cgmm::store {

/// What SQLite's index of the log (-shm) tells of it.
struct LogIndex {
  std::uint32_t frame_count = 0;       // pages in the log; 0: also where the index can't be read now
  std::array<std::uint32_t, 2> sum{};  // the checksum of the last one
  std::array<unsigned char, 8> salts{};
  friend bool operator==(const LogIndex&, const LogIndex&) = default;
};
/// Wants a connection that has read or written. Throws SQLite::Exception.
LogIndex log_index(SQLite::Database& database);

/// Whether the log is the one of that index, with the right checksums. Reads all of it: half a millisecond for 1 MiB.
bool is_log_sound(const std::filesystem::path& log, const LogIndex& index);

}  // namespace cgmm::store
