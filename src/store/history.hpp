// SPDX-License-Identifier: Apache-2.0
#pragma once

// The only writer of the database: WAL, synchronous=NORMAL, prepared statements, one transaction a batch.
// Owned and called by one thread (the recorder's), after main has opened it.

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/records.hpp"
#include "core/retention_settings.hpp"
#include "core/table.hpp"
#include "store/error.hpp"

namespace SQLite {
class Database;
}

namespace cgmm::store {

class LockFile;
class Wal;
class History;

/// The run of this process that ended before this one, because its file was damaged, removed or replaced.
struct RunBefore {
  std::int64_t reclaims_before = 0;  // its reclaims keep their numbers, for more may be told of them
  std::string ended_because;
};
struct RunBeginning {
  std::optional<RunBefore> run_before{};
  std::function<void(History&)> record_first{};  // in the same transaction
};

class History {
 public:
  /// Opens the database for writing, makes it (and the directory it is in) where there is none, and brings
  /// its schema up to date, each migration in a transaction of its own. A newer, foreign or corrupt file is
  /// never written to. Holds `<file>.lock` (with our pid in it) against a second service. Throws StoreError.
  explicit History(const std::filesystem::path& file);
  /// The same under a lock that the caller holds, for longer than this lives.
  History(const std::filesystem::path& file, const LockFile& held);
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  /// Deals with what an earlier run left behind: a reclaim that is still 'started' becomes 'interrupted',
  /// cgroups without an end get one (the last scan's time; a scan that sees them again takes it back), a
  /// missing 'stop' is recorded as 'crash_found', or as a 'stop' where it was this process's. Then records 'start' with
  /// `detail`. Returns what must survive. Throws SQLite::Exception.
  core::Handover begin_run(std::int64_t now_us, const std::string& detail, const RunBeginning& beginning = {});
  /// What is added to a reclaim's number in this run.
  std::int64_t reclaims_before() const;

  /// What begin_run() would return of an earlier run. Only reads.
  core::Handover handover(std::int64_t now_us);

  /// From now on maintain() keeps to these bounds, and the file never outgrows its own. Without a call everything
  /// stays.
  void set_retention(const core::RetentionSettings& settings);

  /// Rolls up, drops, makes room: one short transaction of that, outside of any other. False when there is nothing to
  /// do. Throws SQLite::Exception, also when a checkpoint fails: that is not about what was committed.
  bool maintain_slice(std::int64_t now_us);
  /// How many slices keep pace with what was recorded since the last call, and somewhat more. Makes a
  /// checkpoint, when there is enough in the WAL.
  std::int64_t slices_due();
  /// All that is due.
  void maintain(std::int64_t now_us) {
    for (std::int64_t left = slices_due(); left > 0 && maintain_slice(now_us);) --left;
  }

  struct Room {
    std::int64_t wal_bytes = 0;   // on disk, where it is held
    bool wal_is_held = false;     // it has grown: somebody has been reading for long, or the disk refuses
    std::int64_t lost_scans = 0;  // since the start: not stored, to stay inside core::RetentionSettings::max_size_bytes
    bool is_losing = false;       // the last scan was
  };
  Room room() const;

  /// Whether the name of the file, and that of its WAL, still lead to what we write to: not when somebody has removed,
  /// replaced or emptied them.
  bool is_in_place() const;
  bool has_its_file() const;
  Wal& wal();

  /// Makes of what can be read a new history in the file `to`, which is not there yet: everything but old samples. In
  /// words what it holds. Throws StoreError.
  std::string carry_over_to(const std::filesystem::path& to);

  /// Everything between begin() and commit() is one transaction; rollback() undoes it, also what is
  /// remembered of it.
  void begin();
  void commit();
  void rollback() noexcept;

  /// All of these want a transaction. A scan for which there is no room is left out: room() tells. Throw
  /// SQLite::Exception; std::logic_error where there is no transaction.
  void record(const core::Scan& scan);
  void record(
      const core::Reclaim& reclaim);  // the same reclaim_id again replaces the row; they count from 1 in every run
  void record(const core::Effect& effect);            // likewise
  void record(const core::OomKill& kill);             // together with how far the log has been read
  void record(const core::CountedOomKills& counted);  // kills that the log has told of are not recorded again
  void record(const core::LogPosition& position);
  void record(const core::NamedCgroup& named);
  void record(const core::ServiceEvent& event);
  void record(const core::NodeFacts& facts);                              // in place of what was there
  void record(const core::CgroupId& id, const core::Cooldown& cooldown);  // one that is known from elsewhere

  /// The cgroups that committed scans were the first to put on record, or back on record, since the last call.
  std::vector<core::CgroupRef> take_appeared();

  /// Records 'stop' and the last time every cgroup was seen, in a transaction of its own, then checkpoints.
  void end_run(std::int64_t now_us, const std::string& detail);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether what a record() threw is about the record itself, so that trying again is in vain, and not about the disk.
bool is_bad_record(const std::exception& error);
/// Whether it says that there is no room, on the disk or inside max_size.
bool is_full(const std::exception& error);
/// Whether it says that the file is damaged.
bool is_damage(const std::exception& error);

/// History::handover() of a connection that can't write.
core::Handover read_handover(SQLite::Database& database, std::int64_t now_us);

}  // namespace cgmm::store
