// SPDX-License-Identifier: Apache-2.0
#include "store/file/wal.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/fd.hpp"
#include "store/file/open.hpp"

namespace cgmm::store {
namespace {

/// A checkpoint is due then: some 60 scans of 200 cgroups. Earlier where max_size is small.
constexpr std::int64_t kDueBytes = 2 * 1024 * 1024;
constexpr std::int64_t kHeldBytes = 16LL * 1024 * 1024;
constexpr std::int64_t kShareOfMaxSize = 16;
/// For a checkpoint of all of it; a reader may hold it for hours.
constexpr int kWaitForReadersMs = 200;

/// When it was written to last; 0: there is none.
std::int64_t written_at_ns(const std::filesystem::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec : 0;
}

/// SQLite writes a WAL's header when it begins one. When somebody empties the file, it goes on after a hole. Of a file
/// that can't be opened or read now (too many are open), nothing is known. Without a stream, which takes memory: what
/// throws after a commit would have it recorded twice.
bool begins_like_a_wal(const std::filesystem::path& path) {
  constexpr char kFirstByte = 0x37;
  const base::Fd wal(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char first = 0;
  return !wal || ::read(wal.get(), &first, 1) < 0 || first == kFirstByte;
}

}  // namespace

Wal::Wal(SQLite::Database& database, const std::filesystem::path& file)
    : database_(database),
      file_(file),
      wal_(file.string() + "-wal"),
      page_bytes_(database.execAndGet("PRAGMA page_size").getInt64()) {
  note_file();
  database.exec("PRAGMA wal_autocheckpoint = 0");  // checkpoint_if_due() does it, outside of the commit
  sqlite3_wal_hook(
      database.getHandle(),
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &pages_);
}

void Wal::set_max_size(std::int64_t max_size_bytes) {
  max_size_bytes_ = max_size_bytes;
  database_.exec("PRAGMA journal_size_limit = " + std::to_string(std::min<std::int64_t>(4 << 20, max_size_bytes / 32)));
}

void Wal::note_commit() {
  if (!id_) id_ = base::file_id(wal_);
  is_cut_ = !begins_like_a_wal(wal_);
}

void Wal::checkpoint_if_due() {
  if (pages_ < pages_at_checkpoint_) pages_at_checkpoint_ = 0;  // it was begun anew
  if ((pages_ - pages_at_checkpoint_) * page_bytes_ >= std::min(kDueBytes, max_size_bytes_ / kShareOfMaxSize))
    checkpoint();
}

void Wal::checkpoint() {
  if (is_cut_) return;
  int in_wal = 0;
  int moved = 0;
  const bool was_written_by_others = was_file_written_by_others();
  const int code = sqlite3_wal_checkpoint_v2(database_.getHandle(), "main", SQLITE_CHECKPOINT_PASSIVE, &in_wal, &moved);
  if (!was_written_by_others) note_file();
  error_ = code == SQLITE_BUSY ? SQLITE_OK : code;  // busy: somebody else is doing it
  if (error_ == SQLITE_OK) pages_at_checkpoint_ = pages_;
  const bool is_done = code == SQLITE_OK && in_wal == moved;
  is_held_ = bytes() > std::min(kHeldBytes, max_size_bytes_ / kShareOfMaxSize) && !(is_done && begins_anew());
}

/// Where all of it was moved, it still grows until nobody reads. The next commit cuts its file to journal_size_limit.
bool Wal::begins_anew() {
  database_.setBusyTimeout(0);
  const int code =
      sqlite3_wal_checkpoint_v2(database_.getHandle(), "main", SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
  database_.setBusyTimeout(kBusyTimeoutMs);
  return code == SQLITE_OK;
}

bool Wal::checkpoint_all() {
  database_.setBusyTimeout(kWaitForReadersMs);
  const int code =
      sqlite3_wal_checkpoint_v2(database_.getHandle(), "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  database_.setBusyTimeout(kBusyTimeoutMs);
  if (code != SQLITE_OK && code != SQLITE_BUSY) throw SQLite::Exception(database_.getHandle(), code);
  return code == SQLITE_OK;
}

void Wal::require_checkpoint() const {
  if (has_failed())
    throw SQLite::Exception(std::string("its WAL can't be moved into the file: ") + sqlite3_errstr(error_), error_);
}

std::int64_t Wal::bytes() const { return size_of(wal_) + size_of(file_.string() + "-shm"); }

std::int64_t Wal::file_bytes() const { return size_of(file_); }

bool Wal::was_file_written_by_others() const { return written_at_ns(file_) != file_written_at_ns_; }

void Wal::note_file() { file_written_at_ns_ = written_at_ns(file_); }

void Wal::leave_as_it_is() {
  sqlite3* const handle = database_.getHandle();
  int yes = 1;
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &yes);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

}  // namespace cgmm::store
