// SPDX-License-Identifier: Apache-2.0
#include "store/write/why_killed.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "core/container.hpp"
#include "core/oom_cause.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kLookBack_us = 30 * base::kMinute_us;
constexpr int kMaxSamples = 4000;  // more than half an hour, one per second

constexpr std::int64_t kSandbox_kib = 1024;  // a pod's sandbox holds less

/// Whether the limit of its pod, which was hit, is as good as the container's own: it has none that is smaller, or it
/// is alone in the pod. Not if other containers held half of the limit in the last scan of all before the kill.
bool is_as_its_own(Statements& sql, std::int64_t oom_kill_id) {
  Use row = sql.use(
      "WITH kill AS (SELECT k.cgroup_id, k.killed_at_us, k.limit_path, k.limit_bytes, "
      "    (SELECT max(started_at_us) FROM scan WHERE started_at_us < k.killed_at_us AND is_partial IS NOT 1) AS at_us "
      "  FROM oom_kill k WHERE k.oom_kill_id = ?1), "
      "seen AS (SELECT s.usage_kib, c.cgroup_id IS NOT kill.cgroup_id AND c.kind = 'container' AND s.usage_kib > ?2 "
      // One that has been killed since is the one that this one replaces.
      "    AND NOT EXISTS (SELECT 1 FROM oom_kill o WHERE o.cgroup_id = c.cgroup_id "
      "      AND o.killed_at_us BETWEEN kill.at_us AND kill.killed_at_us) AS is_other "
      "  FROM kill CROSS JOIN scan sc CROSS JOIN cgroup c CROSS JOIN sample s "
      "  WHERE sc.started_at_us = kill.at_us AND sc.is_partial IS NOT 1 "
      "  AND (c.path = kill.limit_path OR (c.path > kill.limit_path || '/' AND c.path < kill.limit_path || '0')) "
      "  AND s.scan_id = sc.scan_id AND s.cgroup_id = c.cgroup_id), "
      "own AS (SELECT l.limit_bytes FROM kill JOIN cgroup_limit l USING (cgroup_id) "
      "  WHERE l.changed_at_us <= kill.killed_at_us ORDER BY l.changed_at_us DESC LIMIT 1) "
      "SELECT kill.limit_path, EXISTS (SELECT 1 FROM own WHERE limit_bytes IS NULL OR limit_bytes >= "
      "kill.limit_bytes), "
      "  (SELECT count(*) FROM seen), (SELECT count(*) FROM seen WHERE is_other), "
      "  (SELECT ifnull(sum(usage_kib), 0) FROM seen WHERE is_other) * 2048 >= kill.limit_bytes FROM kill",
      oom_kill_id, kSandbox_kib);
  if (!row.step() || !core::is_pod(row.text(0))) return false;
  const bool has_no_smaller = row.integer(1) != 0;
  const bool is_alone = row.integer(2) > 0 && row.integer(3) == 0;
  return (has_no_smaller || is_alone) && row.integer(4) == 0;
}

