// SPDX-License-Identifier: Apache-2.0
#pragma once

// Looks through a database a few pages at a time, for as little as nothing: each page of the file has to be what the
// file's own map of its pages says, and the pages of tables and indexes have to be in order. This finds what a file
// system leaves after a power failure (zeros, or parts of other files), in files that are too big for PRAGMA
// quick_check between two scans. It reads the file, and not what waits in the WAL: what it finds is a suspicion, for
// quick_check to confirm. No transaction is held. The connection's thread.

#include <cstdint>
#include <string>

namespace SQLite {
class Database;
}

namespace cgmm::store {

class PageCheck {
 public:
  /// Looks at the next pages, at most so many bytes. In words what is wrong with the first that is; empty: nothing.
  std::string look(SQLite::Database& database, std::int64_t max_bytes);
  /// Whether the last look came to the end: the next one begins anew. So does the one after a suspicion.
  bool is_done() const { return next_ == 1; }

 private:
  std::uint32_t next_ = 1;  // the number of a page
};

}  // namespace cgmm::store
