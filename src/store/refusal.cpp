// SPDX-License-Identifier: Apache-2.0
#include "store/refusal.hpp"

#include <sqlite3.h>
#include <sys/resource.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <optional>
#include <system_error>

#include "base/units.hpp"
#include "store/file/salvage.hpp"

namespace cgmm::store {
namespace {

/// An application_id as file(1) shows it: 0x47504b47 "GPKG". The text only if all of it is printable.
std::string shown(std::uint32_t application_id) {
  if (application_id == 0) return "no application_id";
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>((application_id >> shift) & 0xff);
  const bool is_word = std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0; });
  char hex[16];
  std::snprintf(hex, sizeof hex, "0x%08x", application_id);
  return std::string("application_id ") + hex + (is_word ? " \"" + text + "\"" : "");
}

/// SQLite's, without what is extended; SQLITE_OK: it is none of its errors.
int code_of(const std::exception& error) {
  const auto* const refused = dynamic_cast<const SQLite::Exception*>(&error);
  return refused == nullptr ? SQLITE_OK : refused->getErrorCode() & 0xff;
}

/// SQLite has no code for a write that RLIMIT_FSIZE has ended (EFBIG): it is an I/O error to it. nullopt: it is none,
/// or there is no limit.
std::optional<rlim_t> limit_of_files(const std::exception& error) {
  const auto* const refused = dynamic_cast<const SQLite::Exception*>(&error);
  const int code = refused == nullptr ? SQLITE_OK : refused->getExtendedErrorCode();
  rlimit limit{};
  if ((code != SQLITE_IOERR_WRITE && code != SQLITE_IOERR_SHMSIZE && code != SQLITE_FULL) ||
      ::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return std::nullopt;
  return limit.rlim_cur;
}

constexpr const char* kGiveAccess = "give this user access to it and its directory";
constexpr const char* kMakeRoom = "make room on its filesystem";
constexpr const char* kCorrectPath = "correct the path";

/// for_good: the operator must correct the path or its owner. Everything else is a problem of the disk or the machine
/// (full, broken, gone, a server that does not answer), and the service protects the node meanwhile.
struct Meaning {
  int code;  // an errno
  StoreError::Lasts lasts;
  const char* what_helps;
};
constexpr auto kForGood = StoreError::Lasts::for_good, kForNow = StoreError::Lasts::for_now;
constexpr Meaning kMeanings[] = {
    {EACCES, kForGood, kGiveAccess},  {EPERM, kForGood, kGiveAccess},  {ENOTDIR, kForGood, kCorrectPath},
    {EISDIR, kForGood, kCorrectPath}, {ELOOP, kForGood, kCorrectPath}, {ENAMETOOLONG, kForGood, kCorrectPath},
    {ENOENT, kForGood, ""},           {EEXIST, kForGood, ""},          {EILSEQ, kForGood, ""},
    {EINVAL, kForGood, ""},           {EOPNOTSUPP, kForGood, ""},      {ENOSYS, kForGood, ""},
    {ENOSPC, kForNow, kMakeRoom},     {EDQUOT, kForNow, kMakeRoom},    {EROFS, kForNow, "make its filesystem writable"},
};

/// `text` follows the name of the file.
StoreError told(StoreError::Kind kind, const std::filesystem::path& file, const std::string& text,
                StoreError::Lasts lasts = kForGood, const std::string& detail = "") {
  return {kind, file.string() + text + "name another file with --database", lasts, detail};
}

std::string what_happens_to_foreign(const std::filesystem::path& file) {
  return may_be_renamed(file) ? "the service renames it when it starts, and begins a new one"
                              : "the service does not start, because it renames only files called *.db";
}

}  // namespace

bool may_be_renamed(const std::filesystem::path& file) { return file.extension() == ".db"; }

StoreError missing(const std::filesystem::path& file) {
  return told(StoreError::Kind::missing, "there is no history at " + file.string(),
              " yet: start the service (`cgroup-memory-manager run`) or ");
}

StoreError not_a_database(const std::filesystem::path& file) {
  return told(StoreError::Kind::no_database, file,
              " is not a SQLite database, cgroup-memory-manager did not write it: " + what_happens_to_foreign(file) +
                  "; move it away or ");
}

