// SPDX-License-Identifier: Apache-2.0
#include "live/list.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "base/text.hpp"

namespace cgmm::live {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains(std::string_view text, std::string_view part) {
  const auto same = [](char one, char other) { return lower(one) == lower(other); };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

/// In the tree, from the top. With a pod's name: namespace, pod, container. Else the directories.
std::vector<std::string> place_of(const Row& row) {
  if (!row.pod.empty()) {
    std::vector<std::string> place = {row.name_space.empty() ? "(no namespace)" : row.name_space, row.pod};
    if (row.kind == "pod") return place;
    const std::size_t slash = row.name.rfind('/');
    place.push_back(slash == std::string::npos ? row.name : row.name.substr(slash + 1));
    return place;
  }
  std::vector<std::string> place;
  for (std::size_t at = 0; at < row.path.size();) {
    const std::size_t end = std::min(row.path.find('/', at + 1), row.path.size());
    place.push_back(row.path.substr(at, end - at));
    at = end;
  }
  if (place.empty()) place.emplace_back("/");
  if (row.name != row.path) place.back() = row.name;
  return place;
}

/// A line of the tree, with what is below it.
struct Node {
  std::string key;
  std::string label;
  const Row* row = nullptr;
  Values values{};
  std::map<std::string, Node> children{};
};

bool is_of_whole(Together together) {
  return together == Together::whole_or_sum || together == Together::whole_or_largest ||
         together == Together::whole_and_largest;
}

void add(Values& into, const Values& values) {
  for (const Column& column : kColumns) {
    std::optional<double>& sum = into[column.measure];
    const std::optional<double>& value = values[column.measure];
    if (column.together == Together::none || !value) continue;
    const bool is_sum = column.together == Together::sum || column.together == Together::whole_or_sum;
    sum = !sum ? *value : is_sum ? *sum + *value : std::max(*sum, *value);
  }
}

/// What a pod and the like have beyond those below them becomes a line of its own.
void add_up(Node& node) {
  if (node.children.empty()) return;
  const Values own = node.values;
  for (auto& [name, child] : node.children) {
    add_up(child);
    add(node.values, child.values);
  }
  if (node.row == nullptr) return;
  Node rest{.key = node.key + "/\n", .label = "(remainder)", .row = node.row, .values = own};
  rest.values[Measure::limit] = std::nullopt;
  for (const Column& column : kColumns) {
    if (!is_of_whole(column.together)) continue;
    if (own[column.measure] && column.together != Together::whole_and_largest)
      node.values[column.measure] = own[column.measure];
    rest.values[column.measure] = std::nullopt;
  }
  node.children.emplace("\n", std::move(rest));
}

bool before(const Values& one, const Values& other, const std::string& label, const std::string& other_label,
            const ListSettings& settings) {
  const auto &a = one[settings.sorted_by], &b = other[settings.sorted_by];
  if (a != b) {
    if (!a || !b) return a.has_value();  // what is not known comes last
    return settings.is_descending ? *a > *b : *a < *b;
  }
  return label < other_label;
}

void put_out(const Node& node, std::size_t depth, const ListSettings& settings, std::vector<ListRow>& rows) {
  const bool is_folded = settings.folded.contains(node.key);
  rows.push_back({.key = node.key,
                  .label = node.label,
                  .depth = depth,
                  .has_children = !node.children.empty(),
                  .is_folded = is_folded,
                  .row = node.row,
                  .values = node.values});
  if (is_folded) return;
  std::vector<const Node*> children;
  for (const auto& [name, child] : node.children) children.push_back(&child);
  std::ranges::sort(children, [&](const Node* one, const Node* other) {
    return before(one->values, other->values, one->label, other->label, settings);
  });
  for (const Node* child : children) put_out(*child, depth + 1, settings, rows);
}

std::vector<ListRow> tree_of(const Instant& instant, const ListSettings& settings, const std::string& node_name) {
  Node root{.key = "/", .label = base::escape_for_terminal(node_name)};
  for (const Row& row : instant.rows) {
    if (!matches(row, settings.filter)) continue;
    Node* node = &root;
    for (const std::string& name : place_of(row)) {
      Node& child = node->children[name];
      if (child.key.empty()) child.key = node->key + "/" + name;
      if (child.label.empty()) child.label = base::escape_for_terminal(name);
      node = &child;
    }
    add(node->values, row.values);
    node->values[Measure::limit] = row.values[Measure::limit];
    node->row = &row;
  }
  for (auto& [name, child] : root.children) {
    add_up(child);
    add(root.values, child.values);
  }
  std::vector<ListRow> rows;
  put_out(root, 0, settings, rows);
  return rows;
}

}  // namespace

bool matches(const Row& row, const std::string& filter) {
  return filter.empty() || contains(row.name, filter) || contains(row.path, filter) || contains(row.workload, filter);
}

std::vector<ListRow> list_of(const Instant& instant, const ListSettings& settings, const std::string& node) {
  if (settings.is_tree) return tree_of(instant, settings, node);
  std::vector<ListRow> rows;
  for (const Row& row : instant.rows) {
    if (!matches(row, settings.filter)) continue;
    rows.push_back({.key = row.path, .label = base::escape_for_terminal(row.name), .row = &row, .values = row.values});
  }
  std::ranges::sort(rows, [&](const ListRow& one, const ListRow& other) {
    return before(one.values, other.values, one.label, other.label, settings);
  });
  return rows;
}

}  // namespace cgmm::live
