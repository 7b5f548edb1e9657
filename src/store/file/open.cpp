// SPDX-License-Identifier: Apache-2.0
#include "store/file/open.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/fd.hpp"
#include "store/migrations.hpp"
#include "store/refusal.hpp"
#include "store/statement.hpp"
#include "store/sum.hpp"

namespace cgmm::store {
namespace {

constexpr int kAttempts = 5;
/// PRAGMA quick_check reads every page: a quarter of a second for this size.
constexpr std::int64_t kQuickCheckLimitBytes = 64LL * 1024 * 1024;
constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr int kHeaderBytes = 100;

constexpr std::array kTables = {"node",           "scan",     "cgroup",   "sample",        "cgroup_limit", "reclaim",
                                "reclaim_effect", "cooldown", "oom_kill", "service_event", "sample_hour"};

/// Of our schema, which is written to the first pages when a history is made.
constexpr std::array<std::string_view, 3> kOurWords = {"CREATE TABLE cgroup_limit (", "CREATE TABLE oom_kill (",
                                                       "CREATE TABLE reclaim_effect ("};

std::string wal_path(const std::filesystem::path& real) { return real.string() + "-wal"; }

bool permitted(const std::filesystem::path& real, int mode) {
  return ::faccessat(AT_FDCWD, real.c_str(), mode, AT_EACCESS) == 0;
}

/// A URI, because SQLite takes "immutable" only there.
std::string immutable_uri(const std::filesystem::path& real) {
  std::string uri = "file://";
  for (const char c : real.string()) uri += c == '%' ? "%25" : c == '?' ? "%3F" : c == '#' ? "%23" : std::string(1, c);
  return uri + "?immutable=1";
}

/// Uses SQLite's own file descriptor: closing one of ours would release the locks of other connections in this process
/// (POSIX locks belong to the process).
std::string read_beginning(SQLite::Database& database, int bytes) {
  std::string beginning(static_cast<std::size_t>(bytes), '\0');
  sqlite3_file* raw = nullptr;
  database.check(sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, &raw));
  const int result = raw->pMethods->xRead(raw, beginning.data(), bytes, 0);
  if (result != SQLITE_IOERR_SHORT_READ) database.check(result);  // a short read fills up with zeros
  return beginning;
}

/// As SQLite's file format has numbers: big-endian.
std::uint32_t number_in(std::string_view header, std::size_t offset, std::size_t bytes) {
  std::uint32_t number = 0;
  for (const char one : header.substr(offset, bytes)) number = number << 8 | static_cast<unsigned char>(one);
  return number;
}

std::uint32_t application_id_in(std::string_view header) { return number_in(header, 68, 4); }

/// How many bytes the file says that it has; 0: its page size makes no sense.
std::int64_t bytes_by(std::string_view header) {
  const std::uint32_t page_bytes = number_in(header, 16, 2) == 1 ? 65536 : number_in(header, 16, 2);
  return page_bytes < 512 || !std::has_single_bit(page_bytes) ? 0 : std::int64_t{number_in(header, 28, 4)} * page_bytes;
}

bool holds_nothing(SQLite::Database& database) {
  return database.execAndGet("PRAGMA user_version").getInt() == 0 &&
         database.execAndGet("SELECT count(*) FROM sqlite_schema").getInt() == 0;
}

Content inspect_history(const std::filesystem::path& file, SQLite::Database& database, Thoroughness thoroughness) {
  const std::int64_t version = database.execAndGet("PRAGMA user_version").getInt64();
  if (holds_nothing(database)) return Content::none;
  const auto known_version = static_cast<std::int64_t>(kMigrations.size());
  if (version > known_version) throw newer(file, version, known_version);
  if (version < 1) throw damaged(file, "its schema has no version");
  for (const char* const table : kTables) {
    if (!database.tableExists(table)) throw damaged(file, std::string("its table '") + table + "' is missing");
  }
  if (thoroughness != Thoroughness::header) {
    database.exec("PRAGMA cache_size = -256");  // KiB; quick_check would use 2 MB
    std::string verdict = database.execAndGet("PRAGMA quick_check(1)").getString();
    if (verdict != "ok") throw damaged(file, "SQLite's quick_check says: " + verdict.substr(verdict.rfind('\n') + 1));
  }
  return Content::history;
}

Content inspect_opened(const std::filesystem::path& file, SQLite::Database& database, const FileStamp& stamp,
                       Thoroughness thoroughness) {
  const std::string header = read_beginning(database, kHeaderBytes);
  const auto was_history = [&] { return looks_like_history(read_beginning(database, kBeginningBytes)); };
  const std::uint32_t application_id = application_id_in(header);
  const bool ours = application_id == kApplicationId;
  if (!header.starts_with(kMagic))
    throw was_history() ? damaged(file, "its first bytes are overwritten") : not_a_database(file);
  if (stamp.size_bytes < kHeaderBytes) throw damaged(file, "it ends within its header");
  if (!ours) {
    // Of a file of another program only the beginning is read, unless it may be empty.
    if (application_id == 0 && !stamp.wal_pending && holds_nothing(database)) return Content::none;
    if (was_history()) throw damaged(file, "its application_id is overwritten");
    throw other_programs_database(file, application_id);
  }
  // SQLite notices that pages are missing, but not the end of the last one. With a pending WAL that is lawful.
  const std::int64_t bytes = bytes_by(header);
  if (!stamp.wal_pending && stamp.size_bytes < bytes)
    throw damaged(file, "it has " + std::to_string(stamp.size_bytes) + " of " + std::to_string(bytes) + " bytes");
  const bool too_big = thoroughness == Thoroughness::whole && stamp.size_bytes > kQuickCheckLimitBytes;
  return inspect_history(file, database, too_big ? Thoroughness::header : thoroughness);
}

// The owner and the group `adm`, which may read logs on Debian and others, may read what the service makes. Nobody
// else, because a history names pods and what they did.
constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirectoryMode = 0750;

/// From /etc/group: getgrnam() may ask a server that is not available yet while a node boots.
std::optional<gid_t> group_of_readers() {
  std::FILE* const groups = std::fopen("/etc/group", "re");
  if (groups == nullptr) return std::nullopt;
  std::optional<gid_t> found;
  while (const group* one = ::fgetgrent(groups)) {
    if (std::string_view(one->gr_name) == "adm") found = one->gr_gid;
  }
  std::fclose(groups);
  return found;
}

/// Sets the mode of a new file or directory, whatever the umask is, and its group if we are root and the group exists.
/// Else only the owner may read; under systemd with few capabilities, the unit needs `Group=adm`.
void set_access(const base::Fd& fd, mode_t mode) {
  ::fchmod(fd.get(), mode);
  if (::geteuid() != 0) return;
  if (const auto group = group_of_readers()) {
    [[maybe_unused]] const int ignored = ::fchown(fd.get(), static_cast<uid_t>(-1), *group);
  }
}

/// The order matters. page_size and auto_vacuum have to be there before the first page. Pages of 4096 bytes would make
/// half as much again of what is written, because a scan changes most pages in one place only. The application_id is
/// written before there is a WAL, so that our own file is known by it after a crash.
void prepare_new(SQLite::Database& database) {
  database.exec("PRAGMA journal_mode = DELETE");
  database.exec("PRAGMA page_size = 2048");
  database.exec("PRAGMA auto_vacuum = INCREMENTAL");
  // For an existing database of one empty page, both take effect when it is rewritten.
  if (database.execAndGet("PRAGMA page_count").getInt() > 0) database.exec("VACUUM");
  database.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
}

void configure(const std::filesystem::path& file, SQLite::Database& database) {
  if (database.execAndGet("PRAGMA journal_mode = WAL").getString() != "wal") {
    throw unusable(file, "SQLite's write-ahead log does not work on its filesystem", "use a local filesystem");
  }
  // A copied file may have triggers of somebody else's.
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  database.exec("PRAGMA synchronous = NORMAL");
  database.exec("PRAGMA cache_size = -512");             // KiB; more makes nothing faster, for scans are appended
  database.exec("PRAGMA journal_size_limit = 4194304");  // cuts a WAL that a slow reader made grow
  database.exec("PRAGMA secure_delete = OFF");  // Debian's SQLite overwrites deleted rows: here only more writes
}

/// Of a file that says it is of a version that it is not, nothing could be recorded.
void require_schema(const std::filesystem::path& file, SQLite::Database& database) {
  SQLite::Database sound(":memory:", SQLite::OPEN_READWRITE);
  migrate(sound, kMigrations);
  Statements sql(sound);
  for (Use row = sql.use("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'");
       row.step();) {
    const std::vector<std::string> there = column_names(database, row.text(0));
    for (const std::string& column : column_names(sound, row.text(0))) {
      if (std::ranges::find(there, column) == there.end())
        throw damaged(file, "its schema is not that of its version: " + row.text(0) + "." + column + " is missing");
    }
  }
}

/// An earlier version that the file is not of is damage, too.
void bring_up_to_date(const std::filesystem::path& file, SQLite::Database& database) {
  try {
    migrate(database, kMigrations);
  } catch (const SQLite::Exception& error) {
    if (error.getErrorCode() != SQLITE_ERROR) throw;
    throw damaged(file, std::string("its schema is not that of its version: ") + error.what());
  }
  require_schema(file, database);
}

}  // namespace

