// SPDX-License-Identifier: Apache-2.0
#include "store/file/backup.hpp"

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/Database.h>

#include <optional>
#include <string>
#include <system_error>

#include "store/file/open.hpp"
#include "store/file/salvage.hpp"
#include "store/refusal.hpp"

namespace cgmm::store {
namespace {

/// How often to copy again a file that changes while it is read without locks.
constexpr int kAttempts = 5;

/// False: somebody wrote meanwhile, to a file that was read without locks.
bool copied(const std::filesystem::path& file, const std::filesystem::path& to) {
  const std::optional<FileStamp> stamp = stamp_of(file);
  if (!stamp || inspect(file, Thoroughness::header) == Content::none) throw missing(file);
  as_refusal(file, [&] {
    SQLite::Database source = open_for_reading(file, *stamp);
    SQLite::Database target(to.string(), SQLite::OPEN_READWRITE);
    target.exec("PRAGMA cache_size = -512");
    SQLite::Backup(target, source).executeStep(-1);
  });
  return stamp->wal_pending || stamp_of(file) == stamp;
}

}  // namespace

void back_up(const std::filesystem::path& file, const std::filesystem::path& to) {
  const std::filesystem::path target = std::filesystem::absolute(to);
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(target, error)))
    throw StoreError(StoreError::Kind::unusable, to.string() + " exists already: a backup overwrites nothing");
  create_file(to, target);
  try {
    for (int attempt = 1; !copied(file, target); ++attempt) {
      if (attempt == kAttempts)
        throw StoreError(StoreError::Kind::busy, file.string() + " is written all the time: try again");
    }
    inspect(target, Thoroughness::whole_of_any_size);
  } catch (const StoreError& why) {
    remove_database(target);
    // The copy is as damaged as what it is a copy of.
    if (why.kind() == StoreError::Kind::corrupt) throw damaged(file, why.detail());
    throw;
  }
}

}  // namespace cgmm::store
