// SPDX-License-Identifier: Apache-2.0
#include "fleet/look/copy.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/units.hpp"
#include "fleet/engine/literal.hpp"
#include "fleet/look/sinks.hpp"
#include "report/format/row.hpp"

namespace cgmm::fleet {
namespace {

using base::kHour_us;

constexpr std::int64_t kRowsAtOnce = 100'000;
constexpr std::int64_t kAfter_us = 5 * base::kMinute_us;     // as `incident show`
constexpr std::int64_t kAtLeast_us = 30 * base::kMinute_us;  // reports/incident_facts.sql looks so far back
constexpr std::int64_t kInterval_us = 10 * base::kSecond_us;

std::string number(std::int64_t value) { return "toInt64(" + std::to_string(value) + ")"; }

std::string within(const std::string& column, std::int64_t from_us, std::int64_t to_us) {
  return column + " >= " + number(from_us) + " AND " + column + " < " + number(to_us);
}

std::int64_t begin_of_hour(std::int64_t at_us) { return at_us - at_us % kHour_us; }
std::int64_t end_of_hour(std::int64_t at_us) { return begin_of_hour(at_us + kHour_us - 1); }

/// What of a history is wanted.
struct Part {
  std::int64_t since_us = 0, until_us = 0;  // the window
  std::int64_t sampled_from_us = 0;         // of its samples
  std::string cgroups;                      // a condition: those that are shown
  std::string sampled;                      // and those with all of their samples
};

class Copier {
 public:
  Copier(Asker& asker, const HistoryName& name)
      : asker_(asker),
        name_(name),
        mine_("node = " + literal(name.node) + " AND history_id = " + literal(name.history_id)) {
    core::FirstRows rows(core::kAllRows);
    asker_.run("SELECT table, name FROM system.columns WHERE database = currentDatabase()", rows);
    for (const auto& row : rows.table.rows)
      there_[std::get<std::string>(row[0])].push_back(std::get<std::string>(row[1]));
  }

  core::Table ask(const std::string& sql) {
    core::FirstRows rows(core::kAllRows);
    asker_.run(sql, rows);
    return std::move(rows.table);
  }

  const std::string& mine() const { return mine_; }
  std::string ids_of_cgroups(const std::string& condition) const {
    return "cgroup_id GLOBAL IN (SELECT cgroup_id FROM cgroup WHERE " + mine_ + " AND " + condition + ")";
  }

  /// Small tables, whose rows may have changed.
  void rows_of(const std::string& table, const std::string& condition) { rows_of(table, table, condition); }
  void rows_of(const std::string& table, const std::string& into, const std::string& condition) {
    run("SELECT " + columns_of(into, table) + " FROM " + table + " FINAL WHERE " + mine_ + " AND " + condition, into);
  }

  /// Bit by bit in the order of `keys`, which are the first columns.
  void many_rows_of(const std::string& table, const std::vector<std::string>& keys, const std::string& condition) {
    many_rows_of(table, keys, condition, *copy_.into(table));
  }
  void many_rows_of(const std::string& table, const std::vector<std::string>& keys, const std::string& condition,
                    core::RowSink& into) {
    std::string after = "1", order;
    for (const std::string& key : keys) order += (order.empty() ? "" : ", ") + key;
    const std::string what = "SELECT " + order + ", " + columns_of(table, table, keys) + " FROM " + table +
                             (table == "sample_hour" ? " FINAL" : "") + " WHERE " + mine_ + " AND " + condition;
    const core::Table counted =
        ask("SELECT toInt64(count()) AS rows FROM " + table + " WHERE " + mine_ + " AND " + condition);
    expect_room(report::Row(counted).integer("rows"));
    for (;;) {
      Counted rows(into);
      run(what + " AND " + after + " ORDER BY " + order + " LIMIT " + std::to_string(kRowsAtOnce), rows);
      if (rows.count < kRowsAtOnce) return;
      after = beyond(keys, rows.last);
    }
  }

