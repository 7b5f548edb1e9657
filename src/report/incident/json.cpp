// SPDX-License-Identifier: Apache-2.0
// An incident for programs: the exact answers of the queries, and the sentences.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/format/layout.hpp"
#include "report/incident/words.hpp"

namespace cgmm::report {
namespace {

using Json = nlohmann::ordered_json;

/// Each time has the same in words before it, as in all other answers: exact, also where the history has a second only.
Json object_of(const std::vector<std::string>& columns, const std::vector<core::Cell>& row) {
  const Json cells = json_row(columns, row);
  Json object = Json::object();
  for (const auto& [column, cell] : cells.items()) {
    if (const auto words = time_column_of(column))
      object[*words] = cell.is_number_integer() ? Json(base::format_utc_exact(cell.get<std::int64_t>())) : Json();
    object[column] = cell;
  }
  return object;
}

Json object_of(const core::Table& table) {
  return object_of(table.columns, table.rows.empty() ? std::vector<core::Cell>() : table.rows.front());
}

Json array_of(const core::Table& table) {
  Json array = Json::array();
  for (const auto& row : table.rows) array.push_back(object_of(table.columns, row));
  return array;
}

Json words_of(const Incident& incident) {
  Json words = Json::array();
  for (const Said& said : incident_words(incident)) words.push_back({{"label", said.label}, {"text", said.text}});
  return words;
}

}  // namespace

std::string incident_as_json(const Incident& incident) {
  const IncidentTables& tables = incident.tables;
  Json json;
  json["kill"] = object_of(tables.kill);
  json["cause"] = {{"cause", incident.cause.empty() ? Json() : Json(base::to_valid_utf8(incident.cause))},
                   {"why", why(incident)},
                   {"would_reclaim_have_helped", would_reclaim_have_helped(incident)}};
  json["facts"] = object_of(tables.facts);
  json["window"] = object_of({"since_us", "until_us"}, {incident.since_us, incident.until_us});
  json["samples"] = array_of(tables.samples);
  json["reclaims"] = array_of(tables.reclaims);
  json["limit_changes"] = array_of(tables.limit_changes);
  json["neighbours"] = array_of(tables.neighbours);
  json["sharers"] = array_of(tables.sharers);
  json["shares"] = tables.shares.rows.empty() ? Json() : object_of(tables.shares);
  json["ended"] = array_of(tables.ended);
  json["gaps"] = array_of(tables.gaps);
  json["candidates"] = array_of(tables.candidates);
  json["processes"] = array_of(tables.processes);
  json["node_memory"] = tables.node_memory.rows.empty() ? Json() : object_of(tables.node_memory);
  json["earlier_kills"] = array_of(tables.earlier_kills);
  json["words"] = words_of(incident);
  return json.dump(1, ' ', true) + "\n";
}

}  // namespace cgmm::report
