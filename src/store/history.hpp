// SPDX-License-Identifier: Apache-2.0
#pragma once

// The only writer of the database: WAL, synchronous=NORMAL, prepared statements, one transaction a batch.
// Owned and called by one thread (the recorder's), after main has opened it.

#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>

#include "core/records.hpp"
#include "core/table.hpp"
#include "store/error.hpp"

namespace cgmm::store {

class History {
 public:
  /// Opens the database for writing, makes it (and the directory it is in) where there is none, and brings
  /// its schema up to date, each migration in a transaction of its own. A newer, foreign or corrupt file is
  /// never written to. Holds `<file>.lock` (with our pid in it) against a second service. Throws StoreError.
  explicit History(const std::filesystem::path& file);
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  /// Settles what an earlier run left behind: a reclaim that is still 'started' becomes 'interrupted',
  /// cgroups without an end get one (the last scan's time; a scan that sees them again takes it back), a
  /// missing 'stop' is recorded as 'crash_found'. Then records 'start' with `detail`. Returns what must
  /// survive. Throws SQLite::Exception.
  core::Handover begin_run(std::int64_t now_us, const std::string& detail);

  /// From now on samples older than this are dropped, a few scans at a time; the scans themselves and all else stay, and so do
  /// the samples from half an hour before an OOM kill to five minutes after it, for 90 days.
  void keep_samples_for(std::int64_t duration_us);

  /// Everything between begin() and commit() is one transaction; rollback() undoes it, also what is
  /// remembered of it.
  void begin();
  void commit();
  void rollback() noexcept;

  /// All of these want a transaction. Throw SQLite::Exception; std::logic_error where there is no
  /// transaction, or where a scan speaks of a key that was never announced.
  void record(const core::Scan& scan);
  void record(const core::Reclaim& reclaim);  // the same reclaim_id again replaces the row
  void record(const core::Effect& effect);    // likewise
  void record(const core::OomKill& kill);             // together with how far the log has been read
  void record(const core::CountedOomKills& counted);  // kills that the log has told of are not recorded again
  void record(const core::LogPosition& position);
  void record(const core::NamedCgroup& named);
  void record(const core::ServiceEvent& event);
  void record(const core::NodeFacts& facts);  // in place of what was there

  /// Records 'stop' and the last time every cgroup was seen, in a transaction of its own, then checkpoints.
  void end_run(std::int64_t now_us, const std::string& detail);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether what a record() threw is about the record itself, so that trying again is in vain, and not about the disk.
bool is_bad_record(const std::exception& error);

}  // namespace cgmm::store
