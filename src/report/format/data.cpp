// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.hpp"
#include "report/format/escape.hpp"
#include "report/format/layout.hpp"

// CSV and JSON, for programs. JSON is written row by row: a document object of a long history would need many times its
// size in memory.

namespace cgmm::report {
namespace {

using Json = nlohmann::ordered_json;

std::string csv_field(const core::Cell& cell) {
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&cell)) return exact_number(*real);
  if (const auto* text = std::get_if<std::string>(&cell)) return escape_csv(*text);
  return "";
}

/// Infinity becomes null: JSON has none.
Json json_value(const core::Cell& cell) {
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return *integer;
  if (const auto* real = std::get_if<double>(&cell)) return *real;
  if (const auto* text = std::get_if<std::string>(&cell)) return base::to_valid_utf8(*text);
  return nullptr;
}

/// Column names as keys of an object: a second column of the same name becomes `name_2`.
std::vector<std::string> json_keys(const std::vector<std::string>& columns) {
  std::set<std::string> names, used;
  for (const std::string& column : columns) names.insert(base::to_valid_utf8(column));
  std::vector<std::string> keys;
  for (const std::string& column : columns) {
    const std::string name = base::to_valid_utf8(column);
    std::string key = name;
    for (int number = 2; used.contains(key) || (key != name && names.contains(key)); ++number) {
      key = name + "_" + std::to_string(number);
    }
    used.insert(key);
    keys.push_back(key);
  }
  return keys;
}

/// ASCII only, so it is also safe on a terminal.
std::string ascii(const Json& json) { return json.dump(-1, ' ', true); }

std::string json_object(const core::Table& table) {
  const std::vector<std::string> keys = json_keys(table.columns);
  std::string rows;
  for (const auto& row : table.rows) rows += (rows.empty() ? "\n  " : ",\n  ") + ascii(json_row(keys, row));
  return "{\"title\": " + ascii(base::to_valid_utf8(table.title)) + ",\n \"columns\": " + ascii(keys) +
         ",\n \"rows\": [" + rows + "]}";
}

}  // namespace

Json json_row(const std::vector<std::string>& keys, const std::vector<core::Cell>& row) {
  Json object = Json::object();
  for (std::size_t i = 0; i < keys.size(); ++i) object[keys[i]] = json_value(cell_at(row, i));
  return object;
}

std::string render_csv(const core::Table& table, const Style&) {
  std::string out;
  for (const std::string& column : table.columns) out += (out.empty() ? "" : ",") + escape_csv(column);
  out += '\n';
  for (const auto& row : table.rows) {
    std::string line;
    for (std::size_t i = 0; i < table.columns.size(); ++i) line += (i > 0 ? "," : "") + csv_field(cell_at(row, i));
    // A single NULL must not become an empty line: many readers skip those.
    out += (line.empty() ? "\"\"" : line) + '\n';
  }
  return out;
}

std::string render_json(const core::Table& table, const Style&) { return json_object(table) + '\n'; }

std::string render_json(std::span<const core::Table> tables) {
  std::string objects;
  for (const core::Table& table : tables) objects += (objects.empty() ? "\n" : ",\n") + json_object(table);
  return "{\"reports\": [" + objects + "]}\n";
}

}  // namespace cgmm::report