bool looks_like_history(std::string_view beginning) {
  if (beginning.size() >= kHeaderBytes && application_id_in(beginning) == kApplicationId) return true;
  return std::ranges::any_of(kOurWords,
                             [&](std::string_view words) { return beginning.find(words) != beginning.npos; });
}

std::filesystem::path resolved(const std::filesystem::path& file) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(file, error);
  if (error) return file;
  std::filesystem::path canonical = std::filesystem::weakly_canonical(absolute, error);
  return error ? absolute : canonical;
}

void create_file(const std::filesystem::path& file, const std::filesystem::path& real) {
  const base::Fd fd(::open(real.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (!fd) throw unusable(file, "it can't be made", errno);
  set_access(fd, kFileMode);  // SQLite gives -wal and -shm the same
}

std::int64_t size_of(const std::filesystem::path& file) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(file, error);
  return error ? 0 : static_cast<std::int64_t>(bytes);
}

std::optional<FileStamp> stamp_of(const std::filesystem::path& file) {
  const std::filesystem::path real = resolved(file);
  struct stat info{};
  if (::stat(real.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::nullopt;
    throw unusable(file, "it can't be reached", errno);
  }
  if (S_ISDIR(info.st_mode)) throw unusable(file, "it is a directory", "");
  if (!S_ISREG(info.st_mode)) throw unusable(file, "it is not a regular file", "");
  FileStamp stamp{.id = base::file_id(info),
                  .size_bytes = info.st_size,
                  .modified_at_ns = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
  stamp.wal_pending = ::stat(wal_path(real).c_str(), &info) == 0 && info.st_size > 0;
  return stamp;
}

/// Repeats the check if another process wrote meanwhile, because it reads without locks.
Content inspect(const std::filesystem::path& file, Thoroughness thoroughness) {
  for (int attempt = 1;; ++attempt) {
    const auto stamp = stamp_of(file);
    if (!stamp || stamp->size_bytes == 0) return Content::none;
    if (!permitted(resolved(file), R_OK)) throw unusable(file, "it can't be read", errno);
    try {
      return as_refusal(file, [&] {
        SQLite::Database database = open_for_reading(file, *stamp);
        return inspect_opened(file, database, *stamp, thoroughness);
      });
    } catch (const StoreError&) {
      if (attempt == kAttempts || stamp_of(file) == stamp) throw;
    }
  }
}

SQLite::Database open_for_reading(const std::filesystem::path& file, const FileStamp& stamp) {
  const int flags = SQLite::OPEN_READONLY | SQLite::OPEN_NOMUTEX;  // one thread reads
  const std::filesystem::path real = resolved(file);
  SQLite::Database database = stamp.wal_pending
                                  ? SQLite::Database(real.string(), flags, kBusyTimeoutMs)
                                  : SQLite::Database(immutable_uri(real), flags | SQLite::OPEN_URI, kBusyTimeoutMs);
  use_sum_without_overflow(database);
  return database;
}

SQLite::Database open_for_writing(const std::filesystem::path& file) {
  const std::filesystem::path real = resolved(file);
  const Content content = inspect(file, Thoroughness::whole);
  if (!stamp_of(file)) create_file(file, real);
  if (!permitted(real, W_OK)) throw unusable(file, "it can't be written", errno);
  return as_refusal(file, [&] {
    SQLite::Database database(real.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX, kBusyTimeoutMs);
    if (content == Content::none) prepare_new(database);
    configure(file, database);
    use_sum_without_overflow(database);
    bring_up_to_date(file, database);
    return database;
  });
}

void migrate(SQLite::Database& database, std::span<const core::EmbeddedText> migrations) {
  const int had = database.execAndGet("PRAGMA user_version").getInt();
  for (std::size_t i = static_cast<std::size_t>(had); i < migrations.size(); ++i) {
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(std::string(migrations[i].text));
      database.exec("PRAGMA user_version = " + std::to_string(i + 1));
      database.exec("COMMIT");
    } catch (...) {  // SQLite::Transaction would throw in its destructor where memory is short
      database.tryExec("ROLLBACK");
      throw;
    }
  }
}

void make_directory_for(const std::filesystem::path& file) {
  const std::filesystem::path directory = resolved(file).parent_path();
  if (::mkdir(directory.c_str(), kDirectoryMode) == 0) {
    ::chmod(directory.c_str(), kDirectoryMode);  // else it may not even be opened, with a strict umask
    const base::Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd) set_access(fd, kDirectoryMode);
    return;
  }
  const int code = errno;
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    if (code == EEXIST && error)
      throw unusable(file, "its directory " + directory.string() + " can't be reached", error.value());
    throw unusable(file, "its directory " + directory.string() + " can't be made", code);
  }
}

}  // namespace cgmm::store
