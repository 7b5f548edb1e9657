// SPDX-License-Identifier: Apache-2.0
#pragma once

// The tables of the fleet: fleet/schema/*.sql with its braces filled in, and run. Files are numbered; table
// schema_version has the numbers of those that were run.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/table.hpp"
#include "fleet/engine/clickhouse.hpp"

namespace cgmm::fleet {

/// fleet/schema/*.sql, embedded at build time, by name.
extern const std::span<const core::EmbeddedText> kSchema;

struct SchemaSettings {
  std::string database;
  std::string cluster;                 // "": one server
  EngineVersion version;               // of the engine
  std::int64_t keep_samples_days = 0;  // 0: for ever
  std::int64_t keep_hours_days = 0;    // hours and what is kept as long: scans, reclaims, events
};

/// The statements of one file, without comments. Throws std::logic_error where it has braces that nobody knows.
std::vector<std::string> statements_of(std::string_view sql, const SchemaSettings& settings);

/// The number of the newest file here.
std::int64_t newest_schema();
/// Of the tables that the engine has; 0: it has none. Throws DestinationError.
std::int64_t schema_of(ClickHouse& engine, const std::string& database);
/// Runs the files that the engine lacks, in order, and returns the number of the newest. Throws DestinationError; then
/// it can be run again.
std::int64_t make_schema(ClickHouse& engine, const SchemaSettings& settings);

}  // namespace cgmm::fleet
