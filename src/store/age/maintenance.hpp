// SPDX-License-Identifier: Apache-2.0
#pragma once

// When maintenance is due, how much of it, and whether there is room for what is to be recorded.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/records.hpp"
#include "store/age/retention.hpp"
#include "store/file/wal.hpp"

namespace cgmm::store {

class Maintenance {
 public:
  Maintenance(Statements& sql, Wal& wal) : wal_(wal), retention_(sql) {}

  /// Without a call there are no bounds, and no maintenance.
  void set_settings(const core::RetentionSettings& settings);

  /// How many slices keep pace with what was recorded since the last call, and somewhat more.
  std::int64_t slices_due();
  /// Nothing is looked for until there is more to do, or some minutes have passed.
  bool rests(std::int64_t now_us) const;
  /// One slice, inside a transaction. False: there was nothing to do.
  bool work(std::int64_t now_us);

  /// Throws SQLite::Exception where a WAL that is held has reached the bound.
  void require_room();
  /// Whether there is room for a scan, and some left for what is worth more; then its samples are counted.
  bool has_room_for(std::size_t sample_count);

  void note_begin() { samples_in_transaction_ = 0; }
  void note_commit() { is_over_size_ = settings_ && retention_.is_over_size(); }
  void undo();

 private:
  /// Of the file with its WAL.
  bool has_room(std::int64_t bytes);

  Wal& wal_;
  Retention retention_;
  std::optional<core::RetentionSettings> settings_;
  bool is_over_size_ = false;  // as of the last commit
  std::optional<std::int64_t> rests_since_us_;
  std::int64_t samples_of_rest_ = 0;
  std::int64_t samples_since_work_ = 0;
  std::int64_t samples_in_transaction_ = 0;
};

}  // namespace cgmm::store
