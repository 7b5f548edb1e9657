// SPDX-License-Identifier: Apache-2.0
#pragma once

// Keeps the file inside its bounds: rolls hours up, moves samples to the archive, deletes what is too old, makes room
// before the file would outgrow its size, and gives free pages back to the file system. All in slices of a few thousand
// rows, each a transaction. A clock that is behind makes nothing old. One that has leapt forward makes things old only
// once it has been on record for a day. Room is made in the order in which scans were recorded, whatever the clock
// read; what one directory has made too much of goes before everybody else's.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/records.hpp"
#include "store/age/archiver.hpp"
#include "store/age/crowd.hpp"
#include "store/age/losses.hpp"
#include "store/age/old_chunks.hpp"
#include "store/age/old_rows.hpp"
#include "store/age/repeated_kills.hpp"
#include "store/age/roll_up.hpp"
#include "store/file/wal.hpp"
#include "store/statement.hpp"
#include "store/write/changes.hpp"

namespace cgmm::store {

class Maintenance {
 public:
  /// What is dropped before its time is added to `losses`.
  Maintenance(Statements& sql, Wal& wal, Changes& changes, Losses& losses);

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

  /// For new cgroups and samples. A reserve is left for what is worth more. May be negative.
  std::int64_t room_for_scan_bytes();
  /// For the rows of all cgroups that have not vanished, which nothing makes room of.
  std::int64_t room_for_living_bytes() const { return settings_ ? file_share_bytes() / 2 : INT64_MAX; }
  /// Kills are many small rows: they end a rest, too.
  void note_kill() { samples_since_work_ += kSamplesAKill; }

  void note_commit() { size_.was_over = settings_ && is_over_size(); }
  void undo();

 private:
  static constexpr std::int64_t kSamplesAKill = 4;

  struct Rest {  // from work, because there was none
    std::optional<std::int64_t> since_us;
    std::int64_t sample_count = 0;  // recorded since
  };
  struct FollowedClock {
    std::int64_t worked_at_us = INT64_MAX;
    std::int64_t positions_set_back_at_us = 0;
    std::int64_t set_back_scan_id = 0;  // after this scan, or later, the clock was set back
  };

  void bound_file();
  /// Of the file with its WAL.
  bool has_room(std::int64_t bytes);
  /// More is used than may be: work() deletes what is younger than the settings say.
  bool is_over_size();
  void follow_clock(std::int64_t now_us);
  bool is_clock_believed(std::int64_t now_us);
  bool drop_old(std::int64_t now_us);
  bool archive(std::int64_t now_us);
  bool drop_early_gone(std::int64_t now_us);
  bool make_room(std::int64_t now_us);
  bool give_back_pages();
  /// The database with all that is in its WAL.
  std::int64_t file_bytes() { return pages_bytes("PRAGMA page_count"); }
  std::int64_t free_bytes() { return pages_bytes("PRAGMA freelist_count"); }
  std::int64_t pages_bytes(const char* pragma);
  /// Of max_size: the rest is for the WAL.
  std::int64_t file_share_bytes() const;

  Statements& sql_;
  Wal& wal_;
  Changes& changes_;
  std::optional<core::RetentionSettings> settings_;
  Losses& losses_;
  RollUp roll_up_;
  Archiver archiver_;
  RepeatedKills repeated_kills_;
  Crowd crowd_;
  struct Size {
    std::int64_t page_bytes = 0;
    bool was_over = false;            // at the last commit
    std::int64_t reserved_bytes = 0;  // for as many samples as were recorded last
  };
  Size size_;
  Rest rest_;
  std::int64_t samples_since_work_ = 0;
  struct Positions {
    Position rows;
    ChunkPosition chunks;
  };
  Positions by_age_;  // set back now and then, for incidents get old
  Positions for_room_;
  FollowedClock clock_;
};

}  // namespace cgmm::store
