// SPDX-License-Identifier: Apache-2.0
#include "store/write/reclaim_rows.hpp"

#include <string>

namespace cgmm::store {

void ReclaimRows::record(const core::Reclaim& reclaim) {
  const std::int64_t cgroup_id = cgroups_.id_of(reclaim.id, reclaim.started_at_us);
  Use row = sql_.use(
      "INSERT OR REPLACE INTO reclaim (reclaim_id, cgroup_id, started_at_us, duration_us, method, "
      "threshold_bytes, requested_bytes, "
      "usage_before_bytes, file_before_bytes, shmem_before_bytes, anon_before_bytes, swap_before_bytes, "
      "usage_after_bytes, file_after_bytes, shmem_after_bytes, anon_after_bytes, swap_after_bytes, "
      "freed_bytes, outcome, error, stopped_by, step_count, psi_some_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), nullif(?, 0), ?)",
      reclaims_before_ + reclaim.reclaim_id, cgroup_id, reclaim.started_at_us, reclaim.duration_us,
      to_string(reclaim.method), to_sql(reclaim.threshold_bytes), reclaim.requested_bytes);
  const core::Gauges none;
  for (const auto* gauges : {&reclaim.before, reclaim.after ? &*reclaim.after : &none}) {
    using enum core::Gauge;
    for (const auto gauge : {usage, file, shmem, anon, swap}) row.bind((*gauges)[gauge]);
  }
  row.bind(reclaim.freed_bytes);
  row.bind(to_string(reclaim.outcome));
  row.bind(reclaim.error);
  row.bind(reclaim.stopped_by ? to_string(*reclaim.stopped_by) : "");
  row.bind(reclaim.step_count);
  row.bind(reclaim.psi_some_us);
  row.step();
}

void ReclaimRows::record(const core::Effect& effect) {
  sql_.execute(
      "INSERT OR REPLACE INTO reclaim_effect (reclaim_id, observed_for_us, refaulted_bytes, regrown_bytes, "
      "held_byte_seconds, verdict, judged_by, ended_by) VALUES (?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''))",
      reclaims_before_ + effect.reclaim_id, effect.observed_for_us, effect.refaulted_bytes, effect.regrown_bytes,
      effect.held_byte_seconds, to_string(effect.verdict), effect.judged_by ? to_string(*effect.judged_by) : "",
      effect.ended_by ? to_string(*effect.ended_by) : "");
}

void ReclaimRows::record(const core::CgroupCooldown& one) {
  const core::Cooldown& cooldown = one.cooldown;
  sql_.execute(
      "INSERT OR REPLACE INTO cooldown (cgroup_id, last_reclaim_at_us, until_us, strikes, dose_pct) "
      "VALUES (?, ?, ?, ?, ?)",
      cgroups_.id_of(one.id, cooldown.last_reclaim_at_us), cooldown.last_reclaim_at_us, cooldown.until_us,
      cooldown.strikes, cooldown.dose_pct);
}

}  // namespace cgmm::store
