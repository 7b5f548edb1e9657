// SPDX-License-Identifier: Apache-2.0
#pragma once

// The only writer of the database: WAL, synchronous=NORMAL, one transaction a batch. Owned and called by one thread.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/records.hpp"
#include "store/age/losses.hpp"
#include "store/error.hpp"

namespace cgmm::store {

class Wal;

/// The run of this process that ended before this one, because its file was damaged, removed or replaced.
struct RunBefore {
  std::int64_t reclaims_before = 0;  // its reclaims keep their numbers, for more may be told of them
  std::string ended_because;
};

class History {
 public:
  /// Opens the database for writing, makes it where there is none, and brings its schema up to date. A newer, foreign
  /// or corrupt file is never written to. The caller holds the lock against a second service. Throws StoreError.
  explicit History(const std::filesystem::path& file);
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  /// Ends what an earlier run left open: reclaims become 'interrupted', cgroups get an end, a missing 'stop' is
  /// recorded as 'crash_found', or as a 'stop' where it was this process's. Then records 'start', and calls
  /// `record_first` in the same transaction. Returns what must survive. Throws SQLite::Exception.
  core::Handover begin_run(std::int64_t now_us, const std::string& detail,
                           const std::optional<RunBefore>& run_before = {},
                           const std::function<void(History&)>& record_first = {});
  /// What is added to a reclaim's number in this run.
  std::int64_t reclaims_before() const;
  /// Records 'stop' and the last time every cgroup was seen, in a transaction of its own, then makes a checkpoint.
  void end_run(std::int64_t now_us, const std::string& detail);

  /// From now on the file never outgrows its bound, and maintain() deletes what is too old. Without a call everything
  /// stays.
  void set_retention(const core::RetentionSettings& settings);
  /// Rolls up, drops, makes room: one short transaction of that, outside of any other. False when there is nothing to
  /// do. Throws SQLite::Exception, also when a checkpoint fails: that is not about what was committed.
  bool maintain_slice(std::int64_t now_us);
  /// How many slices keep pace with what was recorded since the last call, and somewhat more. Makes a checkpoint when
  /// there is enough in the WAL.
  std::int64_t slices_due();
  /// All that is due.
  void maintain(std::int64_t now_us) {
    for (std::int64_t left = slices_due(); left > 0 && maintain_slice(now_us);) --left;
  }

  struct Room {
    std::int64_t wal_bytes = 0;   // on disk, where it is held
    bool wal_is_held = false;     // it has grown: somebody has been reading for long, or the disk refuses
    std::int64_t lost_scans = 0;  // since the start: not stored, to stay inside max_size
    bool is_losing = false;       // the last scan was
  };
  Room room() const;
  /// What was dropped before its time, or left out, for want of room since the last call, by the directory whose it
  /// was.
  Losses take_losses();

  /// Whether the name of the file, and that of its WAL, still lead to what we write to: not when somebody has removed,
  /// replaced or emptied them.
  bool is_in_place() const;
  bool has_its_file() const;
  Wal& wal();

  /// Looks at the next pages of the file (PageCheck::look), and whether that was the last of it.
  std::string look_at_pages(std::int64_t max_bytes);
  bool has_looked_at_all() const;

  /// Makes of what can be read a new history in the file `to`, which is not there yet: everything but old samples. In
  /// words what it holds. Throws StoreError.
  std::string carry_over_to(const std::filesystem::path& to);

  /// Everything between begin() and commit() is one transaction; rollback() undoes it, also what is
  /// remembered of it.
  void begin();
  void commit();
  void rollback() noexcept;
  /// begin(), `act`, commit(); rollback() where that throws.
  template <class Act>
  void transact(Act act) {
    begin();
    try {
      act();
      commit();
    } catch (...) {
      rollback();
      throw;
    }
  }

  /// Inside a transaction. A scan for which there is no room is left out: room() tells. An OOM kill stores how far the
  /// kernel log has been read, too. Throws SQLite::Exception; std::logic_error where there is no transaction.
  void record(const core::Record& record);

  /// The cgroups that committed scans were the first to put on record, or back on record, since the last call.
  std::vector<core::CgroupRef> take_appeared();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cgmm::store
