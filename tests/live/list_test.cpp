// SPDX-License-Identifier: Apache-2.0
#include "live/list.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "live/made_source.hpp"

namespace cgmm::live {
namespace {

using test::in_pod;
using test::row_of;

/// "label, label": children are indented.
std::string labels(const std::vector<ListRow>& rows) {
  std::string text;
  for (const ListRow& row : rows) text += (text.empty() ? "" : ", ") + std::string(row.depth, '.') + row.label;
  return text;
}

std::string flat(const Instant& instant, const ListSettings& settings) {
  return labels(list_of(instant, settings, "n"));
}

std::string tree(const Instant& instant, ListSettings settings = {}) {
  settings.is_tree = true;
  return labels(list_of(instant, settings, "node-1"));
}

const Instant kPods{
    .at_us = 1,
    .rows = {in_pod("shop", "web-1", "", 10), in_pod("shop", "web-1", "app", 200), in_pod("shop", "db-0", "pg", 300),
             in_pod("infra", "log", "agent", 50), row_of("/system.slice/ssh.service", 5)}};

TEST(List, IsSortedByAnyMeasureAndWhatIsNotKnownComesLast) {
  Instant instant{.rows = {row_of("/a", 1, 50), row_of("/b", 3, 20), row_of("/c", 2, 70)}};
  EXPECT_EQ(flat(instant, {}), "/b, /c, /a");
  EXPECT_EQ(flat(instant, {.is_descending = false}), "/a, /c, /b");
  EXPECT_EQ(flat(instant, {.sorted_by = Measure::held_share}), "/c, /a, /b");
  instant.rows[2].values[Measure::usage] = std::nullopt;
  EXPECT_EQ(flat(instant, {}), "/b, /a, /c");
  EXPECT_EQ(flat(instant, {.is_descending = false}), "/a, /b, /c");
}

TEST(List, TheSameValuesAreInOrderOfNames) {
  EXPECT_EQ(flat({.rows = {row_of("/b", 1), row_of("/a", 1)}}, {}), "/a, /b");
}

TEST(List, FilterMatchesAPartOfNamePathOrWorkloadInEitherCase) {
  EXPECT_EQ(flat(kPods, {.filter = "SHOP/W"}), "shop/web-1/app, shop/web-1");
  EXPECT_EQ(flat(kPods, {.filter = "kubepods/db-0"}), "shop/db-0/pg");
  EXPECT_EQ(flat(kPods, {.filter = "no such"}), "");
  EXPECT_EQ(tree(kPods, {.filter = "ssh"}), "node-1, ./system.slice, ../ssh.service");
}

TEST(List, TreeHasNamespacesPodsAndContainersAndServicesByDirectory) {
  EXPECT_EQ(tree(kPods),
            "node-1, .shop, ..db-0, ...pg, ..web-1, ...app, ...(remainder), .infra, ..log, ...agent, ./system.slice, "
            "../ssh.service");
}

TEST(List, AGroupIsAllBelowItTogether) {
  const std::vector<ListRow> rows = list_of(kPods, {.is_tree = true}, "node-1");
  EXPECT_EQ(rows[0].values[Measure::usage], 565);
  EXPECT_EQ(rows[1].values[Measure::usage], 510);
  EXPECT_EQ(rows[1].row, nullptr);
  EXPECT_EQ(rows[4].label, "web-1");
  EXPECT_EQ(rows[4].values[Measure::usage], 210) << "with its remainder";
  EXPECT_EQ(rows[4].values[Measure::limit], 1e6);
  EXPECT_EQ(rows[6].values[Measure::usage], 10);
  EXPECT_EQ(rows[6].values[Measure::held_share], std::nullopt);
  EXPECT_EQ(rows[1].values[Measure::limit], std::nullopt) << "a namespace has none";
}

TEST(List, TheLastReclaimOfAPodIsTheLatestOfAllInIt) {
  Instant instant = kPods;
  instant.rows.push_back(in_pod("shop", "web-1", "agent", 20));
  const auto latest = [&](double of_pod, double of_app, double of_agent) {
    for (const auto& [row, at] : {std::pair{0, of_pod}, {1, of_app}, {5, of_agent}})
      instant.rows[static_cast<std::size_t>(row)].values[Measure::last_reclaim] =
          at > 0 ? std::optional(at) : std::nullopt;
    return list_of(instant, {.is_tree = true}, "node-1")[4].values[Measure::last_reclaim];
  };
  ASSERT_EQ(list_of(instant, {.is_tree = true}, "node-1")[4].label, "web-1");
  EXPECT_EQ(latest(5, 0, 0), 5);
  EXPECT_EQ(latest(5, 9, 7), 9);
  EXPECT_EQ(latest(0, 9, 7), 9);
  EXPECT_EQ(latest(0, 7, 9), 9);
  EXPECT_EQ(latest(0, 0, 9), 9);
  EXPECT_EQ(latest(0, 0, 0), std::nullopt);
  latest(5, 9, 7);
  EXPECT_EQ(list_of(instant, {.is_tree = true}, "node-1")[7].label, "(remainder)");
  EXPECT_EQ(list_of(instant, {.is_tree = true}, "node-1")[7].values[Measure::last_reclaim], 5) << "of the pod itself";
}

TEST(List, WhatTheKernelCountsOfAWholePodIsNotCountedTwice) {
  Instant instant = kPods;
  for (Row& row : instant.rows) row.values[Measure::refaulted] = row.kind == "pod" ? 100 : 60;
  for (Row& row : instant.rows) row.values[Measure::psi_some] = row.kind == "pod" ? 1 : 5;
  const std::vector<ListRow> rows = list_of(instant, {.is_tree = true}, "node-1");
  EXPECT_EQ(rows[4].values[Measure::refaulted], 100);
  EXPECT_EQ(rows[4].values[Measure::psi_some], 1);
  EXPECT_EQ(rows[6].values[Measure::refaulted], std::nullopt) << "how much of it is the remainder's is not known";
  EXPECT_EQ(rows[1].values[Measure::refaulted], 160) << "of the pod and of a container that is alone";
  instant.rows[0].values[Measure::refaulted] = std::nullopt;
  instant.rows[0].values[Measure::psi_some] = std::nullopt;
  EXPECT_EQ(list_of(instant, {.is_tree = true}, "node-1")[4].values[Measure::refaulted], 60);
  EXPECT_EQ(list_of(instant, {.is_tree = true}, "node-1")[4].values[Measure::psi_some], 5);
}

TEST(List, APodIsAsNearToALimitAsTheNearestOfItsContainers) {
  Instant instant = kPods;
  for (Row& row : instant.rows) row.values[Measure::held_share] = row.kind == "pod" ? 0.1 : 99.8;
  const std::vector<ListRow> rows = list_of(instant, {.is_tree = true}, "node-1");
  EXPECT_EQ(rows[4].values[Measure::held_share], 99.8);
  EXPECT_EQ(rows[6].values[Measure::held_share], std::nullopt) << "the remainder's share is not known";
  instant.rows[0].values[Measure::held_share] = 99.9;
  EXPECT_EQ(list_of(instant, {.is_tree = true}, "node-1")[4].values[Measure::held_share], 99.9);
}

TEST(List, AFoldedRowHidesWhatIsBelowIt) {
  const std::vector<ListRow> rows = list_of(kPods, {.is_tree = true}, "n");
  const auto shop = std::ranges::find(rows, "shop", &ListRow::label);
  EXPECT_EQ(tree(kPods, {.folded = {shop->key}}),
            "node-1, .shop, .infra, ..log, ...agent, ./system.slice, ../ssh.service");
  const std::vector<ListRow> folded = list_of(kPods, {.is_tree = true, .folded = {shop->key}}, "n");
  EXPECT_TRUE(folded[1].is_folded);
  EXPECT_EQ(folded[1].values[Measure::usage], 510);
}

TEST(List, HostileNamesCanNotSteerTheTerminal) {
  const std::string hostile = "/a\n\x1b[31m\xff";
  for (const bool is_tree : {false, true}) {
    for (const ListRow& row : list_of({.rows = {row_of(hostile, 1)}}, {.is_tree = is_tree}, "node\x1b")) {
      EXPECT_EQ(row.label.find('\x1b'), std::string::npos);
      EXPECT_EQ(row.label.find('\n'), std::string::npos);
    }
  }
}

TEST(List, ACgroupOfNoDirectoryIsInTheTreeToo) {
  EXPECT_EQ(tree({.rows = {row_of("/", 1), row_of("/x", 2)}}), "node-1, ./x, ./");
  EXPECT_EQ(tree({}), "node-1");
}

}  // namespace
}  // namespace cgmm::live
