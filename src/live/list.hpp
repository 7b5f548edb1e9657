// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which rows the list of `live` has, and in which order: flat, or as a tree of the node, namespaces, pods and
// containers, with services by their directories. Pure: any thread.

#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "live/instant.hpp"

namespace cgmm::live {

struct ListSettings {
  bool is_tree = false;
  Measure sorted_by = Measure::usage;
  bool is_descending = true;
  std::string filter{};            // a part of a name, a path or a workload; "": all
  std::set<std::string> folded{};  // keys of rows of the tree
};

/// One line of the list.
struct ListRow {
  std::string key;    // the same from instant to instant
  std::string label;  // safe for a terminal
  std::size_t depth = 0;
  bool has_children = false;
  bool is_folded = false;
  const Row* row = nullptr;  // borrowed from the instant; nullptr: it is only a group
  Values values{};           // of a group, and of what has others below it: of all together
};

std::vector<ListRow> list_of(const Instant& instant, const ListSettings& settings, const std::string& node);

/// Whether the cgroup matches the filter: letters of ASCII match in either case.
bool matches(const Row& row, const std::string& filter);

}  // namespace cgmm::live
