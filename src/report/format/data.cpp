// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/format/escape.hpp"
#include "report/format/layout.hpp"
#include "report/format/row_writer.hpp"

// CSV, JSON and NDJSON, for programs.

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

/// A part grows no further than this: a text of many MiB that grows would need twice its size.
constexpr std::size_t kPartBytes = 256 * 1024;

std::string laid_out(const core::Table& table, Format format) {
  RowWriter writer(format, table.keeps_names ? Times::as_they_are : Times::in_words_too);
  writer.begin(table.columns);
  for (const auto& row : table.rows) writer.add(row);
  std::string text;
  for (const std::string& part : writer.finish()) text += part;
  return text;
}

/// NULL where it is no time.
core::Cell in_words(const core::Cell& cell) {
  const auto* const at_us = std::get_if<std::int64_t>(&cell);
  return at_us != nullptr ? core::Cell(base::format_utc_exact(*at_us)) : core::Cell();
}

}  // namespace

Json json_row(const std::vector<std::string>& keys, const std::vector<core::Cell>& row) {
  Json object = Json::object();
  for (std::size_t i = 0; i < keys.size(); ++i) object[keys[i]] = json_value(cell_at(row, i));
  return object;
}

void RowWriter::append(std::string_view text) {
  if (parts_.empty() || parts_.back().size() + text.size() > kPartBytes) {
    parts_.emplace_back().reserve(std::max(kPartBytes, text.size()));
  }
  parts_.back() += text;
}

void RowWriter::begin(const std::vector<std::string>& columns) {
  parts_.clear();
  row_count_ = 0;
  std::vector<std::string> names;
  sources_.clear();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto words = times_ == Times::in_words_too ? time_column_of(columns[i]) : std::nullopt;
    if (words && std::ranges::count(columns, *words) == 0) {
      names.push_back(*words);
      sources_.push_back({.column = i, .is_in_words = true});
    }
    names.push_back(columns[i]);
    sources_.push_back({.column = i});
  }
  keys_ = format_ == Format::csv ? names : json_keys(names);
  if (format_ == Format::json) append("[");
  if (format_ != Format::csv || has_head_) return;
  for (std::size_t i = 0; i < keys_.size(); ++i) append((i > 0 ? "," : "") + escape_csv(keys_[i]));
  append("\n");
}

std::vector<core::Cell> RowWriter::with_times(std::vector<core::Cell> row) const {
  if (std::ranges::none_of(sources_, &Source::is_in_words)) return row;
  std::vector<core::Cell> cells;
  for (const Source& source : sources_) {
    const core::Cell& cell = cell_at(row, source.column);
    cells.push_back(source.is_in_words ? in_words(cell) : cell);
  }
  return cells;
}

void RowWriter::add(std::vector<core::Cell> row) {
  const bool is_first = row_count_++ == 0;
  row = with_times(std::move(row));
  if (format_ == Format::json) return append((is_first ? "\n  " : ",\n  ") + ascii(json_row(keys_, row)));
  if (format_ == Format::ndjson) return append(ascii(json_row(keys_, row)) + "\n");
  std::string line;
  for (std::size_t i = 0; i < keys_.size(); ++i) line += (i > 0 ? "," : "") + csv_field(cell_at(row, i));
  // A single NULL must not become an empty line: many readers skip those.
  append((line.empty() ? "\"\"" : line) + '\n');
}

std::vector<std::string> RowWriter::finish() {
  if (format_ == Format::json) append(row_count_ == 0 ? "]\n" : "\n]\n");
  return std::exchange(parts_, {});
}

std::vector<std::string> RowWriter::take() {
  has_head_ = true;
  return std::exchange(parts_, {});
}

std::string render_csv(const core::Table& table, const Style&) { return laid_out(table, Format::csv); }

std::string render_json(const core::Table& table, const Style&) { return laid_out(table, Format::json); }

std::string render_ndjson(const core::Table& table, const Style&) { return laid_out(table, Format::ndjson); }

std::string render_json(std::span<const core::Table> tables) {
  std::string members;
  for (const core::Table& table : tables) {
    members += (members.empty() ? "\n" : ",\n") + ascii(table.report) + ": " + laid_out(table, Format::json);
    members.pop_back();  // the end of its last line
  }
  return "{" + members + "\n}\n";
}

}  // namespace cgmm::report
