// SPDX-License-Identifier: Apache-2.0
#include "store/history.hpp"

#include <SQLiteCpp/Database.h>
#include <sqlite3.h>

#include <stdexcept>
#include <utility>
#include <variant>

#include "base/fd.hpp"
#include "store/age/maintenance.hpp"
#include "store/file/open.hpp"
#include "store/file/page_check.hpp"
#include "store/file/salvage.hpp"
#include "store/file/wal.hpp"
#include "store/refusal.hpp"
#include "store/statement.hpp"
#include "store/write/cgroup_rows.hpp"
#include "store/write/changes.hpp"
#include "store/write/oom_kills.hpp"
#include "store/write/reclaim_rows.hpp"
#include "store/write/run_rows.hpp"
#include "store/write/sample_rows.hpp"
#include "store/write/stuck_rows.hpp"

namespace cgmm::store {

struct History::Impl {
  explicit Impl(const std::filesystem::path& file) : name(file), database(open_for_writing(file)) {
    int has_moved = 0;
    sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    if (has_moved != 0) throw SQLite::Exception("its file was replaced while it was opened", SQLITE_BUSY);
  }

  void record(const core::Scan& scan);
  void record(const core::Reclaim& reclaim) { reclaims.record(reclaim); }
  void record(const core::Effect& effect) { reclaims.record(effect); }
  void record(const core::CgroupCooldown& cooldown) { reclaims.record(cooldown); }
  void record(const core::OomKill& kill) {
    maintenance.note_kill();
    oom_kills.record(kill);
  }
  void record(const core::CountedOomKills& counted) {
    maintenance.note_kill();
    oom_kills.record(counted);
  }
  void record(const core::LogPosition& position) { oom_kills.store_position(position); }
  void record(const core::NamedCgroup& named) { cgroups.store_names(named); }
  void record(const core::ServiceEvent& event) { store::record(sql, event); }
  void record(const core::NodeFacts& node) { store::record(sql, node); }

