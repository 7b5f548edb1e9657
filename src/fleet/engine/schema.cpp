// SPDX-License-Identifier: Apache-2.0
#include "fleet/engine/schema.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <sstream>
#include <stdexcept>

#include "fleet/engine/braces.hpp"

namespace cgmm::fleet {
namespace {

constexpr EngineVersion kHasTtl{19, 6}, kHasCompression{25, 1};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

std::string engine_of(const std::vector<std::string>& arguments, const SchemaSettings& settings) {
  const std::string row_version = arguments.size() > 1 ? arguments[1] : "";
  if (settings.cluster.empty()) return "ReplacingMergeTree(" + row_version + ")";
  return "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/" + settings.database + "/" + arguments.at(0) +
         "', '{replica}'" + (row_version.empty() ? "" : ", " + row_version) + ")";
}

std::string distributed(const std::vector<std::string>& arguments, const SchemaSettings& settings) {
  if (settings.cluster.empty()) return "";
  const std::string& table = arguments.at(0);
  const std::string cluster = "'" + settings.cluster + "'";
  return "CREATE TABLE IF NOT EXISTS " + settings.database + "." + table + " ON CLUSTER " + cluster + " AS " +
         settings.database + "." + table + "_local\nENGINE = Distributed(" + cluster + ", " + settings.database + ", " +
         table + "_local, cityHash64(" + arguments.at(1) + "))";
}

std::string ttl(const std::vector<std::string>& arguments, const SchemaSettings& settings) {
  const std::int64_t days = arguments.at(1) == "samples" ? settings.keep_samples_days : settings.keep_hours_days;
  if (days == 0 || settings.version < kHasTtl) return "";
  return "TTL toDateTime(intDiv(" + arguments.at(0) + ", 1000000)) + INTERVAL " + std::to_string(days) + " DAY";
}

/// What stands for "{braces}"; fleet/schema/0001_history.sql explains them.
std::string filling_of(std::string_view braces, const SchemaSettings& settings) {
  const std::size_t colon = std::min(braces.find(':'), braces.size());
  const std::string_view what = braces.substr(0, colon);
  const std::vector<std::string> arguments = split(braces.substr(std::min(colon + 1, braces.size())), ',');
  const bool is_cluster = !settings.cluster.empty();
  if (what == "database") return settings.database;
  if (what == "local") return is_cluster ? "_local" : "";
  if (what == "cluster") return is_cluster ? " ON CLUSTER '" + settings.cluster + "'" : "";
  if (what == "engine") return engine_of(arguments, settings);
  if (what == "distributed") return distributed(arguments, settings);
  if (what == "ttl") return ttl(arguments, settings);
  if (what == "compression")
    return settings.version < kHasCompression ? "" : "SETTINGS default_compression_codec = 'ZSTD(1)'";
  throw std::logic_error("fleet/schema: nobody knows {" + std::string(braces) + "}");
}

/// Of a file's name, "0001_history".
std::int64_t number_of(const core::EmbeddedText& file) {
  std::int64_t number = 0;
  std::from_chars(file.name.data(), file.name.data() + file.name.size(), number);
  return number;
}

bool has_table(ClickHouse& engine, const std::string& database, const std::string& table) {
  const auto rows =
      engine.query("SELECT count() FROM system.tables WHERE database = '" + database + "' AND name = '" + table + "'");
  return rows.size() == 1 && rows[0][0] == "1";
}

/// Tables that are there stay what they are.
void expect_same_kind(ClickHouse& engine, const SchemaSettings& settings) {
  const bool is_cluster = has_table(engine, settings.database, "schema_version_local");
  if (is_cluster != settings.cluster.empty()) return;
  throw DestinationError(Refusal::permanent, engine.place() + ": the tables of database " + settings.database +
                                                 (is_cluster ? " are those of a cluster: name it with --cluster"
                                                             : " are on one server: leave out --cluster, or take "
                                                               "another database"));
}

/// A statement ON CLUSTER answers with a row a server: its host, port, status and error.
void expect_done(const std::string& place, const std::vector<EngineRow>& rows) {
  for (const EngineRow& row : rows) {
    if (row.size() < 4 || row[2] == "0") continue;
    throw DestinationError(Refusal::permanent, place + ": not done on " + row[0].value_or("") + ":" +
                                                   row[1].value_or("") + ": " + row[3].value_or("no reason is told"));
  }
}

}  // namespace

std::vector<std::string> statements_of(std::string_view sql, const SchemaSettings& settings) {
  std::string filled;
  for (const std::string& line : split(sql, '\n')) {
    if (line.starts_with("--")) continue;
    filled += with_values(line, [&](std::string_view name) { return filling_of(name, settings); }) + '\n';
  }
  std::vector<std::string> statements;
  for (const std::string& part : split(filled, ';')) {
    std::string statement;
    for (const std::string& line : split(part, '\n')) {
      if (line.find_first_not_of(' ') != std::string::npos) statement += (statement.empty() ? "" : "\n") + line;
    }
    if (!statement.empty()) statements.push_back(statement);
  }
  return statements;
}

std::int64_t newest_schema() { return number_of(kSchema.back()); }

std::int64_t schema_of(ClickHouse& engine, const std::string& database) {
  if (!has_table(engine, database, "schema_version")) return 0;
  const auto rows = engine.query("SELECT max(version) FROM " + database + ".schema_version");
  std::int64_t version = 0;
  const std::string told = rows.size() == 1 ? rows[0][0].value_or("") : "";
  std::from_chars(told.data(), told.data() + told.size(), version);
  return version;
}

std::int64_t make_schema(ClickHouse& engine, const SchemaSettings& settings) {
  std::int64_t version = schema_of(engine, settings.database);
  if (version > 0) expect_same_kind(engine, settings);
  for (const core::EmbeddedText& file : kSchema) {
    if (number_of(file) <= version) continue;
    for (const std::string& statement : statements_of(file.text, settings))
      expect_done(engine.place(), engine.query(statement));
    version = number_of(file);
  }
  return version;
}

}  // namespace cgmm::fleet