  void run(const std::string& sql, const std::string& into) { run(sql, *copy_.into(into)); }
  void run(const std::string& sql, core::RowSink& into) {
    Counted rows(into);
    asker_.run(sql, rows);
    row_count_ += rows.count;
    expect_room(0);
  }

  /// The columns of `into` that `table` has, too; without those in `but`.
  std::string columns_of(const std::string& into, const std::string& table, const std::vector<std::string>& but = {}) {
    const std::vector<std::string>& there = there_[table];
    std::string columns;
    for (const std::string& column : copy_.columns_of(into)) {
      if (std::ranges::find(there, column) == there.end() || std::ranges::find(but, column) != but.end()) continue;
      columns += (columns.empty() ? "" : ", ") + column;
    }
    if (columns.empty())
      throw DestinationError(Refusal::permanent, asker_.place() + " lacks table " + table +
                                                     ", or does not let this user see it: run `cgroup-memory-manager "
                                                     "fleet init`, or GRANT SELECT on its database");
    return columns;
  }

  void copy_node();
  void copy_ended(const std::string& ended, std::int64_t killed_at_us);
  void scans_told_by(const std::string& samples, core::RowSink& scans);
  void tell_missing(const std::vector<Scans::Missing>& missing);
  void copy_scans(const Part& part);
  void copy_samples(const Part& part);
  void copy_hours(const Part& part);
  void copy_cgroups(const Part& part);
  void copy_reclaims(const std::string& condition);

  store::HistoryCopy finish() { return std::move(copy_); }

 private:
  void expect_room(std::int64_t more) const {
    if (row_count_ + more <= kMostCopiedRows) return;
    throw std::runtime_error("this takes more than " + std::to_string(kMostCopiedRows) + " rows of node \"" +
                             name_.node + "\": ask for less (a later --since, a shorter --window, a narrower glob)");
  }

  static std::string beyond(const std::vector<std::string>& keys, const std::vector<core::Cell>& last) {
    std::string condition = "0";
    for (std::size_t i = keys.size(); i-- > 0;) {
      const std::string value = number(std::get<std::int64_t>(last[i]));
      condition = "(" + keys[i] + " > " + value + " OR (" + keys[i] + " = " + value + " AND " + condition + "))";
    }
    return condition;
  }

