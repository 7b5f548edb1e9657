// SPDX-License-Identifier: Apache-2.0
#pragma once

// The WAL of a database that is open: its checkpoints, and whether it is still the one that is written to. Checkpoints
// are no part of a commit: when one fails, what was committed is on record all the same.

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/fd.hpp"

namespace SQLite {
class Database;
}

namespace cgmm::store {

class Wal {
 public:
  /// `file`: the database, symbolic links followed.
  Wal(SQLite::Database& database, const std::filesystem::path& file);
  Wal(const Wal&) = delete;
  Wal& operator=(const Wal&) = delete;

  /// The database with its WAL stays below this.
  void set_max_size(std::int64_t max_size_bytes);

  /// After each commit.
  void note_commit();

  /// A checkpoint, as far as readers let it, where there is enough in the WAL.
  void checkpoint_if_due();
  void checkpoint();
  /// A checkpoint of all of it. False while somebody reads what is in it.
  bool checkpoint_all();
  /// Throws SQLite::Exception where the last checkpoint has failed, for another reason than a reader.
  void require_checkpoint() const;
  bool has_failed() const { return error_ != 0; }

  /// It has grown although it was to be moved into the file: somebody has been reading for long, or the disk refuses.
  bool is_held() const { return is_held_; }
  /// On disk, with SQLite's index of it.
  std::int64_t bytes() const;
  /// Of the database's file on disk, without the WAL.
  std::int64_t file_bytes() const;

  /// Whether its name still leads to what is written to, and it begins as it should.
  bool is_in_place() const { return !id_ || (is_there() && !is_cut_); }
  /// It was emptied or its beginning overwritten: what was recorded last is lost. No checkpoint is made of it.
  bool is_cut() const { return id_ && is_there() && is_cut_; }

  /// Whether the database's file has changed, but for checkpoints, since the last call of note_file().
  bool was_file_written_by_others() const;
  void note_file();

  /// The connection is about to be closed: the WAL stays as it is.
  void leave_as_it_is();

 private:
  bool is_there() const { return base::file_id(wal_) == id_; }
  bool begins_anew();

  SQLite::Database& database_;
  std::filesystem::path file_;
  std::filesystem::path wal_;
  std::int64_t page_bytes_;
  std::int64_t max_size_bytes_ = INT64_MAX;
  int pages_ = 0;                // in it after the last commit
  int pages_at_checkpoint_ = 0;  // when one was tried last
  int error_ = 0;                // SQLite's code, of the last checkpoint
  bool is_held_ = false;
  bool is_cut_ = false;
  std::optional<base::FileId> id_;  // nullopt: nothing was written to it yet
  std::int64_t file_written_at_ns_ = 0;
};

}  // namespace cgmm::store
