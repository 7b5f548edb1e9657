// SPDX-License-Identifier: Apache-2.0
#pragma once

// An engine that keeps rows as ReplacingMergeTree does: of those with one key the one with the greatest revision, and
// of equal revisions the last. And what it should have: the rows of the local history.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/ship/batch_reader.hpp"
#include "fleet/ship/destination.hpp"
#include "net/gzip.hpp"
#include "store/reader.hpp"

namespace cgmm::fleet {

/// Columns after node and history_id that identify a row; those of the fleet's DDL.
inline const std::map<std::string, std::vector<std::string>, std::less<>> kKeys = {
    {"node", {}},
    {"cgroup", {"cgroup_id"}},
    {"restart", {"cgroup_id"}},
    {"cgroup_limit", {"cgroup_id", "changed_at_us"}},
    {"reclaim", {"reclaim_id"}},
    {"oom_kill", {"oom_kill_id"}},
    {"oom_process", {"oom_kill_id", "place"}},
    {"oom_node", {"oom_kill_id"}},
    {"stuck", {"stuck_id"}},
    {"cooldown", {"cgroup_id"}},
    {"service_event", {"service_event_id"}},
    {"scan", {"scan_id"}},
    {"sample", {"cgroup_id", "scan_id"}},
    {"sample_hour", {"cgroup_id", "hour_at_us"}}};

inline std::vector<std::string> split(std::string_view line, char by) {
  std::vector<std::string> parts(1);
  for (const char c : line) c == by ? void(parts.emplace_back()) : parts.back().push_back(c);
  return parts;
}

/// By key. The row itself is "column=value column=value ...".
using Rows = std::map<std::string, std::string>;

class FakeEngine final : public Destination {
 public:
  void insert(std::string_view table, const std::vector<std::string>& columns, std::string_view gzipped) override {
    ++insert_count;
    if (before) before();
    std::string text;
    ASSERT_EQ(net::gunzip(gzipped, 1 << 28, text), net::Unpacked::whole);
    if (refuses) refuses(table, text);
    largest_bytes = std::max(largest_bytes, text.size());
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) take(table, columns, split(line, '\t'));
    if (after) after();
  }

  Rows& rows(std::string_view table) { return tables_[std::string(table)]; }

  /// Of a table of parts of kills: those that the newest row of their kill has. A question has to ask for them in the
  /// same way: by the kill's revision.
  Rows rows_of_kills(std::string_view table) {
    auto& kills = revisions_["oom_kill"];
    Rows rows = this->rows(table);
    std::erase_if(rows, [&](const auto& row) {
      const auto key = split(row.first, '|');
      const auto kill = kills.find(key.at(0) + "|" + key.at(1) + "|" + key.at(2) + "|");
      return kill == kills.end() || !row.second.ends_with(" revision=" + std::to_string(kill->second) + " ");
    });
    return rows;
  }

  std::function<void()> before, after;                                         // of an insert; may throw
  std::function<void(std::string_view table, std::string_view rows)> refuses;  // may throw
  int insert_count = 0;
  std::map<std::string, int, std::less<>> taken;  // rows, by table, with those that were there
  std::size_t largest_bytes = 0;

 private:
  void take(std::string_view table, const std::vector<std::string>& columns, const std::vector<std::string>& values) {
    ASSERT_EQ(values.size(), columns.size()) << table;
    std::string key, row;
    std::int64_t revision = 0;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto& keys = kKeys.find(table)->second;
      if (i < 2 || std::ranges::find(keys, columns[i]) != keys.end()) key += values[i] + "|";
      row += columns[i] + "=" + values[i] + " ";
      if (columns[i] == "revision" || columns[i] == "shipped_at_us") revision = std::stoll(values[i]);
    }
    ++taken[std::string(table)];
    std::int64_t& newest = revisions_[std::string(table)][key];
    if (revision < newest) return;
    newest = revision;
    rows(table)[key] = row;
  }

  std::map<std::string, Rows, std::less<>> tables_;
  std::map<std::string, std::map<std::string, std::int64_t>, std::less<>> revisions_;
};

/// As the whole history gives them, with the files of fleet/ship.
inline Rows rows_of(const std::filesystem::path& history, std::string_view node, std::string_view file) {
  store::Reader reader(history);
  core::Parameters parameters{{"node", std::string(node)}};
  parameters["history_id"] = reader.run("SELECT value FROM node WHERE key = 'history_id'").rows.at(0).at(0);
  for (const char* const unit : {"revision", "scan_id", "hour_us"}) {
    parameters["after_" + std::string(unit)] = std::int64_t{-1};
    parameters["to_" + std::string(unit)] = std::int64_t{1} << 62;
  }
  FakeEngine engine;
  PieceWriter pieces(file == "counted_kill" ? "oom_kill" : file, {});
  reader.run(shipped_sql(file), parameters, pieces);
  for (const Piece& piece : pieces.finish()) engine.insert(piece.table, piece.columns, piece.gzipped_rows);
  return engine.rows(file == "counted_kill" ? "oom_kill" : file);
}

/// With the revisions that the history has. On a later timeline they are greater.
inline Rows without_timeline(Rows rows) {
  constexpr std::string_view kRevision = " revision=";
  for (auto& [key, row] : rows) {
    const std::size_t at = row.find(kRevision);
    if (at == std::string::npos) continue;
    const std::int64_t revision = std::stoll(row.substr(at + kRevision.size()));
    row.replace(at + kRevision.size(), std::string::npos, std::to_string(revision % (std::int64_t{1} << 30)) + " ");
  }
  return rows;
}

/// Each row of the history is in the engine, and equal; and no other, but of `may_have_more`.
inline void expect_all_there(FakeEngine& engine, const std::filesystem::path& history, std::string_view node,
                             const std::vector<std::string>& may_have_more = {}) {
  for (const auto& [table, keys] : kKeys) {
    if (table == "node") continue;
    Rows expected = rows_of(history, node, table);
    if (table == "oom_kill") expected.merge(rows_of(history, node, "counted_kill"));
    const bool is_part = table == "oom_process" || table == "oom_node";
    Rows there = without_timeline(is_part ? engine.rows_of_kills(table) : engine.rows(table));
    if (std::ranges::find(may_have_more, table) != may_have_more.end())
      std::erase_if(there, [&](const auto& row) { return !expected.contains(row.first); });
    EXPECT_EQ(there.size(), expected.size()) << table;
    EXPECT_TRUE(there == expected) << table;
  }
}

}  // namespace cgmm::fleet