  Asker& asker_;
  HistoryName name_;
  std::string mine_;
  std::map<std::string, std::vector<std::string>> there_;  // tables with their columns
  store::HistoryCopy copy_;
  std::int64_t row_count_ = 0;
  std::int64_t interval_us_ = kInterval_us;
};

void Copier::copy_node() {
  constexpr const char* kTold[] = {"kernel",      "version",      "page_size_bytes", "hierarchy",
                                   "interval_us", "memory_bytes", "kernel_log"};
  std::string columns;
  const std::vector<std::string>& there = there_["node"];
  for (const char* const key : kTold) {
    if (std::ranges::find(there, key) != there.end()) columns += (columns.empty() ? "" : ", ") + std::string(key);
  }
  const core::Table told = ask("SELECT " + columns + " FROM node FINAL WHERE " + mine_);
  const auto node = copy_.into("node");
  node->begin({"key", "value"});
  node->add({"node", name_.node});
  node->add({"history_id", name_.history_id});
  for (std::size_t i = 0; !told.rows.empty() && i < told.columns.size(); ++i) {
    const core::Cell& value = told.rows[0][i];
    if (!std::holds_alternative<std::monostate>(value)) node->add({told.columns[i], value});
    if (told.columns[i] == "interval_us" && std::holds_alternative<std::int64_t>(value))
      interval_us_ = std::get<std::int64_t>(value);
  }
}

/// The scans of these samples, as far as those tell of them: real ones take their places.
void Copier::scans_told_by(const std::string& samples, core::RowSink& scans) {
  Named by_samples(scans, {"scan_id", "started_at_us", "is_partial", "cgroup_count", "duration_us", "error_count",
                           "late_us", "interval_us"});
  run("SELECT scan_id, min(at_us), if(min(is_whole) = 1, NULL, toInt64(1)), toInt64(uniqExact(cgroup_id)), toInt64(0), "
      "toInt64(0), toInt64(0), " +
          number(interval_us_) + " FROM " + samples + " GROUP BY scan_id",
      by_samples);
}

/// Those of whole hours around the window, and those next to them.
void Copier::copy_scans(const Part& part) {
  const std::int64_t from_us = begin_of_hour(part.since_us), to_us = end_of_hour(part.until_us);
  const auto into = copy_.into("scan");
  Scans scans(*into);
  scans_told_by("sample WHERE " + mine_ + " AND " + part.sampled + " AND " +
                    within("at_us", std::max(from_us, part.sampled_from_us), to_us),
                scans);
  many_rows_of("scan", {"scan_id"}, within("started_at_us", from_us, to_us), scans);
  const std::string one = "SELECT " + columns_of("scan", "scan") + " FROM scan WHERE " + mine_;
  const std::string whole = " AND ifNull(is_partial, 0) <> 1";
  const std::string before = " AND started_at_us < " + number(from_us),
                    after = " AND started_at_us >= " + number(to_us);
  for (const std::string& next :
       {before + " ORDER BY started_at_us DESC", before + whole + " ORDER BY started_at_us DESC",
        after + " ORDER BY started_at_us", after + whole + " ORDER BY started_at_us"})
    run(one + next + " LIMIT 1", scans);
  tell_missing(scans.missing());
  for (const char* const end : {" ORDER BY started_at_us LIMIT 1", " ORDER BY started_at_us DESC LIMIT 1"})
    run(one + end, *into);
}

/// Why there may be a gap where the node has none: `ship` sends them later, or retention took them before.
void Copier::tell_missing(const std::vector<Scans::Missing>& missing) {
  const auto events = copy_.into("service_event");
  events->begin({"service_event_id", "at_us", "kind", "detail"});
  std::int64_t id = 0;
  for (const Scans::Missing& one : missing)
    events->add({--id, one.until_us, "fault_begin",
                 "ClickHouse does not have " + base::counted(one.count, "scan") + " of that time"});
}

void Copier::copy_samples(const Part& part) {
  const std::int64_t from_us = std::max(part.since_us, part.sampled_from_us);
  const auto samples = copy_.into("sample");
  Named one_of_each_scan(*samples, {"scan_id", "cgroup_id"});
  run("SELECT scan_id, min(cgroup_id) FROM sample WHERE " + mine_ + " AND " +
          within("at_us", begin_of_hour(from_us), end_of_hour(part.until_us)) + " GROUP BY scan_id",
      one_of_each_scan);
  many_rows_of("sample", {"cgroup_id", "scan_id"}, within("at_us", from_us, part.until_us) + " AND " + part.sampled);
}

/// Of each hour at least how many scans are in its averages.
void Copier::copy_hours(const Part& part) {
  const std::string in_window = within("hour_at_us", part.since_us - kHour_us + 1, part.until_us);
  const auto hours = copy_.into("sample_hour");
  Named longest(*hours, {"hour_at_us", "cgroup_id", "sample_count"});
  run("SELECT hour_at_us, argMax(cgroup_id, sample_count), max(sample_count) FROM sample_hour WHERE " + mine_ +
          " AND " + in_window + " GROUP BY hour_at_us",
      longest);
  many_rows_of("sample_hour", {"cgroup_id", "hour_at_us"}, in_window + " AND " + part.sampled);
}

void Copier::copy_cgroups(const Part& part) {
  rows_of("cgroup", part.cgroups);
  rows_of("cgroup_limit", ids_of_cgroups(part.cgroups));
}

/// The last sample of each of these cgroups.
void Copier::copy_ended(const std::string& ended, std::int64_t killed_at_us) {
  const std::string last = "(SELECT * FROM sample WHERE " + mine_ + " AND " +
                           within("at_us", killed_at_us - kEndedBefore_us - kHour_us, killed_at_us + 1) + " AND " +
                           ids_of_cgroups(ended) + " ORDER BY at_us DESC LIMIT 1 BY cgroup_id)";
  scans_told_by(last, *copy_.into("scan"));
  run("SELECT " + columns_of("sample", "sample") + " FROM " + last, "sample");
}

void Copier::copy_reclaims(const std::string& condition) {
  rows_of("reclaim", condition);
  rows_of("reclaim", "reclaim_effect", condition + " AND isNotNull(verdict)");
}

std::string lived_in(std::int64_t since_us, std::int64_t until_us) {  // an hour to spare, as the reports have it
  return "(first_seen_at_us < " + number(until_us + kHour_us) +
         " AND (isNull(vanished_at_us) OR vanished_at_us >= " + number(since_us - kHour_us) + "))";
}

/// As reports/history.sql has it.
std::string matching(const std::string& cgroup_glob) {
  const std::string pattern = literal(pattern_of(cgroup_glob));
  return "(match(path, " + pattern + ") OR match(name, " + pattern + ") OR match(ifNull(workload, ''), " + pattern +
         "))";
}

std::string of_kills(const std::string& mine, const std::string& condition) {
  return "cgroup_id GLOBAL IN (SELECT assumeNotNull(cgroup_id) FROM oom_kill WHERE " + mine +
         " AND isNotNull(cgroup_id) AND " + condition + ")";
}

/// Cgroups below the one whose limit was hit that had ended not long before. "": its path is not known.
std::string ended_below(const report::Row& kill) {
  const std::string holder = kill.text("limit_path");
  if (holder.empty()) return "";
  const std::string below = holder == "/" ? holder : holder + "/";
  const std::int64_t killed_at_us = kill.integer("killed_at_us");
  return "(substring(path, 1, " + std::to_string(below.size()) + ") = " + literal(below) + " AND " +
         within("vanished_at_us", killed_at_us - kEndedBefore_us, killed_at_us + 1) + ")";
}

store::HistoryCopy copy_of_kill(Copier& copier, std::int64_t id, std::int64_t window_us) {
  const std::string is_it = "oom_kill_id = " + number(id);
  const core::Table row = copier.ask(
      "SELECT killed_at_us, ifNull(limit_path, '') AS limit_path, revision FROM (SELECT * FROM "
      "oom_kill FINAL WHERE " +
      copier.mine() + " AND " + is_it + ")");
  if (row.rows.empty()) throw std::runtime_error("this OOM kill is not there any more");
  const report::Row kill(row);
  const std::int64_t killed_at_us = kill.integer("killed_at_us");
  const std::int64_t begin_us = killed_at_us - std::max(window_us, kAtLeast_us);
  Part part{.since_us = begin_us,
            .until_us = killed_at_us + kAfter_us + 1,
            .sampled_from_us = begin_us,
            .cgroups = {},
            .sampled = "1"};
  const std::string ended = ended_below(kill);
  part.cgroups = "(" + lived_in(part.since_us, part.until_us) + " OR " + of_kills(copier.mine(), "1") +
                 (ended.empty() ? "" : " OR path = " + literal(kill.text("limit_path")) + " OR " + ended) + ")";
  copier.copy_node();
  if (!ended.empty()) copier.copy_ended(ended, killed_at_us);
  copier.copy_scans(part);
  copier.copy_samples(part);
  copier.copy_hours(part);
  copier.copy_cgroups(part);
  copier.rows_of("oom_kill", "kill_count > 0");
  const std::string of_it = is_it + " AND revision = " + std::to_string(kill.integer("revision"));
  copier.rows_of("oom_process", of_it);
  copier.rows_of("oom_node", of_it);
  copier.copy_reclaims(within("started_at_us", part.since_us, part.until_us));
  copier.rows_of("service_event", "1");
  return copier.finish();
}

store::HistoryCopy copy_of_stuck(Copier& copier, std::int64_t id, std::int64_t window_us) {
  const std::string is_it = "stuck_id = " + number(id);
  const core::Table row =
      copier.ask("SELECT began_at_us, cgroup_id FROM stuck FINAL WHERE " + copier.mine() + " AND " + is_it);
  if (row.rows.empty()) throw std::runtime_error("this incident is not there any more");
  const std::int64_t began_at_us = report::Row(row).integer("began_at_us");
  const std::string of_it = "cgroup_id = " + number(report::Row(row).integer("cgroup_id"));
  const Part part{.since_us = began_at_us - window_us,
                  .until_us = began_at_us + window_us + 1,
                  .sampled_from_us = began_at_us - window_us,
                  .cgroups = of_it,
                  .sampled = of_it};
  copier.copy_node();
  copier.copy_scans(part);
  copier.copy_samples(part);
  copier.copy_cgroups(part);
  copier.rows_of("stuck", is_it);
  return copier.finish();
}

/// The first of each workload, and the first of it that ended: reports/part_restart.sql asks for both.
void copy_first_cgroups(Copier& copier, const std::string& shown) {
  const std::string from =
      "SELECT " + copier.columns_of("cgroup", "cgroup") + " FROM cgroup FINAL WHERE " + copier.mine();
  const std::string of_same =
      " AND ifNull(workload, path) GLOBAL IN (SELECT ifNull(workload, path) FROM cgroup WHERE " + copier.mine() +
      " AND " + shown + ")";
  copier.run(from + " ORDER BY first_seen_at_us, cgroup_id LIMIT 1", "cgroup");
  copier.run(from + of_same + " ORDER BY first_seen_at_us, cgroup_id LIMIT 1 BY ifNull(workload, path)", "cgroup");
  copier.run(
      from + of_same +
          " AND isNotNull(vanished_at_us) AND ifNull(vanished_by, '') <> 'hidden' ORDER BY vanished_at_us LIMIT 1 BY "
          "ifNull(workload, path)",
      "cgroup");
}

}  // namespace

store::HistoryCopy copy_for_incident(Asker& asker, const HistoryName& name, const IncidentNumber& incident,
                                     std::int64_t window_us) {
  Copier copier(asker, name);
  return incident.is_stuck ? copy_of_stuck(copier, incident.number, window_us)
                           : copy_of_kill(copier, incident.number, window_us);
}

store::HistoryCopy copy_for_history(Asker& asker, const HistoryName& name, std::int64_t since_us, std::int64_t until_us,
                                    const std::string& cgroup_glob) {
  Copier copier(asker, name);
  const std::string shown = "(" + lived_in(since_us, until_us) + " AND " + matching(cgroup_glob) + ")";
  const std::string killed = "kill_count > 0 AND " + within("killed_at_us", since_us, until_us);
  const Part part{.since_us = since_us,
                  .until_us = until_us,
                  .sampled_from_us = begin_of_hour(until_us - kMostSampled_us),
                  .cgroups = "(" + shown + " OR " + of_kills(copier.mine(), killed) + ")",
                  .sampled = copier.ids_of_cgroups(shown)};
  copier.copy_node();
  copier.copy_scans(part);
  copier.copy_samples(part);
  copier.copy_hours(part);
  copy_first_cgroups(copier, shown);
  copier.copy_cgroups(part);
  copier.rows_of("oom_kill", killed);
  copier.copy_reclaims(within("started_at_us", since_us, until_us) + " AND " + part.sampled);
  copier.rows_of("service_event", "1");
  return copier.finish();
}

}  // namespace cgmm::fleet
