// SPDX-License-Identifier: Apache-2.0
#pragma once

// `<database>.lock`: one service a database, because SQLite's own locks last for a transaction only. It is a flock():
// the kernel releases it however the service ends. Its mode is 0600, because whoever can open it can hold the lock.
// The file stays when the service ends, emptied. It is removed only where this object made it and the database was then
// refused, so that nothing is left beside another program's file.

#include <filesystem>

#include "base/fd.hpp"

namespace cgmm::store {

class LockFile {
 public:
  /// Makes the file if there is none, takes the lock and writes our pid. `database` is the path from resolved(),
  /// `shown` the path that the operator wrote. Throws StoreError: busy, unusable.
  LockFile(const std::filesystem::path& database, const std::filesystem::path& shown);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  /// Whether the file existed before: then a service has already used this database.
  bool was_there() const { return !made_; }
  /// Whether its name still leads to it. If somebody removed it, another service could take the lock.
  bool is_in_place() const;

  /// The database was refused: removes the lock file if it did not exist before.
  void forget() noexcept;

 private:
  bool try_to_take(const std::filesystem::path& shown);

  std::filesystem::path path_;
  base::Fd fd_;
  bool made_ = false;
};

}  // namespace cgmm::store
