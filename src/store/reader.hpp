// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads the history beside the running service, or from a copied file: read-only, never a lock that a writer
// would wait for, never a write. One object a thread.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "core/table.hpp"
#include "store/error.hpp"

namespace cgmm::store {

class Reader {
 public:
  /// Throws StoreError: missing, foreign, newer, corrupt, unusable. A directory that is not writable is fine.
  explicit Reader(const std::filesystem::path& file);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Runs one statement that only reads. Of `parameters` those are bound that it has. Throws
  /// StoreError(bad_query) where the SQL is wrong, is more than one statement, has a parameter that is not
  /// given, or would write, attach or load.
  core::Table run(std::string_view sql, const core::Parameters& parameters = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The pid of the service that holds this database; nullopt when none does, or where this user may not look at its
/// lock: then its status socket tells. 0: held, pid not readable. Throws StoreError(unusable) where the lock file can't
/// be opened.
std::optional<std::int64_t> running_service_pid(const std::filesystem::path& file);

}  // namespace cgmm::store
