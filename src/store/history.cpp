// SPDX-License-Identifier: Apache-2.0
#include "store/history.hpp"

#include <SQLiteCpp/Database.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/units.hpp"
#include "store/age/retention.hpp"
#include "store/file/lock_file.hpp"
#include "store/file/open.hpp"
#include "store/file/salvage.hpp"
#include "store/file/wal.hpp"
#include "store/refusal.hpp"
#include "store/statement.hpp"
#include "store/write/cgroup_rows.hpp"
#include "store/write/oom_kills.hpp"
#include "store/write/sample_rows.hpp"

namespace cgmm::store {
namespace {

/// What a cgroup that is gone leaves in memory at a start is bounded by this.
constexpr std::int64_t kHandoverAgeUs = 24LL * 3600 * 1'000'000;
/// Of max_size, when a reader keeps the WAL from being moved into the file.
constexpr std::int64_t kLeastRoomBytes = 256 * 1024;
/// Slices of maintenance after a batch: so many, and one for so many samples, so that it keeps pace.
constexpr std::int64_t kSlicesAtOnce = 4;
constexpr std::int64_t kSamplesASlice = 500;
constexpr std::int64_t kSampleBytes = 150;  // at most, with its page's unused part
constexpr std::int64_t kSlicesToMakeRoom = 64;
/// When there was nothing left to do, nothing is looked for until there is as much as one slice does, or a while has
/// passed: what a transaction of it costs beside that is the same however much it does.
constexpr std::int64_t kRestSamples = 4000;
constexpr std::int64_t kRestUs = 5LL * 60 * 1'000'000;
constexpr std::int64_t kHourUs = 3600LL * 1'000'000;  // when one is over, it is rolled up

constexpr const char* kStoreReclaim =
    "INSERT OR REPLACE INTO reclaim (reclaim_id, cgroup_id, started_at_us, duration_us, method, "
    "threshold_bytes, requested_bytes, "
    "usage_before_bytes, file_before_bytes, shmem_before_bytes, anon_before_bytes, swap_before_bytes, "
    "usage_after_bytes, file_after_bytes, shmem_after_bytes, anon_after_bytes, swap_after_bytes, "
    "freed_bytes, outcome, error, stopped_by, step_count, psi_some_us) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), nullif(?, 0), ?)";

}  // namespace

struct History::Impl {
  Impl(const std::filesystem::path& file, bool takes_lock)
      : name(file),
        path(resolved(file)),
        database(open_locked(file, takes_lock)),
        cgroups(database),
        oom_kills(database, cgroups) {
    file_id = base::file_id(name);
    int has_moved = 0;
    sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    if (has_moved != 0) throw SQLite::Exception("its file was replaced while it was opened", SQLITE_BUSY);
  }

  SQLite::Database open_locked(const std::filesystem::path& file, bool takes_lock) {
    if (takes_lock) lock.emplace(path, file);
    try {
      return open_for_writing(file);
    } catch (...) {
      if (lock) lock->forget();
      throw;
    }
  }

  void require_transaction() const {
    if (!in_transaction) throw std::logic_error("the history is written outside of a transaction");
    // SQLite ends a transaction by itself when the disk is full; what follows must not be stored bit by bit.
    if (sqlite3_get_autocommit(database.getHandle()) != 0) {
      throw SQLite::Exception("the transaction was rolled back after an error", SQLITE_ABORT);
    }
  }

  std::int64_t last_scan_at_us();
  std::string settle_last_run(std::int64_t now_us, const std::optional<RunBefore>& run_before);

  void require_room();
  bool rests(std::int64_t now_us);
  std::int64_t version_by_others();
  bool has_room_for(std::size_t sample_count);

  std::filesystem::path name;    // as configured
  std::filesystem::path path;    // what it led to when it was opened
  std::optional<LockFile> lock;  // outlives the connection; nullopt: somebody else holds it for us
  SQLite::Database database;
  CgroupRows cgroups;
  OomKillRows oom_kills;
  std::optional<core::RetentionSettings> settings;  // nullopt: everything, for ever
  Retention retention{database};
  Wal wal{database, path};
  bool is_over_size = false;  // of its bounds, as of the last commit
  struct Rest {               // from maintenance
    std::int64_t since_us = 0;
    std::int64_t version_by_others = 0;
    std::int64_t samples = 0;  // recorded since
  };
  std::optional<Rest> rest;
  std::int64_t samples_since_maintenance = 0;
  std::int64_t samples_in_transaction = 0;
  struct Lost {
    std::int64_t scans = 0;
    bool is_losing = false;  // the last scan was lost
  };
  Lost lost;
  Lost lost_before;  // when the transaction began
  bool in_transaction = false;
  std::int64_t reclaims_before = 0;  // the last reclaim_id of earlier runs
  std::optional<base::FileId> file_id;
  std::int64_t scanned_at_us = 0;         // the latest scan of all in this run; 0: none yet
  std::int64_t scanned_before_at_us = 0;  // its value when the transaction began

