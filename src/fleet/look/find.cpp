// SPDX-License-Identifier: Apache-2.0
#include "fleet/look/find.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <iterator>
#include <map>
#include <utility>

#include "fleet/engine/literal.hpp"
#include "report/format/row.hpp"

namespace cgmm::fleet {
namespace {

constexpr std::size_t kShortId = 8;  // so much of a history_id is told

core::Table ask(Asker& asker, const std::string& sql) {
  core::FirstRows rows(core::kAllRows);
  asker.run(sql, rows);
  return std::move(rows.table);
}

std::vector<HistoryName> names_in(const core::Table& table) {
  std::vector<HistoryName> names;
  for (const report::Row row : report::rows_of(table)) names.push_back({row.text("node"), row.text("history_id")});
  return names;
}

/// A kill arrives before the row of a new node does.
std::string all_histories(const std::string& condition) {
  return "(SELECT node, history_id, toInt64(shipped_at_us) AS at_us FROM node WHERE " + condition +
         " UNION ALL SELECT node, history_id, killed_at_us AS at_us FROM oom_kill WHERE " + condition + ")";
}

std::string in(const std::vector<HistoryName>& histories) {
  std::string list;
  for (const HistoryName& one : histories)
    list += (list.empty() ? "" : " OR ") + std::string("(node = ") + literal(one.node) +
            " AND history_id = " + literal(one.history_id) + ")";
  return "(" + list + ")";
}

}  // namespace

std::optional<IncidentPlace> place_of(const std::string& text) {
  const std::size_t slash = text.rfind('/');
  if (slash == std::string::npos || slash == 0) return std::nullopt;
  std::string_view id = std::string_view(text).substr(slash + 1);
  IncidentPlace place{.before = text.substr(0, slash), .incident = {.is_stuck = id.starts_with('s')}};
  if (place.incident.is_stuck) id.remove_prefix(1);
  const auto [after, problem] = std::from_chars(id.data(), id.data() + id.size(), place.incident.number);
  const bool is_number = problem == std::errc{} && after == id.data() + id.size() && place.incident.number > 0;
  return is_number ? std::optional(std::move(place)) : std::nullopt;
}

std::string to_string(const IncidentNumber& incident) {
  return (incident.is_stuck ? "s" : "") + std::to_string(incident.number);
}

std::vector<HistoryName> histories_of(Asker& asker, const std::string& name) {
  std::string condition = "node = " + literal(name);
  const std::size_t slash = name.rfind('/');
  if (slash != std::string::npos)
    condition = "(" + condition + " OR (node = " + literal(name.substr(0, slash)) + " AND substring(history_id, 1, " +
                std::to_string(name.size() - slash - 1) + ") = " + literal(name.substr(slash + 1)) + "))";
  std::vector<HistoryName> found = names_in(ask(asker, "SELECT node, history_id FROM " + all_histories(condition) +
                                                           " GROUP BY node, history_id ORDER BY max(at_us) DESC"));
  const auto is_called_so = [&](const HistoryName& one) { return one.node == name; };
  if (std::ranges::any_of(found, is_called_so)) std::erase_if(found, std::not_fn(is_called_so));
  return found;
}

std::vector<HistoryName> having(Asker& asker, const std::vector<HistoryName>& histories,
                                const IncidentNumber& incident) {
  if (histories.empty()) return {};
  const std::string is_it = incident.is_stuck ? " FROM stuck FINAL WHERE stuck_id = "
                                              : " FROM oom_kill FINAL WHERE kill_count > 0 AND oom_kill_id = ";
  const std::vector<HistoryName> there =
      names_in(ask(asker, "SELECT node, history_id" + is_it + "toInt64(" + std::to_string(incident.number) + ") AND " +
                              in(histories)));
  std::vector<HistoryName> found;
  std::ranges::copy_if(histories, std::back_inserter(found),
                       [&](const HistoryName& one) { return std::ranges::find(there, one) != there.end(); });
  return found;
}

bool is_node(Asker& asker, const std::string& name) {
  return !ask(asker, "SELECT node FROM " + all_histories("node = " + literal(name)) + " LIMIT 1").rows.empty();
}

std::string node_condition(Asker& asker, const std::string& glob) {
  if (glob.empty() || glob == "*") return "1";
  return is_node(asker, glob) ? "node = " + literal(glob) : "match(node, " + literal(pattern_of(glob)) + ")";
}

std::vector<HistoryName> histories_with(Asker& asker, const std::string& node_glob, const std::string& cgroup_glob,
                                        std::int64_t since_us, std::int64_t until_us) {
  const std::string pattern = literal(pattern_of(cgroup_glob)), nodes = node_condition(asker, node_glob);
  const std::string since = "toInt64(" + std::to_string(since_us) + ")",
                    until = "toInt64(" + std::to_string(until_us) + ")";
  // What the node's row tells of its last scan is some minutes old.
  return names_in(
      ask(asker, "SELECT node, history_id FROM cgroup WHERE " + nodes + " AND first_seen_at_us < " + until +
                     " AND (isNull(vanished_at_us) OR vanished_at_us >= " + since + ") AND (match(path, " + pattern +
                     ") OR match(name, " + pattern + ") OR match(ifNull(workload, ''), " + pattern +
                     ")) AND (node, history_id) GLOBAL IN (SELECT node, history_id FROM node FINAL WHERE " + nodes +
                     " AND ifNull(first_at_us, toInt64(0)) < " + until + " AND ifNull(last_at_us, " + until +
                     ") >= " + since + " - 3600000000) GROUP BY node, history_id ORDER BY node, history_id"));
}

void tell_places(Asker& asker, core::Table& incidents) {
  const core::Table newest = ask(asker,
                                 "SELECT node, argMax(history_id, shipped_at_us) AS newest_id FROM node GROUP BY node "
                                 "HAVING uniqExact(history_id) > 1");
  std::map<std::string, std::string> newest_of;
  for (const report::Row row : report::rows_of(newest)) newest_of.emplace(row.text("node"), row.text("newest_id"));
  const std::size_t id = report::column_of(incidents, "id"), node = report::column_of(incidents, "node");
  const std::size_t history = report::column_of(incidents, "history_id");
  for (auto& row : incidents.rows) {
    const std::string& name = std::get<std::string>(row[node]);
    const std::string& history_id = std::get<std::string>(row[history]);
    const auto found = newest_of.find(name);
    const bool is_older = found != newest_of.end() && found->second != history_id;
    row[id] = name + "/" + (is_older ? history_id.substr(0, kShortId) + "/" : "") + std::get<std::string>(row[id]);
  }
}

}  // namespace cgmm::fleet
