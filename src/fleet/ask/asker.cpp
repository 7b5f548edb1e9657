// SPDX-License-Identifier: Apache-2.0
#include "fleet/ask/asker.hpp"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "fleet/ask/question.hpp"

namespace cgmm::fleet {
namespace {

constexpr std::int64_t kMostRows = 2'000'000;
constexpr std::int64_t kMemoryBytes = 10'000'000'000;  // of a server that has no limit

enum class Kind : std::uint8_t { text, integer, real };

Kind kind_of(std::string_view type) {
  for (const std::string_view around : {"LowCardinality(", "Nullable("}) {
    if (type.starts_with(around)) type.remove_prefix(around.size());
  }
  if (type.starts_with("Int") || type.starts_with("UInt")) return Kind::integer;
  return type.starts_with("Float") || type.starts_with("Decimal") ? Kind::real : Kind::text;
}

core::Cell cell_of(std::optional<std::string> value, Kind kind) {
  if (!value) return {};
  const char* const end = value->data() + value->size();
  if (kind == Kind::integer) {
    std::int64_t number = 0;
    const auto [after, problem] = std::from_chars(value->data(), end, number);
    if (problem == std::errc{} && after == end) return number;  // else it is greater: it stays text
  }
  if (kind == Kind::real) {
    double number = 0;
    const auto [after, problem] = std::from_chars(value->data(), end, number);
    if (problem == std::errc{} && after == end) return std::isnan(number) ? core::Cell() : core::Cell(number);
  }
  return *std::move(value);
}

}  // namespace

void read_answer(std::string_view body, core::RowSink& rows) {
  std::vector<std::string> columns;
  std::vector<Kind> kinds;
  if (!body.empty())
    for (const auto& name : next_row(body)) columns.push_back(name.value_or(""));
  if (!body.empty())
    for (const auto& type : next_row(body)) kinds.push_back(kind_of(type.value_or("")));
  if (columns.empty() || columns.size() != kinds.size())
    throw std::runtime_error("ClickHouse answers without the types of columns");
  rows.begin(columns);
  while (!body.empty()) {
    EngineRow row = next_row(body);
    if (row.size() != kinds.size())
      throw std::runtime_error("ClickHouse answers with a row that is too short or too long");
    std::vector<core::Cell> cells;
    cells.reserve(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) cells.push_back(cell_of(std::move(row[i]), kinds[i]));
    rows.add(std::move(cells));
  }
}

Asker::Asker(const config::Ship& settings, std::chrono::milliseconds timeout)
    : engine_(settings, timeout), database_(settings.database), timeout_(timeout) {}

/// What a user may set is asked first: one that only reads may set nothing, or all but whether it only reads.
const std::string& Asker::settings() {
  if (!settings_.empty()) return settings_;
  std::map<std::string, std::int64_t> now;
  const std::string sql =
      "SELECT name, toInt64(value) FROM system.settings WHERE name IN ('readonly', 'max_memory_usage')";
  for (const EngineRow& row : rows_of(engine_.read(sql + "\nFORMAT TabSeparated", ""))) {
    if (row.size() != 2)
      throw std::runtime_error("ClickHouse does not say what a user may set: is it ClickHouse's HTTP port?");
    const std::string number = row[1].value_or("");
    std::from_chars(number.data(), number.data() + number.size(), now[row[0].value_or("")]);
  }
  settings_ = "&database=" + database_;
  if (now["readonly"] == 1) return settings_;
  const auto add = [&](const char* name, std::int64_t value) {
    settings_ += "&" + std::string(name) + "=" + std::to_string(value);
  };
  if (now["readonly"] == 0) add("readonly", 2);
  add("max_execution_time", std::chrono::duration_cast<std::chrono::seconds>(timeout_).count());
  add("max_result_rows", kMostRows);
  // Groups of many nodes go to the server's disk and not beyond its memory: fleet/part_coverage.sql.
  add("max_bytes_before_external_group_by", (now["max_memory_usage"] > 0 ? now["max_memory_usage"] : kMemoryBytes) / 4);
  add("distributed_aggregation_memory_efficient", 1);
  settings_ += "&result_overflow_mode=throw";
  // Conditions go into subqueries: ClickHouse of today does that by itself. For a week of many nodes it saves most.
  settings_of_question_ = "&enable_optimize_predicate_expression=1";
  return settings_;
}

void Asker::run(const std::string& sql, core::RowSink& rows) {
  read_answer(engine_.read(sql + "\nFORMAT TabSeparatedWithNamesAndTypes", settings()), rows);
}

void Asker::ask(const report::Report& question, const core::Parameters& parameters, core::RowSink& rows) {
  const std::string sql = filled(question.sql, parameters) + "\nFORMAT TabSeparatedWithNamesAndTypes";
  const std::string all = settings() + settings_of_question_;
  read_answer(engine_.read(sql, all), rows);
}

core::Table Asker::answer_to(const report::Report& question, const core::Parameters& parameters,
                             std::size_t most_rows) {
  core::FirstRows rows(most_rows);
  ask(question, parameters, rows);
  rows.table.title = question.title;
  rows.table.report = question.name;
  rows.table.most_important = question.most_important;
  return std::move(rows.table);
}

core::Table Asker::answer_to(std::string_view name, const core::Parameters& parameters, std::size_t most_rows) {
  return answer_to(question(name), parameters, most_rows);
}

}  // namespace cgmm::fleet
