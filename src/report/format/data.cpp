// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.hpp"
#include "report/format/escape.hpp"
#include "report/format/layout.hpp"

// CSV and JSON, for programs. JSON is written row by row: a document object of a long history would need many times its
// size in memory. Only strings and reals go through the library.

namespace cgmm::report {
namespace {

std::string csv_field(const core::Cell& cell) {
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&cell)) return exact_number(*real);
  if (const auto* text = std::get_if<std::string>(&cell)) return escape_csv(*text);
  return "";
}

/// ASCII only, so it is also safe on a terminal.
std::string json_string(std::string_view text) { return nlohmann::json(base::to_valid_utf8(text)).dump(-1, ' ', true); }

std::string json_value(const core::Cell& cell) {
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&cell))
    return nlohmann::json(*real).dump();  // infinity becomes null: JSON has none
  if (const auto* text = std::get_if<std::string>(&cell)) return json_string(*text);
  return "null";
}

/// Column names as keys of an object: a second column of the same name becomes `name_2`.
std::vector<std::string> json_keys(const std::vector<std::string>& columns) {
  std::set<std::string> taken;
  for (const std::string& column : columns) taken.insert(base::to_valid_utf8(column));
  std::set<std::string> used;
  std::vector<std::string> keys;
  for (const std::string& column : columns) {
    const std::string name = base::to_valid_utf8(column);
    std::string key = name;
    for (int number = 2; used.contains(key); ++number) {
      const std::string numbered = name + "_" + std::to_string(number);
      if (!taken.contains(numbered)) key = numbered;
    }
    used.insert(key);
    keys.push_back(json_string(key));
  }
  return keys;
}

template <typename Items, typename Write>
std::string joined(const Items& items, std::string_view separator, Write write) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += separator;
    out += write(item);
  }
  return out;
}

std::string json_row(const std::vector<std::string>& keys, const std::vector<core::Cell>& row) {
  std::string out = "{";
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i > 0) out += ", ";
    out += keys[i] + ": " + json_value(cell_at(row, i));
  }
  return out + "}";
}

std::string json_object(const core::Table& table) {
  const std::vector<std::string> keys = json_keys(table.columns);
  std::string out = "{\"title\": " + json_string(table.title) + ",\n \"columns\": [";
  out += joined(keys, ", ", [](const std::string& key) { return key; });
  out += "],\n \"rows\": [";
  out += joined(table.rows, ",", [&keys](const auto& row) { return "\n  " + json_row(keys, row); });
  return out + "]}";
}

}  // namespace

std::string render_csv(const core::Table& table) {
  std::string out = joined(table.columns, ",", escape_csv) + '\n';
  for (const auto& row : table.rows) {
    std::string line;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      if (i > 0) line += ',';
      line += csv_field(cell_at(row, i));
    }
    // A single NULL must not become an empty line: many readers skip those.
    out += (line.empty() ? "\"\"" : line) + '\n';
  }
  return out;
}

std::string render_json(const core::Table& table) { return json_object(table) + '\n'; }

std::string render_json(std::span<const core::Table> tables) {
  return "{\"reports\": [" + joined(tables, ",", [](const auto& table) { return "\n" + json_object(table); }) + "]}\n";
}

}  // namespace cgmm::report
