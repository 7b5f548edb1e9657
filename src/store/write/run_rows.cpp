// SPDX-License-Identifier: Apache-2.0
#include "store/write/run_rows.hpp"

#include <algorithm>

#include "base/time.hpp"
#include "base/units.hpp"

namespace cgmm::store {
namespace {

/// What a cgroup that is gone leaves in memory at a start is bounded by this.
constexpr std::int64_t kHandoverAge_us = base::kDay_us;

constexpr std::int64_t kMostStrikes = 1000;

/// Of a number that a copied file may hold: the policy computes with it.
std::int64_t possible(std::int64_t value) { return std::clamp<std::int64_t>(value, 0, std::int64_t{1} << 58); }

}  // namespace

core::Handover read_handover(Statements& sql, std::int64_t now_us) {
  core::Handover result;
  for (Use row = sql.use("SELECT path, inode, last_reclaim_at_us, until_us, strikes, dose_pct "
                         "FROM cooldown JOIN cgroup USING (cgroup_id) "
                         "WHERE vanished_at_us IS NULL OR vanished_at_us > ?1 OR until_us > ?2",
                         now_us - kHandoverAge_us, now_us);
       row.step();) {
    result.cooldowns[{row.text(0), inode_from_sql(row.integer(1))}] = {
        .last_reclaim_at_us = possible(row.integer(2)),
        .until_us = possible(row.integer(3)),
        .strikes = std::min(possible(row.integer(4)), kMostStrikes),
        .dose_pct = std::clamp(row.number(5).value_or(core::kFirstDose_pct), core::kLeastDose_pct, std::int64_t{100})};
  }
  if (Use row = sql.use("SELECT boot_id, sequence FROM kernel_log"); row.step()) {
    result.log_position = {.boot_id = row.text(0), .sequence = static_cast<std::uint64_t>(row.integer(1))};
  }
  if (Use row = sql.use("SELECT value FROM node WHERE key = 'containers_seen_below'"); row.step()) {
    result.containers_seen_below = row.text(0);
  }
  result.is_first_run =
      sql.number("SELECT NOT EXISTS (SELECT 1 FROM service_event) AND NOT EXISTS (SELECT 1 FROM scan)") == 1;
  return result;
}

std::string end_last_run(Statements& sql, std::int64_t now_us, const std::string& ended_because) {
  sql.execute("UPDATE reclaim SET outcome = 'interrupted' WHERE outcome = 'started'");
  sql.execute("UPDATE reclaim_effect SET ended_by = 'stop' WHERE ended_by IS NULL");
  const std::int64_t scanned_last_at_us =
      sql.number("SELECT started_at_us FROM scan WHERE is_partial IS NOT 1 ORDER BY scan_id DESC LIMIT 1").value_or(0);
  // A scan that sees them again takes it back.
  sql.execute(
      "UPDATE cgroup SET last_seen_at_us = max(last_seen_at_us, ?1), "
      "vanished_at_us = max(last_seen_at_us, ?1), vanished_by = 'stop' WHERE vanished_at_us IS NULL",
      scanned_last_at_us);
  const auto started_at_us = sql.number(
      "SELECT CASE kind WHEN 'start' THEN at_us END FROM service_event WHERE kind IN ('start', 'stop') "
      "ORDER BY service_event_id DESC LIMIT 1");
  if (!started_at_us) return "";
  if (!ended_because.empty()) {
    record(sql, core::ServiceEvent{.at_us = now_us, .kind = "stop", .detail = ended_because});
    return "";
  }
  const std::string last_scan = scanned_last_at_us < *started_at_us
                                    ? "it recorded no scan"
                                    : "its last scan was at " + base::format_utc(scanned_last_at_us);
  std::string crash = "the run started at " + base::format_utc(*started_at_us) + " did not stop in order; " + last_scan;
  record(sql, core::ServiceEvent{.at_us = now_us, .kind = "crash_found", .detail = crash});
  return crash;
}

void record(Statements& sql, const core::ServiceEvent& event) {
  sql.execute("INSERT INTO service_event (at_us, kind, detail, fault) VALUES (?, ?, nullif(?, ''), nullif(?, ''))",
              event.at_us, event.kind, event.detail, event.fault);
}

void record(Statements& sql, const core::NodeFacts& node) {
  if (const auto boot = node.facts.find("boot_id"); boot != node.facts.end()) {
    sql.execute(
        "UPDATE cgroup SET oom_kills_total = NULL WHERE oom_kills_total IS NOT NULL "
        "AND EXISTS (SELECT 1 FROM node WHERE key = 'boot_id' AND value <> ?1)",
        std::get<std::string>(boot->second));
  }
  // containers_seen_below: only a newer one replaces it.
  sql.execute("DELETE FROM node WHERE key NOT IN ('containers_seen_below', 'history_id')");
  for (const auto& [key, value] : node.facts) {
    std::visit(
        [&](const auto& cell) { sql.execute("INSERT OR REPLACE INTO node (key, value) VALUES (?, ?)", key, cell); },
        value);
  }
}

}  // namespace cgmm::store