/// What was told of the kill, and the history of the cgroup.
core::OomEvidence evidence_of(Statements& sql, std::int64_t oom_kill_id) {
  core::OomEvidence evidence;
  using enum core::Gauge;
  if (Use kill = sql.use(
          "SELECT k.killed_at_us, coalesce(k.finer_scope, k.scope), length(CAST(k.limit_path AS BLOB)) "
          "  - ifnull(length(CAST(coalesce(c.path, k.victim_path) AS BLOB)), 0), c.first_seen_at_us, "
          "(SELECT effective_limit_bytes FROM cgroup_limit l WHERE l.cgroup_id = k.cgroup_id "
          "  AND l.changed_at_us <= k.killed_at_us ORDER BY l.changed_at_us DESC LIMIT 1), "
          "(SELECT CAST(total(o.kill_count) AS INTEGER) FROM cgroup other JOIN oom_kill o ON o.cgroup_id = "
          "other.cgroup_id "
          "  WHERE other.workload = c.workload AND other.cgroup_id <> c.cgroup_id "
          "  AND o.killed_at_us BETWEEN k.killed_at_us - ?2 AND k.killed_at_us "
          "  AND o.killed_at_us - other.first_seen_at_us < ?3), "
          "k.measured_by IS 'kernel_log', k.limit_bytes, k.usage_bytes, k.anon_bytes, "
          "k.cache_bytes + ifnull(k.shmem_bytes, 0), k.shmem_bytes, k.dirty_bytes, k.kernel_bytes, k.swap_bytes, "
          "k.slab_reclaimable_bytes "
          "FROM oom_kill k LEFT JOIN cgroup c USING (cgroup_id) WHERE k.oom_kill_id = ?1",
          oom_kill_id, base::kDay_us, core::kEarly_us);
      kill.step()) {
    evidence.killed_at_us = kill.integer(0);
    evidence.scope = core::oom_scope_of(kill.text(1));
    evidence.limit_is_above = kill.integer(2) < 0;  // a longer path is below a shorter one
    evidence.limit_is_below = kill.integer(2) > 0;
    evidence.is_as_its_own = evidence.limit_is_above && is_as_its_own(sql, oom_kill_id);
    evidence.first_seen_at_us = kill.number(3);
    evidence.limit_bytes = kill.amount(4);
    evidence.early_kill_count = kill.integer(5);
    if (kill.integer(6) != 0) {
      core::MemoryAtKill& memory = evidence.at_kill.emplace();
      memory.limit_bytes = kill.amount(7);
      int column = 8;
      for (const auto gauge : {usage, anon, file, shmem, dirty, kernel, swap, slab_reclaimable})
        memory.gauges.set(gauge, kill.amount(column++));
    }
  }
  // A sample is found by its key, scan by scan. The newest first, so that the limit drops the oldest. That of the scan
  // in which a counter rose is from after the kill.
  Use row = sql.use(
      "SELECT sc.started_at_us, s.usage_kib, s.anon_kib, s.file_kib, s.shmem_kib, s.dirty_kib, s.kernel_kib, "
      "s.swap_kib, s.slab_reclaimable_kib, s.inactive_file_kib, s.active_file_kib, s.shmem_unknown FROM oom_kill k "
      "CROSS JOIN scan sc "
      "CROSS JOIN sample s WHERE k.oom_kill_id = ?1 "
      "AND sc.started_at_us BETWEEN k.killed_at_us - ?2 AND k.killed_at_us - (k.source = 'counter') "
      "AND s.scan_id = sc.scan_id AND s.cgroup_id = k.cgroup_id ORDER BY sc.started_at_us DESC LIMIT ?3",
      oom_kill_id, kLookBack_us, std::int64_t{kMaxSamples});
  while (row.step()) {
    core::MemoryBefore& before = evidence.before.emplace_back();
    before.at_us = row.integer(0);
    int column = 1;
    for (const auto gauge :
         {usage, anon, file, shmem, dirty, kernel, swap, slab_reclaimable, inactive_file, active_file}) {
      if (const auto kib = row.amount(column++)) before.gauges.set(gauge, *kib * 1024);
    }
    if (row.number(column)) before.gauges.set_no_number(shmem);
  }
  std::ranges::reverse(evidence.before);
  return evidence;
}

}  // namespace

void bind_memory(Use& row, const core::MemoryAtKill& memory) {
  const core::Gauges& gauges = memory.gauges;
  row.bind(memory.limit_bytes);
  using enum core::Gauge;
  for (const auto gauge : {usage, anon, shmem, kernel}) row.bind(gauges[gauge]);
  row.bind(gauges.has(file) ? std::optional(core::reclaimable_cache_bytes(gauges)) : std::nullopt);
  for (const auto gauge : {dirty, swap, slab_reclaimable}) row.bind(gauges[gauge]);
}

void explain_kill(Statements& sql, std::int64_t oom_kill_id) {
  const core::OomExplanation why = core::explain(evidence_of(sql, oom_kill_id));
  {
    static const std::string kWhy =
        "UPDATE oom_kill SET cause = nullif(?2, ''), measured_by = nullif(?, ''), measured_at_us = ?, "
        "grew_from_at_us = ?, grew_from_bytes = ?, grew_to_bytes = ?, " +
        std::string(kSetMemory) + " WHERE oom_kill_id = ?1";
    Use row = sql.use(kWhy, oom_kill_id, why.cause ? to_string(*why.cause) : "",
                      std::string_view(!why.measured_at_us ? ""
                                       : why.from_log      ? "kernel_log"
                                                           : "sample"),
                      why.measured_at_us);
    const auto& growth = why.growth;
    row.bind(growth ? std::optional(growth->from_at_us) : std::nullopt);
    row.bind(growth ? std::optional(growth->from_bytes) : std::nullopt);
    row.bind(growth ? std::optional(growth->to_bytes) : std::nullopt);
    bind_memory(row, {.gauges = why.gauges, .limit_bytes = why.limit_bytes});
    row.step();
  }
  sql.execute(
      "UPDATE oom_kill AS this SET keeps_samples = NOT EXISTS (SELECT 1 FROM oom_kill o "
      "  LEFT JOIN cgroup c USING (cgroup_id) WHERE o.keeps_samples = 1 AND o.oom_kill_id <> this.oom_kill_id "
      "  AND o.killed_at_us BETWEEN this.killed_at_us - 86400000000 AND this.killed_at_us + 86400000000 "
      "  AND (o.cgroup_id IS this.cgroup_id OR c.workload = (SELECT workload FROM cgroup own "
      "    WHERE own.cgroup_id = this.cgroup_id))) "
      "WHERE oom_kill_id = ?1 AND (cgroup_id IS NOT NULL OR scope = 'node')",
      oom_kill_id);
}

}  // namespace cgmm::store
