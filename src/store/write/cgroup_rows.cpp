// SPDX-License-Identifier: Apache-2.0
#include "store/write/cgroup_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>

#include "store/statement.hpp"

namespace cgmm::store {

CgroupRows::CgroupRows(SQLite::Database& database)
    : database_(database),
      find_(database, "SELECT cgroup_id, oom_kills_total FROM cgroup WHERE path = ?1 AND inode = ?2"),
      add_(database,
           "INSERT INTO cgroup (runtime, container_id, pod_uid, qos_class, workload, "
           "path, inode, first_seen_at_us, last_seen_at_us) "
           "VALUES (nullif(?1, ''), nullif(?2, ''), nullif(?3, ''), nullif(?4, ''), nullif(?5, ''), ?6, ?7, ?8, ?8)"),
      // A row made for a reclaim has no identity yet.
      reappear_(database,
                "UPDATE cgroup SET vanished_at_us = NULL, "
                "runtime = coalesce(runtime, nullif(?1, '')), "
                "container_id = coalesce(container_id, nullif(?2, '')), "
                "pod_uid = coalesce(pod_uid, nullif(?3, '')), "
                "qos_class = coalesce(qos_class, nullif(?4, '')), "
                "workload = coalesce(workload, nullif(?5, '')) "
                "WHERE cgroup_id = ?6"),
      store_names_(database,
                   "UPDATE cgroup SET namespace = nullif(?3, ''), pod = nullif(?4, ''), "
                   "container = coalesce(nullif(?5, ''), container), "
                   "workload = CASE WHEN ?5 = '' AND container IS NOT NULL THEN workload ELSE nullif(?6, '') END "
                   "WHERE path = ?1 AND inode = ?2"),
      vanish_(database,
              "UPDATE cgroup SET vanished_at_us = ?2, last_seen_at_us = max(last_seen_at_us, ?3) "
              "WHERE cgroup_id = ?1"),
      latest_limits_(database,
                     "SELECT limit_bytes, effective_limit_bytes, high_bytes FROM cgroup_limit WHERE cgroup_id = ?1 "
                     "ORDER BY changed_at_us DESC LIMIT 1"),
      store_limits_(database,
                    "INSERT OR REPLACE INTO cgroup_limit "
                    "(cgroup_id, changed_at_us, limit_bytes, effective_limit_bytes, high_bytes) "
                    "VALUES (?1, ?2, ?3, ?4, ?5)"),
      store_oom_kills_total_(database, "UPDATE cgroup SET oom_kills_total = ?2 WHERE cgroup_id = ?1") {}

std::int64_t CgroupRows::id_of(const core::CgroupId& id, std::int64_t seen_at_us) {
  Use found(find_, id.path, inode_to_sql(id.inode));
  if (found.step()) return found.integer(0);
  return add({.id = id}, "", seen_at_us);
}

std::int64_t CgroupRows::add(const core::AppearedCgroup& cgroup, const std::string& workload, std::int64_t at_us) {
  const auto& told = cgroup.container;
  execute(add_, told.runtime, told.container_id, told.pod_uid, told.qos_class, workload, cgroup.id.path,
          inode_to_sql(cgroup.id.inode), at_us);
  return database_.getLastInsertRowid();
}

std::int64_t CgroupRows::add_unseen(const core::AppearedCgroup& cgroup, std::int64_t at_us) {
  const std::int64_t cgroup_id = appear(cgroup, at_us).cgroup_id;
  execute(vanish_, cgroup_id, at_us, at_us);
  return cgroup_id;
}

void CgroupRows::store_names(const core::NamedCgroup& named) {
  const core::ContainerNames& names = named.names;
  execute(store_names_, named.id.path, inode_to_sql(named.id.inode), names.pod_namespace, names.pod, names.container,
          core::workload_of(names, named.container, named.id.path));
}

void CgroupRows::follow(const core::Scan& scan, std::int64_t previous_scan_at_us) {
  if (scan.announces_all || !scan.appeared.empty() || !scan.vanished.empty())
    order_.holds = partial_order_.holds = false;
  if (scan.announces_all) vanish_unless_announced(scan, previous_scan_at_us);
  // Twice, because one that vanished may be back under another key, and one that appeared gone again.
  for (const auto key : scan.vanished) vanish(key, scan.started_at_us, previous_scan_at_us);
  // In the order of their paths, as the index has them: else each would touch a page of its own.
  std::vector<const core::AppearedCgroup*> appeared;
  appeared.reserve(scan.appeared.size());
  for (const auto& cgroup : scan.appeared) appeared.push_back(&cgroup);
  std::ranges::stable_sort(appeared, {}, [](const auto* cgroup) -> const std::string& { return cgroup->id.path; });
  for (const auto* cgroup : appeared) remember(cgroup->key, appear(*cgroup, scan.started_at_us));
  for (const auto key : scan.vanished) vanish(key, scan.started_at_us, previous_scan_at_us);
}

CgroupRows::Known CgroupRows::appear(const core::AppearedCgroup& cgroup, std::int64_t at_us) {
  const auto& told = cgroup.container;
  const std::string workload = core::workload_of({}, told, cgroup.id.path);
  Known known;
  if (Use found(find_, cgroup.id.path, inode_to_sql(cgroup.id.inode)); found.step()) {
    known = {.cgroup_id = found.integer(0), .oom_kills_total = found.amount(1)};
  }
  if (known.cgroup_id == 0) return {.cgroup_id = add(cgroup, workload, at_us), .oom_kills_total = {}};
  execute(reappear_, told.runtime, told.container_id, told.pod_uid, told.qos_class, workload, known.cgroup_id);
  return known;
}

void CgroupRows::vanish(core::CgroupKey key, std::int64_t at_us, std::int64_t previous_scan_at_us) {
  const auto found = known_.find(key);
  if (found == known_.end()) return;  // it came and went within scans that were dropped
  execute(vanish_, found->second.cgroup_id, at_us, previous_scan_at_us);
  remember(key, std::nullopt);
}

void CgroupRows::vanish_unless_announced(const core::Scan& scan, std::int64_t previous_scan_at_us) {
  std::vector<core::CgroupKey> announced;
  announced.reserve(scan.appeared.size());
  for (const auto& cgroup : scan.appeared) announced.push_back(cgroup.key);
  std::sort(announced.begin(), announced.end());
  std::vector<core::CgroupKey> gone;
  for (const auto& entry : known_) {
    if (!std::binary_search(announced.begin(), announced.end(), entry.first)) gone.push_back(entry.first);
  }
  for (const auto key : gone) vanish(key, scan.started_at_us, previous_scan_at_us);
}

void CgroupRows::store_limits(std::span<const core::LimitChange> limits, std::int64_t changed_at_us) {
  for (const auto& change : limits) {
    const std::int64_t cgroup_id = id_of(change.key);
    if (latest_limits(cgroup_id) == change.limits) continue;
    execute(store_limits_, cgroup_id, changed_at_us, change.limits.limit_bytes, change.limits.effective_limit_bytes,
            change.limits.high_bytes);
  }
}

std::optional<core::Limits> CgroupRows::latest_limits(std::int64_t cgroup_id) {
  Use row(latest_limits_, cgroup_id);
  if (!row.step()) return std::nullopt;
  return core::Limits{
      .limit_bytes = row.amount(0), .effective_limit_bytes = row.amount(1), .high_bytes = row.amount(2)};
}

bool CgroupRows::Order::is_of(const std::vector<core::ScanRow>& rows) const {
  return holds && places.size() == rows.size() &&
         std::ranges::all_of(places, [&](const Place& place) { return rows[place.index].key == place.key; });
}

std::span<const Place> CgroupRows::place(const core::Scan& scan) {
  Order& order = scan.is_partial ? partial_order_ : order_;
  const bool is_as_before = order.is_of(scan.rows);
  if (!is_as_before) {
    order.holds = false;
    order.places.clear();
    order.places.reserve(scan.rows.size());
    for (std::size_t i = 0; i < scan.rows.size(); ++i) {
      order.places.push_back({id_of(scan.rows[i].key), scan.rows[i].key, static_cast<std::uint32_t>(i)});
    }
    std::ranges::sort(order.places, {}, &Place::cgroup_id);
    order.holds = true;
  }
  for (const core::ScanRow& row : scan.rows) {
    // Without a kill since its last sample it is what was stored with that one, whoever has changed or not.
    const bool may_have_moved = !is_as_before || row.increases.value_or(core::Counter::oom_kills, 1) != 0;
    if (row.oom_kills_total && may_have_moved) store_oom_kills_total(row.key, row.oom_kills_total);
  }
  return order.places;
}

void CgroupRows::store_oom_kills_total(core::CgroupKey key, std::optional<std::uint64_t> total) {
  const Known& before = known(key);
  if (before.oom_kills_total == total) return;
  Known now = before;
  now.oom_kills_total = total;
  execute(store_oom_kills_total_, now.cgroup_id, total);
  remember(key, now);
}

const CgroupRows::Known& CgroupRows::known(core::CgroupKey key) const {
  const auto found = known_.find(key);
  if (found == known_.end()) {
    throw std::logic_error("a scan speaks of cgroup key " + std::to_string(key) + ", which was never announced");
  }
  return found->second;
}

void CgroupRows::remember(core::CgroupKey key, std::optional<Known> now) {
  const auto found = known_.find(key);
  undo_.emplace_back(key, found == known_.end() ? std::nullopt : std::optional(found->second));
  if (now) {
    known_.insert_or_assign(key, *now);
  } else {
    known_.erase(key);
  }
}

void CgroupRows::keep() {
  constexpr std::size_t kKeptCapacity = 256;  // all of a node's cgroups appear at once, and rarely
  undo_.clear();
  if (undo_.capacity() > kKeptCapacity) undo_.shrink_to_fit();
}

void CgroupRows::undo() {
  order_.holds = partial_order_.holds = false;
  for (auto entry = undo_.rbegin(); entry != undo_.rend(); ++entry) {
    if (entry->second) {
      known_.insert_or_assign(entry->first, *entry->second);
    } else {
      known_.erase(entry->first);
    }
  }
  undo_.clear();
}

}  // namespace cgmm::store
