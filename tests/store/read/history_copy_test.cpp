// SPDX-License-Identifier: Apache-2.0
#include "store/read/history_copy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "store/reader.hpp"

namespace cgmm::store {
namespace {

using Row = std::vector<core::Cell>;

void put(HistoryCopy& copy, const std::string& table, const std::vector<std::string>& columns, std::vector<Row> rows) {
  const auto sink = copy.into(table);
  sink->begin(columns);
  for (Row& row : rows) sink->add(std::move(row));
}

TEST(HistoryCopy, IsReadAsAnyHistory) {
  HistoryCopy copy;
  put(copy, "cgroup", {"cgroup_id", "path", "inode", "first_seen_at_us", "last_seen_at_us", "pod"},
      {{std::int64_t{7}, "/a\xff'\n", std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, core::Cell()}});
  Reader reader(std::move(copy));
  EXPECT_EQ(reader.run("SELECT cgroup_id, path, pod FROM v_cgroup").rows,
            (std::vector<Row>{{std::int64_t{7}, "/a\xff'\n", core::Cell()}}));
  EXPECT_THROW(reader.run("DELETE FROM cgroup"), StoreError);
}

TEST(HistoryCopy, ARowTakesThePlaceOfOneWithItsKey) {
  HistoryCopy copy;
  put(copy, "sample", {"scan_id", "cgroup_id"}, {{std::int64_t{1}, std::int64_t{2}}});
  put(copy, "sample", {"scan_id", "cgroup_id", "usage_kib"}, {{std::int64_t{1}, std::int64_t{2}, std::int64_t{3}}});
  Reader reader(std::move(copy));
  EXPECT_EQ(reader.run("SELECT usage_kib FROM sample").rows, (std::vector<Row>{{std::int64_t{3}}}));
}

/// The local one does not: there a cgroup that comes back is the same row for as long as that is kept.
TEST(HistoryCopy, HoldsTwoCgroupsOfOnePathAndInode) {
  HistoryCopy copy;
  const Row one{std::int64_t{1}, "/a", std::int64_t{5}, std::int64_t{2}, std::int64_t{3}};
  Row other = one;
  other[0] = std::int64_t{2};
  put(copy, "cgroup", {"cgroup_id", "path", "inode", "first_seen_at_us", "last_seen_at_us"}, {one, other});
  EXPECT_EQ(Reader(std::move(copy)).run("SELECT cgroup_id FROM cgroup").rows.size(), 2u);
}

TEST(HistoryCopy, NamesColumnsThatCanBeWritten) {
  const std::vector<std::string> columns = HistoryCopy().columns_of("sample");
  EXPECT_NE(std::ranges::find(columns, "peak_kib"), columns.end());
  EXPECT_EQ(std::ranges::find(columns, "held_kib"), columns.end()) << "it is computed";
}

TEST(HistoryCopy, ARowThatNoHistoryHasIsRefused) {
  HistoryCopy copy;
  const auto expect_refused = [&](const std::string& table, const std::vector<std::string>& columns, const Row& row) {
    try {
      put(copy, table, columns, {row});
      ADD_FAILURE() << table;
    } catch (const StoreError& error) {
      EXPECT_EQ(error.kind(), StoreError::Kind::corrupt);
      EXPECT_NE(std::string(error.what()).find("table " + table), std::string::npos) << error.what();
    }
  };
  expect_refused("oom_kill", {"oom_kill_id", "killed_at_us", "source", "scope"},
                 {std::int64_t{1}, std::int64_t{1}, "rumour", "cgroup"});
  expect_refused("scan", {"scan_id"}, {std::int64_t{1}});
  expect_refused("scan", {"no_such"}, {std::int64_t{1}});
}

}  // namespace
}  // namespace cgmm::store
