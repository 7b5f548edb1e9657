// SPDX-License-Identifier: Apache-2.0
#pragma once

// The sentences of StoreErrors in one place, so that each kind always reads the same. Any thread.

#include <SQLiteCpp/Exception.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "store/error.hpp"

namespace cgmm::store {

/// Whether the service may put `file` aside though it was never its history. A mistyped --database (/etc/passwd) must
/// rename nothing, so only files called *.db.
bool may_be_renamed(const std::filesystem::path& file);

StoreError missing(const std::filesystem::path& file);
StoreError not_a_database(const std::filesystem::path& file);
StoreError other_programs_database(const std::filesystem::path& file, std::uint32_t application_id);
StoreError newer(const std::filesystem::path& file, std::int64_t version, std::int64_t known_version);
StoreError damaged(const std::filesystem::path& file, const std::string& detail);
/// `pid` 0: not known.
StoreError in_use(const std::filesystem::path& file, std::int64_t pid);
StoreError unusable(const std::filesystem::path& file, const std::string& detail, const std::string& what_to_do,
                    StoreError::Lasts lasts = StoreError::Lasts::for_good);
/// With the meaning of errno `code`, and what usually helps.
StoreError unusable(const std::filesystem::path& file, const std::string& detail, int code);

/// For an error of SQLite while the file was opened, checked or read.
StoreError refusal(const std::filesystem::path& file, const SQLite::Exception& error);
/// Calls `act`, and throws SQLite's refusals as ours.
template <class Act>
auto as_refusal(const std::filesystem::path& file, Act act) {
  try {
    return act();
  } catch (const SQLite::Exception& error) {
    throw refusal(file, error);
  }
}

}  // namespace cgmm::store
