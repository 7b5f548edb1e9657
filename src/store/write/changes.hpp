// SPDX-License-Identifier: Apache-2.0
#pragma once

// The table `change`: which rows have changed, for whoever sends them on. SQLite's update hook tells of each row of the
// tables that have an integer key; what it can't tell is marked by hand. All of a transaction is written just before
// its COMMIT, so a transaction that changes none of these rows (most scans) writes nothing more. For the thread that
// writes.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "store/statement.hpp"

namespace cgmm::store {

class Changes {
 public:
  enum class Kind : std::uint8_t { cgroup = 1, reclaim, oom_kill, stuck, cooldown, service_event, counted_kill };

  /// Listens to the connection from now on.
  explicit Changes(Statements& sql);
  ~Changes();
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;

  /// The row counts as changed.
  void mark(Kind kind, std::int64_t row_id) { rows_.push_back({kind, row_id, Now::is_there}); }

  /// Kills that `act` deletes are too old; all others that are deleted are counted by another row.
  template <class Act>
  auto by_age(Act act) {
    is_by_age_ = true;
    const auto result = act();  // where it throws, the transaction is rolled back
    is_by_age_ = false;
    return result;
  }

  /// Writes what was collected. The last of a transaction. Throws SQLite::Exception.
  void write();
  /// The transaction was rolled back.
  void undo() {
    forget_rows();
    is_by_age_ = has_missed_ = false;
  }

 private:
  enum class Now : std::uint8_t { is_there, is_gone, is_counted };
  struct Row {
    Kind kind;
    std::int64_t row_id;
    Now now;
  };
  /// Keeps little memory for the next: the first scan of many cgroups has thousands of rows.
  void forget_rows() {
    constexpr std::size_t kKept = 256;
    rows_.clear();
    if (rows_.capacity() > kKept) rows_.shrink_to_fit();
  }
  static void note(void* self, int operation, const char* schema, const char* table, long long row_id) noexcept;

  Statements& sql_;
  std::vector<Row> rows_;  // the last one of a row counts
  bool is_by_age_ = false;
  bool has_missed_ = false;  // there was no memory to note it
};

/// Of a salvaged history: all of its rows count as changed, with revisions over all that `from` may have used.
void renew_changes(SQLite::Database& from, SQLite::Database& salvaged);

}  // namespace cgmm::store