  std::filesystem::path name;  // as configured
  SQLite::Database database;
  Statements sql{database};
  Changes changes{sql};
  CgroupRows cgroups{sql, changes};
  OomKillRows oom_kills{sql, cgroups};
  ReclaimRows reclaims{sql, cgroups};
  StuckRows stuck{sql};
  Wal wal{database, resolved(name)};
  Losses losses;         // not told yet
  Losses losses_before;  // when the transaction began
  Maintenance maintenance{sql, wal, changes, losses};
  PageCheck pages;
  bool in_transaction = false;
  std::optional<base::FileId> file_id = base::file_id(name);
  struct Scans {
    std::int64_t last_at_us = 0;  // the latest scan of all in this run; 0: none yet
    std::int64_t lost_count = 0;
    bool is_losing = false;  // the last one was lost
  };
  Scans scans;
  Scans scans_before;  // when the transaction began
};

History::History(const std::filesystem::path& file)
    : impl_(as_refusal(file, [&] { return std::make_unique<Impl>(file); })) {}

History::~History() = default;

core::Handover History::begin_run(std::int64_t now_us, const std::string& detail,
                                  const std::optional<RunBefore>& run_before,
                                  const std::function<void(History&)>& record_first) {
  core::Handover handover;
  transact([&] {
    handover = read_handover(impl_->sql, now_us);
    impl_->reclaims.set_reclaims_before(run_before
                                            ? run_before->reclaims_before
                                            : impl_->sql.number("SELECT max(reclaim_id) FROM reclaim").value_or(0));
    handover.crash_found = end_last_run(impl_->sql, now_us, run_before ? run_before->ended_because : "");
    record(core::ServiceEvent{.at_us = now_us, .kind = "start", .detail = detail});
    if (record_first) record_first(*this);
  });
  return handover;
}

std::int64_t History::reclaims_before() const { return impl_->reclaims.reclaims_before(); }

void History::end_run(std::int64_t now_us, const std::string& detail) {
  transact([&] {
    if (impl_->scans.last_at_us != 0) {
      impl_->sql.execute("UPDATE cgroup SET last_seen_at_us = max(last_seen_at_us, ?) WHERE vanished_at_us IS NULL",
                         impl_->scans.last_at_us);
    }
    record(core::ServiceEvent{.at_us = now_us, .kind = "stop", .detail = detail});
  });
  if (impl_->wal.is_cut()) {
    impl_->wal.leave_as_it_is();
    throw SQLite::Exception("its WAL was emptied", SQLITE_IOERR);
  }
  impl_->wal.checkpoint_all();
}

void History::set_retention(const core::RetentionSettings& settings) { impl_->maintenance.set_settings(settings); }

std::int64_t History::slices_due() {
  impl_->wal.checkpoint_if_due();
  return impl_->maintenance.slices_due();
}

bool History::maintain_slice(std::int64_t now_us) {
  if (impl_->maintenance.rests(now_us)) return false;
  if (impl_->wal.is_held()) {  // it would only make the WAL longer
    impl_->wal.require_checkpoint();
    return false;
  }
  bool did_something = false;
  transact([&] { did_something = impl_->maintenance.work(now_us); });
  impl_->wal.checkpoint_if_due();
  impl_->wal.require_checkpoint();
  return did_something;
}

History::Room History::room() const {
  return {.wal_bytes = impl_->wal.is_held() ? impl_->wal.bytes() : 0,
          .wal_is_held = impl_->wal.is_held(),
          .lost_scans = impl_->scans.lost_count,
          .is_losing = impl_->scans.is_losing};
}

bool History::is_in_place() const { return has_its_file() && impl_->wal.is_in_place(); }

/// One that was emptied is another one.
bool History::has_its_file() const { return base::file_id(impl_->name) == impl_->file_id && size_of(impl_->name) > 0; }

Wal& History::wal() { return impl_->wal; }

std::string History::look_at_pages(std::int64_t max_bytes) { return impl_->pages.look(impl_->database, max_bytes); }
bool History::has_looked_at_all() const { return impl_->pages.is_done(); }

std::string History::carry_over_to(const std::filesystem::path& to) { return carry_over(impl_->database, to); }

void History::begin() {
  if (impl_->in_transaction) throw std::logic_error("the history is in a transaction already");
  impl_->maintenance.require_room();
  // It takes memory to roll back, too.
  if (sqlite3_get_autocommit(impl_->database.getHandle()) == 0) impl_->sql.execute("ROLLBACK");
  impl_->sql.execute("BEGIN IMMEDIATE");
  impl_->in_transaction = true;
  impl_->scans_before = impl_->scans;
  impl_->losses_before = impl_->losses;
}

void History::commit() {
  if (!impl_->in_transaction) throw std::logic_error("there is no transaction to commit");
  impl_->changes.write();
  impl_->maintenance.note_commit();
  impl_->sql.execute("COMMIT");
  impl_->in_transaction = false;
  impl_->cgroups.note_commit();
  impl_->wal.note_commit();
}

void History::rollback() noexcept {
  if (!impl_->in_transaction) return;
  if (sqlite3_get_autocommit(impl_->database.getHandle()) == 0) impl_->database.tryExec("ROLLBACK");
  impl_->in_transaction = false;
  impl_->scans = impl_->scans_before;
  impl_->losses = impl_->losses_before;
  impl_->cgroups.undo();
  impl_->changes.undo();
  impl_->maintenance.undo();
}

void History::record(const core::Record& record) {
  if (!impl_->in_transaction) throw std::logic_error("the history is written outside of a transaction");
  // SQLite ends a transaction by itself when the disk is full; what follows must not be stored bit by bit.
  if (sqlite3_get_autocommit(impl_->database.getHandle()) != 0)
    throw SQLite::Exception("the transaction was rolled back after an error", SQLITE_ABORT);
  std::visit([&](const auto& one) { impl_->record(one); }, record);
}

void History::Impl::record(const core::Scan& scan) {
  if (!scan.is_partial) oom_kills.settle(scan.started_at_us);  // all counters of the scan before are on record
  scans.is_losing = !maintenance.has_room_for(scan.rows.size());
  if (scans.is_losing) {
    ++scans.lost_count;
    return;
  }
  const std::vector<Place> places = cgroups.follow(scan, scans.last_at_us, maintenance.room_for_scan_bytes(),
                                                   maintenance.room_for_living_bytes(), losses);
  sql.execute(
      // No id is used twice, also where the scans that are archived were lost.
      "INSERT INTO scan (scan_id, started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us, cpu_us, "
      "is_partial) VALUES (1 + max(coalesce((SELECT max(scan_id) FROM scan), 0), "
      "  coalesce((SELECT max(scan_id) FROM archived), 0)), ?, ?, ?, ?, ?, ?, ?, nullif(?, 0))",
      scan.started_at_us, scan.duration_us, static_cast<std::int64_t>(places.size()), scan.error_count, scan.late_us,
      scan.interval_us, scan.cpu_us, std::int64_t{scan.is_partial});
  const std::int64_t scan_id = database.getLastInsertRowid();
  append_samples(sql, scan_id, places);
  stuck.follow(scan, places);
  for (const Place& place : places) {
    if (place.missed_oom_kills == 0) continue;
    oom_kills.record(core::CountedOomKills{.id = place.row->cgroup->id,
                                           .since_at_us = place.missed_since_us,
                                           .at_us = scan.started_at_us,
                                           .count = place.missed_oom_kills});
  }
  if (!scan.is_partial) scans.last_at_us = scan.started_at_us;
}

Losses History::take_losses() { return std::exchange(impl_->losses, {}); }

std::vector<core::CgroupRef> History::take_appeared() { return impl_->cgroups.take_appeared(); }

}  // namespace cgmm::store
