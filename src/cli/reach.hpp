// SPDX-License-Identifier: Apache-2.0
#pragma once

// How far back the history reaches, how fast it grows, and how long max_size is enough: for `status` and `check`.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "core/records.hpp"
#include "core/table.hpp"

namespace cgmm::cli {

struct Reach {
  std::optional<std::int64_t> samples_from_at_us;  // nullopt: there are none
  std::optional<std::int64_t> hours_from_at_us;
  std::optional<std::int64_t> growth_a_day_bytes;  // while nothing is old enough to be deleted; nullopt: not known yet
  std::string max_size_lasts;                      // "for all that is kept", "until 2027-03-01", "not known yet"
};

/// 0: there is none.
std::int64_t file_bytes(const std::filesystem::path& file);
/// The database with its WAL.
std::int64_t history_bytes(const std::filesystem::path& database);

/// `status`: the answer to the report of that name. A sample takes about 70 bytes, 8 in the archive, an hour of a
/// cgroup 120: what was recorded in the newest 24 hours is recorded every day, until it is as old as `retention` says.
/// `size_bytes`: of the database with its WAL.
Reach reach_of(const core::Table& status, const core::RetentionSettings& retention, std::int64_t size_bytes);

/// In one sentence.
std::string in_words(const Reach& reach);

}  // namespace cgmm::cli