StoreError other_programs_database(const std::filesystem::path& file, std::uint32_t application_id) {
  return told(StoreError::Kind::foreign, file,
              " is the SQLite database of another program (" + shown(application_id) +
                  "): " + what_happens_to_foreign(file) + "; move it away or ");
}

StoreError newer(const std::filesystem::path& file, std::int64_t version, std::int64_t known_version) {
  return told(StoreError::Kind::newer, file,
              " was written by a later version of cgroup-memory-manager (its schema is version " +
                  std::to_string(version) + ", this program knows up to " + std::to_string(known_version) +
                  "): " + (was_put_aside(file, Aside::newer) ? "" : "the service renames it when it starts, and ") +
                  "a later version takes it up again; upgrade the program or ");
}

StoreError damaged(const std::filesystem::path& file, const std::string& detail) {
  return told(StoreError::Kind::corrupt, file,
              " is damaged (" + detail + "): " +
                  (was_put_aside(file, Aside::corrupt)
                       ? "the service has put it aside, and carried over what it could; what the damage does not touch "
                         "may be answered for another window of time, or by `sqlite3` after "
                         "`PRAGMA writable_schema = ON`; try that or "
                       : "the service looks through its history when it starts, up to 64 MiB, and every twelve hours "
                         "at any size, puts a damaged one aside and begins a new one with what it can read; wait for "
                         "that or "),
              kForGood, detail);
}

StoreError in_use(const std::filesystem::path& file, std::int64_t pid) {
  return told(StoreError::Kind::busy, file,
              " is in use by another cgroup-memory-manager (pid " + (pid == 0 ? "unknown" : std::to_string(pid)) +
                  "); stop it or ");
}

StoreError unusable(const std::filesystem::path& file, const std::string& detail, const std::string& what_to_do,
                    StoreError::Lasts lasts) {
  return told(StoreError::Kind::unusable, file,
              " can't be used: " + detail + "; " + (what_to_do.empty() ? "" : what_to_do + " or "), lasts);
}

StoreError unusable(const std::filesystem::path& file, const std::string& detail, int code) {
  const auto* const known = std::ranges::find(kMeanings, code, &Meaning::code);
  const Meaning meaning = known == std::end(kMeanings) ? Meaning{code, kForNow, ""} : *known;
  return unusable(file, detail + ": " + std::generic_category().message(code), meaning.what_helps, meaning.lasts);
}

StoreError refusal(const std::filesystem::path& file, const SQLite::Exception& error) {
  const std::string said = "SQLite says: " + in_words(error);
  switch (code_of(error)) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return damaged(file, said);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return told(StoreError::Kind::busy, file,
                  " is locked by another program (" + said + "); try again, end that program or ", kForNow);
    case SQLITE_FULL:
      return unusable(file, said, kMakeRoom, kForNow);
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return unusable(file, said, kGiveAccess, kForNow);
    default:
      return unusable(file, said, limit_of_files(error) ? "raise that limit" : "", kForNow);
  }
}

bool is_damage(const std::exception& error) {
  const int code = code_of(error);
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

bool is_locked(const std::exception& error) {
  const auto* const refused = dynamic_cast<const StoreError*>(&error);
  if (refused != nullptr) return refused->kind() == StoreError::Kind::busy;
  const int code = code_of(error);
  return code == SQLITE_BUSY || code == SQLITE_LOCKED;
}

bool is_full(const std::exception& error) { return code_of(error) == SQLITE_FULL || limit_of_files(error).has_value(); }

std::string in_words(const std::exception& error) {
  const auto limit = limit_of_files(error);
  if (!limit) return error.what();
  return std::string(error.what()) + ", no file may grow beyond " + base::format_bytes(*limit) +
         " here (RLIMIT_FSIZE, LimitFSIZE= of the unit)";
}

bool is_bad_record(const std::exception& error) {
  if (dynamic_cast<const std::logic_error*>(&error) != nullptr) return true;
  const int code = code_of(error);
  return code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH || code == SQLITE_TOOBIG || code == SQLITE_RANGE;
}

}  // namespace cgmm::store
