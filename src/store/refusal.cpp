// SPDX-License-Identifier: Apache-2.0
#include "store/refusal.hpp"

#include <sqlite3.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace cgmm::store {
namespace {

constexpr const char* kNameAnother = "name another file with --database";

/// An application_id as file(1) shows it: 0x47504b47 "GPKG". The text only if all of it is printable.
std::string shown(std::uint32_t application_id) {
  if (application_id == 0) return "no application_id";
  char hex[16];
  std::snprintf(hex, sizeof hex, "0x%08x", application_id);
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>((application_id >> shift) & 0xff);
  std::string result = std::string("application_id ") + hex;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) return result;
  }
  return result + " \"" + text + "\"";
}

/// SQLite's, without what is extended; SQLITE_OK: it is none of its errors.
int code_of(const std::exception& error) {
  const auto* const refused = dynamic_cast<const SQLite::Exception*>(&error);
  return refused == nullptr ? SQLITE_OK : refused->getErrorCode() & 0xff;
}

std::string what_helps(int code) {
  switch (code) {
    case EACCES:
    case EPERM:
      return "give this user access to it and its directory";
    case EROFS:
      return "make its filesystem writable";
    case ENOSPC:
    case EDQUOT:
      return "make room on its filesystem";
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
      return "correct the path";
    default:
      return "";
  }
}

/// The errno with the same meaning; 0: none.
int errno_like(int sqlite_code) {
  if (sqlite_code == SQLITE_FULL) return ENOSPC;
  const bool is_refused =
      sqlite_code == SQLITE_PERM || sqlite_code == SQLITE_READONLY || sqlite_code == SQLITE_CANTOPEN;
  return is_refused ? EACCES : 0;
}

/// for_good: the operator must correct the path or its owner. Everything else is a problem of the disk or the machine
/// (full, broken, gone, a server that does not answer), and the service protects the node meanwhile.
StoreError::Lasts lasts_for(int code) {
  for (const int of_the_path :
       {EACCES, EPERM, ENOENT, EEXIST, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG, EILSEQ, EINVAL, EOPNOTSUPP, ENOSYS}) {
    if (code == of_the_path) return StoreError::Lasts::for_good;
  }
  return StoreError::Lasts::for_now;
}

}  // namespace

StoreError missing(const std::filesystem::path& file) {
  return {StoreError::Kind::missing, "there is no history at " + file.string() +
                                         " yet: start the service (`cgroup-memory-manager run`) or " + kNameAnother};
}

StoreError not_a_database(const std::filesystem::path& file) {
  return {StoreError::Kind::no_database, file.string() +
                                             " is not a SQLite database: cgroup-memory-manager did not write it and "
                                             "leaves it as it is; " +
                                             kNameAnother};
}

StoreError other_programs_database(const std::filesystem::path& file, std::uint32_t application_id) {
  return {StoreError::Kind::foreign, file.string() + " is the SQLite database of another program (" +
                                         shown(application_id) + ") and is left as it is; " + kNameAnother};
}

StoreError newer(const std::filesystem::path& file, std::int64_t version, std::int64_t known_version) {
  return {StoreError::Kind::newer,
          file.string() + " was written by a later version of cgroup-memory-manager (its schema is version " +
              std::to_string(version) + ", this program knows up to " + std::to_string(known_version) +
              "): upgrade the program or " + kNameAnother};
}

StoreError damaged(const std::filesystem::path& file, const std::string& detail) {
  return {StoreError::Kind::corrupt,
          file.string() + " is damaged (" + detail +
              "): the service puts it aside and begins a new one when it starts, or " + kNameAnother,
          StoreError::Lasts::for_good, detail};
}

StoreError in_use(const std::filesystem::path& file, std::int64_t pid) {
  return {StoreError::Kind::busy, file.string() + " is in use by another cgroup-memory-manager (pid " +
                                      (pid == 0 ? "unknown" : std::to_string(pid)) + "); stop it or " + kNameAnother};
}

StoreError unusable(const std::filesystem::path& file, const std::string& detail, const std::string& what_to_do,
                    StoreError::Lasts lasts) {
  return {StoreError::Kind::unusable,
          file.string() + " can't be used: " + detail + "; " + (what_to_do.empty() ? "" : what_to_do + " or ") +
              kNameAnother,
          lasts};
}

StoreError unusable(const std::filesystem::path& file, const std::string& detail, int code) {
  return unusable(file, detail + ": " + std::generic_category().message(code), what_helps(code), lasts_for(code));
}

StoreError refusal(const std::filesystem::path& file, const SQLite::Exception& error) {
  const std::string said = error.what();
  switch (code_of(error)) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return damaged(file, "SQLite says: " + said);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {StoreError::Kind::busy,
              file.string() + " is locked by another program (SQLite says: " + said +
                  "); try again, end that program or " + kNameAnother,
              StoreError::Lasts::for_now};
    default:
      return unusable(file, "SQLite says: " + said, what_helps(errno_like(code_of(error))), StoreError::Lasts::for_now);
  }
}

bool is_damage(const std::exception& error) {
  const int code = code_of(error);
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

bool is_full(const std::exception& error) { return code_of(error) == SQLITE_FULL; }

bool is_bad_record(const std::exception& error) {
  if (dynamic_cast<const std::logic_error*>(&error) != nullptr) return true;
  const int code = code_of(error);
  return code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH || code == SQLITE_TOOBIG || code == SQLITE_RANGE;
}

}  // namespace cgmm::store