  SQLite::Statement begin{database, "BEGIN IMMEDIATE"};
  SQLite::Statement commit{database, "COMMIT"};
  SQLite::Statement data_version{database, "PRAGMA data_version"};
  SQLite::Statement add_scan{database,
                             "INSERT INTO scan (started_at_us, duration_us, cgroup_count, error_count, late_us, "
                             "interval_us, cpu_us, is_partial) "
                             "VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, 0))"};
  SampleRows samples{database};
  SQLite::Statement store_reclaim{database, kStoreReclaim};
  SQLite::Statement store_cooldown{database,
                                   "INSERT OR REPLACE INTO cooldown (cgroup_id, last_reclaim_at_us, until_us, strikes) "
                                   "VALUES (?, ?, ?, ?)"};
  SQLite::Statement store_effect{
      database,
      "INSERT OR REPLACE INTO reclaim_effect (reclaim_id, observed_for_us, refaulted_bytes, regrown_bytes, "
      "held_byte_seconds, verdict, judged_by, ended_by) VALUES (?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''))"};
  SQLite::Statement change_cooldown{database,
                                    "UPDATE cooldown SET last_reclaim_at_us = ?2, until_us = ?3, strikes = ?4 "
                                    "WHERE cgroup_id = (SELECT cgroup_id FROM reclaim WHERE reclaim_id = ?1)"};
  SQLite::Statement add_event{database,
                              "INSERT INTO service_event (at_us, kind, detail, fault) "
                              "VALUES (?, ?, nullif(?, ''), nullif(?, ''))"};
};

History::History(const std::filesystem::path& file) {
  make_directory_for(file);
  try {
    impl_ = std::make_unique<Impl>(file, /*takes_lock=*/true);
  } catch (const SQLite::Exception& error) {
    throw refusal(file, error);
  }
}

History::History(const std::filesystem::path& file, const LockFile&) {
  try {
    impl_ = std::make_unique<Impl>(file, /*takes_lock=*/false);
  } catch (const SQLite::Exception& error) {
    throw refusal(file, error);
  }
}

History::~History() = default;

void History::set_retention(const core::RetentionSettings& settings) {
  impl_->settings = settings;
  impl_->retention.set_bounds(settings);
  impl_->is_over_size = impl_->retention.is_over_size();
  impl_->rest.reset();
  impl_->wal.set_max_size(settings.max_size_bytes);
}

std::int64_t History::slices_due() {
  impl_->wal.checkpoint_if_due();
  if (!impl_->settings) return 0;
  const std::int64_t sample_count = std::exchange(impl_->samples_since_maintenance, 0);
  if (impl_->rest) impl_->rest->samples += sample_count;
  return impl_->is_over_size ? kSlicesToMakeRoom : kSlicesAtOnce + sample_count / kSamplesASlice;
}

bool History::Impl::rests(std::int64_t now_us) {
  if (!rest || is_over_size || wal.is_held() || wal.has_failed() || rest->samples >= kRestSamples) return false;
  const std::int64_t since_us = rest->since_us;
  return now_us >= since_us && now_us - since_us < kRestUs && now_us / kHourUs == since_us / kHourUs &&
         version_by_others() == rest->version_by_others;
}

/// Another one whenever another connection has written.
std::int64_t History::Impl::version_by_others() {
  Use version(data_version);
  version.step();
  return version.integer(0);
}

bool History::maintain_slice(std::int64_t now_us) {
  if (!impl_->settings || impl_->rests(now_us)) return false;
  if (impl_->wal.is_held()) {  // it would only make the WAL longer
    impl_->wal.require_checkpoint();
    return false;
  }
  begin();
  try {
    const bool did_something = impl_->retention.work(now_us);
    commit();
    impl_->rest.reset();
    if (!did_something) impl_->rest = {.since_us = now_us, .version_by_others = impl_->version_by_others()};
    impl_->wal.checkpoint_if_due();
    impl_->wal.require_checkpoint();
    return did_something;
  } catch (...) {
    rollback();
    throw;
  }
}

History::Room History::room() const {
  return {.wal_bytes = impl_->wal.is_held() ? impl_->wal.bytes() : 0,
          .wal_is_held = impl_->wal.is_held(),
          .lost_scans = impl_->lost.scans,
          .is_losing = impl_->lost.is_losing};
}

/// Whether the file with its WAL stays inside its bound when so many samples are written to the WAL. What is left then
/// is for records that are worth more. There is no room when a reader, or the disk, has held up checkpoints for long.
bool History::Impl::has_room_for(std::size_t sample_count) {
  if (!settings || !wal.is_held()) return true;
  const std::int64_t needed_bytes =
      static_cast<std::int64_t>(sample_count) * kSampleBytes + settings->max_size_bytes / 32;
  return retention.file_bytes() + wal.bytes() + needed_bytes <= settings->max_size_bytes;
}

/// Not even for those.
void History::Impl::require_room() {
  if (!settings || !wal.is_held()) return;
  wal.checkpoint();
  if (!wal.is_held() || retention.file_bytes() + wal.bytes() + kLeastRoomBytes <= settings->max_size_bytes) return;
  wal.require_checkpoint();
  throw SQLite::Exception("its WAL has reached max_size, because somebody has been reading the database for long",
                          SQLITE_FULL);
}

void History::begin() {
  if (impl_->in_transaction) throw std::logic_error("the history is in a transaction already");
  impl_->require_room();
  execute(impl_->begin);
  impl_->in_transaction = true;
  impl_->scanned_before_at_us = impl_->scanned_at_us;
  impl_->lost_before = impl_->lost;
  impl_->samples_in_transaction = 0;
}

void History::commit() {
  if (!impl_->in_transaction) throw std::logic_error("there is no transaction to commit");
  if (impl_->settings) impl_->is_over_size = impl_->retention.is_over_size();  // costs no locks here
  execute(impl_->commit);
  impl_->in_transaction = false;
  impl_->cgroups.note_commit();
  impl_->wal.note_commit();
}

/// One that was emptied is another one.
bool History::is_in_place() const { return has_its_file() && impl_->wal.is_in_place(); }

bool History::has_its_file() const {
  std::error_code error;
  return base::file_id(impl_->name) == impl_->file_id && std::filesystem::file_size(impl_->name, error) > 0 && !error;
}

Wal& History::wal() { return impl_->wal; }

std::string History::carry_over_to(const std::filesystem::path& to) { return carry_over(impl_->database, to); }

std::int64_t History::reclaims_before() const { return impl_->reclaims_before; }

std::vector<core::CgroupRef> History::take_appeared() { return impl_->cgroups.take_appeared(); }

void History::rollback() noexcept {
  if (!impl_->in_transaction) return;
  if (sqlite3_get_autocommit(impl_->database.getHandle()) == 0) impl_->database.tryExec("ROLLBACK");
  impl_->in_transaction = false;
  impl_->scanned_at_us = impl_->scanned_before_at_us;
  impl_->lost = impl_->lost_before;
  impl_->rest.reset();
  impl_->cgroups.undo();
  impl_->retention.undo();
}

void History::record(const core::Scan& scan) {
  impl_->require_transaction();
  impl_->lost.is_losing = !impl_->has_room_for(scan.rows.size());
  if (impl_->lost.is_losing) {
    ++impl_->lost.scans;
    return;
  }
  impl_->samples_in_transaction += static_cast<std::int64_t>(scan.rows.size());
  impl_->retention.reserve(impl_->samples_in_transaction * kSampleBytes);
  execute(impl_->add_scan, scan.started_at_us, scan.duration_us, static_cast<std::int64_t>(scan.rows.size()),
          scan.error_count, scan.late_us, scan.interval_us, scan.cpu_us, std::int64_t{scan.is_partial});
  const std::int64_t scan_id = impl_->database.getLastInsertRowid();
  impl_->samples.append(scan_id, scan.rows.data(), impl_->cgroups.follow(scan, impl_->scanned_at_us));
  impl_->samples_since_maintenance += static_cast<std::int64_t>(scan.rows.size());
  if (scan.is_partial) return;
  impl_->scanned_at_us = scan.started_at_us;
}

void History::record(const core::Reclaim& reclaim) {
  impl_->require_transaction();
  const std::int64_t cgroup_id = impl_->cgroups.id_of(reclaim.id, reclaim.started_at_us);
  {
    Use row(impl_->store_reclaim, impl_->reclaims_before + reclaim.reclaim_id, cgroup_id, reclaim.started_at_us,
            reclaim.duration_us, to_string(reclaim.method), to_sql(reclaim.threshold_bytes), reclaim.requested_bytes);
    const core::Gauges none;
    for (const auto* gauges : {&reclaim.before, reclaim.after ? &*reclaim.after : &none}) {
      using enum core::Gauge;
      for (const auto gauge : {usage, file, shmem, anon, swap}) row.bind((*gauges)[gauge]);
    }
    row.bind(reclaim.freed_bytes);
    row.bind(to_string(reclaim.outcome));
    row.bind(reclaim.error);
    row.bind(reclaim.stopped_by ? to_string(*reclaim.stopped_by) : "");
    row.bind(reclaim.step_count);
    row.bind(reclaim.psi_some_us);
    row.step();
  }
  if (const auto& cooldown = reclaim.cooldown) {
    execute(impl_->store_cooldown, cgroup_id, cooldown->last_reclaim_at_us, cooldown->until_us, cooldown->strikes);
  }
}

void History::record(const core::CgroupId& id, const core::Cooldown& cooldown) {
  impl_->require_transaction();
  execute(impl_->store_cooldown, impl_->cgroups.id_of(id, cooldown.last_reclaim_at_us), cooldown.last_reclaim_at_us,
          cooldown.until_us, cooldown.strikes);
}

void History::record(const core::Effect& effect) {
  impl_->require_transaction();
  const std::int64_t reclaim_id = impl_->reclaims_before + effect.reclaim_id;
  execute(impl_->store_effect, reclaim_id, effect.observed_for_us, effect.refaulted_bytes, effect.regrown_bytes,
          effect.held_byte_seconds, to_string(effect.verdict), effect.judged_by ? to_string(*effect.judged_by) : "",
          effect.ended_by ? to_string(*effect.ended_by) : "");
  if (const auto& cooldown = effect.cooldown) {
    execute(impl_->change_cooldown, reclaim_id, cooldown->last_reclaim_at_us, cooldown->until_us, cooldown->strikes);
  }
}

void History::record(const core::OomKill& kill) {
  impl_->require_transaction();
  impl_->oom_kills.record(kill);
}

void History::record(const core::CountedOomKills& counted) {
  impl_->require_transaction();
  impl_->oom_kills.record(counted);
}

void History::record(const core::LogPosition& position) {
  impl_->require_transaction();
  impl_->oom_kills.store_position(position);
}

void History::record(const core::NamedCgroup& named) {
  impl_->require_transaction();
  impl_->cgroups.store_names(named);
}

void History::record(const core::ServiceEvent& event) {
  impl_->require_transaction();
  execute(impl_->add_event, event.at_us, event.kind, event.detail, event.fault);
}

core::Handover History::begin_run(std::int64_t now_us, const std::string& detail, const RunBeginning& beginning) {
  begin();
  try {
    auto handover = this->handover(now_us);
    impl_->reclaims_before =
        beginning.run_before
            ? beginning.run_before->reclaims_before
            : impl_->database.execAndGet("SELECT coalesce(max(reclaim_id), 0) FROM reclaim").getInt64();
    handover.crash_found = impl_->settle_last_run(now_us, beginning.run_before);
    record(core::ServiceEvent{.at_us = now_us, .kind = "start", .detail = detail});
    if (beginning.record_first) beginning.record_first(*this);
    commit();
    return handover;
  } catch (...) {
    rollback();
    throw;
  }
}

std::int64_t History::Impl::last_scan_at_us() {
  SQLite::Statement last(database,
                         "SELECT started_at_us FROM scan WHERE is_partial IS NOT 1 ORDER BY scan_id DESC LIMIT 1");
  return last.executeStep() ? last.getColumn(0).getInt64() : 0;
}

/// Read before the last run is settled: of the cgroups that were there when it ended, nothing is left out.
core::Handover History::handover(std::int64_t now_us) { return read_handover(impl_->database, now_us); }

core::Handover read_handover(SQLite::Database& database, std::int64_t now_us) {
  core::Handover result;
  SQLite::Statement cooldowns(database,
                              "SELECT path, inode, last_reclaim_at_us, until_us, strikes "
                              "FROM cooldown JOIN cgroup USING (cgroup_id) "
                              "WHERE vanished_at_us IS NULL OR vanished_at_us > ?1 OR until_us > ?2");
  for (Use row(cooldowns, now_us - kHandoverAgeUs, now_us); row.step();) {
    result.cooldowns[{row.text(0), inode_from_sql(row.integer(1))}] = {
        .last_reclaim_at_us = row.integer(2), .until_us = row.integer(3), .strikes = row.integer(4)};
  }
  SQLite::Statement totals(database,
                           "SELECT path, inode, oom_kills_total FROM cgroup WHERE oom_kills_total IS NOT NULL "
                           "AND (vanished_at_us IS NULL OR vanished_at_us > ?1)");
  for (Use row(totals, now_us - kHandoverAgeUs); row.step();) {
    result.oom_kills_total[{row.text(0), inode_from_sql(row.integer(1))}] = row.amount(2).value_or(0);
  }
  SQLite::Statement log(database, "SELECT boot_id, sequence FROM kernel_log");
  if (Use row(log); row.step()) {
    result.log_position = {.boot_id = row.text(0), .sequence = static_cast<std::uint64_t>(row.integer(1))};
  }
  return result;
}

/// What it has found of a crash.
std::string History::Impl::settle_last_run(std::int64_t now_us, const std::optional<RunBefore>& run_before) {
  database.exec("UPDATE reclaim SET outcome = 'interrupted' WHERE outcome = 'started'");
  database.exec("UPDATE reclaim_effect SET ended_by = 'stop' WHERE ended_by IS NULL");
  const std::int64_t scanned_last_at_us = last_scan_at_us();
  SQLite::Statement end_cgroups(database,
                                "UPDATE cgroup SET last_seen_at_us = max(last_seen_at_us, ?1), "
                                "vanished_at_us = max(last_seen_at_us, ?1) WHERE vanished_at_us IS NULL");
  execute(end_cgroups, scanned_last_at_us);
  SQLite::Statement last_event(database,
                               "SELECT kind, at_us FROM service_event WHERE kind IN ('start', 'stop') "
                               "ORDER BY service_event_id DESC LIMIT 1");
  Use event(last_event);
  if (!event.step() || event.text(0) == "stop") return "";
  if (run_before) {
    execute(add_event, now_us, std::string("stop"), run_before->ended_because, std::string());
    return "";
  }
  const std::int64_t started_at_us = event.integer(1);
  const std::string last_scan = scanned_last_at_us < started_at_us
                                    ? "it recorded no scan"
                                    : "its last scan was at " + base::format_utc(scanned_last_at_us);
  std::string crash = "the run started at " + base::format_utc(started_at_us) + " did not stop in order; " + last_scan;
  execute(add_event, now_us, std::string("crash_found"), crash, std::string());
  return crash;
}

void History::record(const core::NodeFacts& node) {
  impl_->require_transaction();
  impl_->database.exec("DELETE FROM node");
  SQLite::Statement add(impl_->database, "INSERT INTO node (key, value) VALUES (?, ?)");
  for (const auto& [key, value] : node.facts) {
    Use row(add, key);
    std::visit([&row](const auto& cell) { row.bind(cell); }, value);
    row.step();
  }
}

bool is_damage(const std::exception& error) {
  const auto* const refused = dynamic_cast<const SQLite::Exception*>(&error);
  if (refused == nullptr) return false;
  const int code = refused->getErrorCode() & 0xff;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

bool is_full(const std::exception& error) {
  const auto* const refused = dynamic_cast<const SQLite::Exception*>(&error);
  return refused != nullptr && (refused->getErrorCode() & 0xff) == SQLITE_FULL;
}

bool is_bad_record(const std::exception& error) {
  if (dynamic_cast<const std::logic_error*>(&error) != nullptr) return true;
  const auto* const refused = dynamic_cast<const SQLite::Exception*>(&error);
  if (refused == nullptr) return false;
  const int code = refused->getErrorCode() & 0xff;
  return code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH || code == SQLITE_TOOBIG || code == SQLITE_RANGE;
}

void History::end_run(std::int64_t now_us, const std::string& detail) {
  begin();
  try {
    if (impl_->scanned_at_us != 0) {
      SQLite::Statement seen(
          impl_->database, "UPDATE cgroup SET last_seen_at_us = max(last_seen_at_us, ?) WHERE vanished_at_us IS NULL");
      execute(seen, impl_->scanned_at_us);
    }
    record(core::ServiceEvent{.at_us = now_us, .kind = "stop", .detail = detail});
    commit();
  } catch (...) {
    rollback();
    throw;
  }
  if (impl_->wal.is_cut()) {
    impl_->wal.leave_as_it_is();
    throw SQLite::Exception("its WAL was emptied", SQLITE_IOERR);
  }
  impl_->wal.checkpoint_all();
}

}  // namespace cgmm::store
