// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads the history beside the running service, or from a copied file. It never writes, and never takes a lock that a
// writer would wait for.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "core/table.hpp"
#include "store/error.hpp"
#include "store/read/history_copy.hpp"

namespace cgmm::store {

class Reader {
 public:
  /// Throws StoreError: missing, foreign, newer, corrupt, unusable. The directory need not be writable.
  explicit Reader(const std::filesystem::path& file);
  /// Reads a copy, which is complete.
  explicit Reader(HistoryCopy copy);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Runs one statement that only reads. Binds those of `parameters` that it has. Throws StoreError(bad_query) if the
  /// SQL is wrong, is more than one statement, has a parameter that is not given, or would write, attach or load.
  core::Table run(std::string_view sql, const core::Parameters& parameters = {});
  /// The same, row by row.
  void run(std::string_view sql, const core::Parameters& parameters, core::RowSink& rows);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The pid of the service that uses this database; nullopt: there is none, or this user may not open its lock file:
/// then ask its status socket. 0: it is in use, but the pid can't be read. Throws StoreError(unusable) if the lock file
/// can't be opened.
std::optional<std::int64_t> running_service_pid(const std::filesystem::path& file);

}  // namespace cgmm::store
