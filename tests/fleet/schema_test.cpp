// SPDX-License-Identifier: Apache-2.0
#include "fleet/engine/schema.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace cgmm::fleet {
namespace {

using Statements = std::vector<std::string>;

constexpr const char* kFile = R"(-- a comment; with {braces}
CREATE TABLE {database}.t{local}{cluster} (
  a Int64
)
ENGINE = {engine:t,revision}
{ttl:at_us,hours}
{compression};
{distributed:t,node};

INSERT INTO {database}.schema_version (version) VALUES (1);
)";

TEST(FleetSchema, ForOneOldServerWhatItLacksIsLeftOut) {
  EXPECT_EQ(statements_of(kFile, {.database = "d", .version = {18, 16}, .keep_hours_days = 7}),
            (Statements{"CREATE TABLE d.t (\n  a Int64\n)\nENGINE = ReplacingMergeTree(revision)",
                        "INSERT INTO d.schema_version (version) VALUES (1)"}));
}

TEST(FleetSchema, ForAClusterOfTodayTablesAreReplicatedAndDistributed) {
  const Statements statements =
      statements_of(kFile, {.database = "d", .cluster = "c-1", .version = {26, 1}, .keep_hours_days = 7});
  EXPECT_EQ(statements,
            (Statements{"CREATE TABLE d.t_local ON CLUSTER 'c-1' (\n  a Int64\n)\nENGINE = "
                        "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/d/t', '{replica}', revision)\nTTL "
                        "toDateTime(intDiv(at_us, 1000000)) + INTERVAL 7 DAY\nSETTINGS default_compression_codec = "
                        "'ZSTD(1)'",
                        "CREATE TABLE IF NOT EXISTS d.t ON CLUSTER 'c-1' AS d.t_local\nENGINE = Distributed('c-1', d, "
                        "t_local, cityHash64(node))",
                        "INSERT INTO d.schema_version (version) VALUES (1)"}));
}

TEST(FleetSchema, WhatIsKeptForEverHasNoEnd) {
  const Statements statements = statements_of(kFile, {.database = "d", .version = {26, 1}, .keep_samples_days = 7});
  EXPECT_EQ(statements[0].find("TTL"), std::string::npos) << statements[0];
}

TEST(FleetSchema, BracesThatNobodyKnowsAreAMistake) {
  for (const char* wrong : {"{nope}", "{", "{engine:t"})
    EXPECT_THROW(statements_of(wrong, {.database = "d"}), std::logic_error) << wrong;
}

TEST(FleetSchema, EveryFileSaysItsNumberAtItsEnd) {
  ASSERT_FALSE(kSchema.empty());
  for (const core::EmbeddedText& file : kSchema) {
    const Statements statements = statements_of(file.text, {.database = "d", .version = {18, 16}});
    const std::string number = std::to_string(std::stoi(std::string(file.name.substr(0, 4))));
    EXPECT_EQ(statements.back(), "INSERT INTO d.schema_version (version) VALUES (" + number + ")") << file.name;
    EXPECT_TRUE(std::ranges::none_of(statements, [](const auto& each) { return each.find('{') != std::string::npos; }));
  }
}

}  // namespace
}  // namespace cgmm::fleet
