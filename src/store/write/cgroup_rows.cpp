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
  return add(id, {}, "", seen_at_us);
}

std::int64_t CgroupRows::add(const core::CgroupId& id, const core::ContainerIdentity& container,
                             const std::string& workload, std::int64_t at_us) {
  execute(add_, container.runtime, container.container_id, container.pod_uid, container.qos_class, workload, id.path,
          inode_to_sql(id.inode), at_us);
  return database_.getLastInsertRowid();
}

std::int64_t CgroupRows::add_unseen(const core::CgroupId& id, const core::ContainerIdentity& container,
                                    std::int64_t at_us) {
  const std::int64_t cgroup_id = appear(id, container, at_us).cgroup_id;
  execute(vanish_, cgroup_id, at_us, at_us);
  return cgroup_id;
}

void CgroupRows::store_names(const core::NamedCgroup& named) {
  const core::ContainerNames& names = named.names;
  execute(store_names_, named.id.path, inode_to_sql(named.id.inode), names.pod_namespace, names.pod, names.container,
          core::workload_of(names, named.container, named.id.path));
}

std::span<const Place> CgroupRows::follow(const core::Scan& scan, std::int64_t previous_scan_at_us) {
  Order& order = scan.is_partial ? partial_order_ : order_;
  const bool is_as_before = order.is_of(scan.rows);
  if (!is_as_before && std::ranges::find(scan.rows, nullptr, &core::ScanRow::cgroup) != scan.rows.end()) {
    throw std::logic_error("a scan has a row without a cgroup");
  }
  // First, because one that is gone may be back under another key.
  if (!scan.is_partial && !(is_as_before && known_.size() == scan.rows.size())) end_missing(scan, previous_scan_at_us);
  if (!is_as_before) put_on_record(scan);
  bool lacks_totals = false;
  for (const core::ScanRow& row : scan.rows) {
    // Without a kill since its last sample it is what was stored with that one, whoever has changed or not.
    const bool may_have_moved =
        !is_as_before || lacked_totals_ || row.increases.value_or(core::Counter::oom_kills, 1) != 0;
    if (row.oom_kills_total && may_have_moved) store_oom_kills_total(row);
    lacks_totals = lacks_totals || !row.oom_kills_total;
  }
  if (!scan.is_partial) lacked_totals_ = lacks_totals;
  if (is_as_before) return order.places;
  order.places.clear();
  order.places.reserve(scan.rows.size());
  for (std::size_t i = 0; i < scan.rows.size(); ++i) {
    const auto& cgroup = scan.rows[i].cgroup;
    order.places.push_back({known_.at(cgroup->key).cgroup_id, cgroup.get(), static_cast<std::uint32_t>(i)});
  }
  std::ranges::sort(order.places, {}, &Place::cgroup_id);
  order.holds = true;
  return order.places;
}

void CgroupRows::end_missing(const core::Scan& scan, std::int64_t previous_scan_at_us) {
  std::vector<core::CgroupKey> there = scan.unread;
  there.reserve(there.size() + scan.rows.size());
  for (const core::ScanRow& row : scan.rows) there.push_back(row.cgroup->key);
  std::ranges::sort(there);
  std::vector<core::CgroupKey> gone;
  for (const auto& entry : known_) {
    if (!std::ranges::binary_search(there, entry.first)) gone.push_back(entry.first);
  }
  for (const core::CgroupKey key : gone) {
    execute(vanish_, known_.at(key).cgroup_id, scan.started_at_us, previous_scan_at_us);
    remember(key, std::nullopt);
  }
}

/// The cgroups that are not on record yet, and limits that differ from those stored last, also by an earlier run.
void CgroupRows::put_on_record(const core::Scan& scan) {
  std::vector<const core::CgroupRef*> news;
  for (const core::ScanRow& row : scan.rows) {
    const auto found = known_.find(row.cgroup->key);
    if (found == known_.end() || found->second.told != row.cgroup) news.push_back(&row.cgroup);
  }
  // In the order of their paths, as the index has them: else each would touch a page of its own.
  std::ranges::sort(news, {}, [](const auto* cgroup) -> const std::string& { return (*cgroup)->id.path; });
  for (const core::CgroupRef* const ref : news) {
    const core::TrackedCgroup& cgroup = **ref;
    const auto found = known_.find(cgroup.key);
    if (found == known_.end()) appeared_.push_back(*ref);
    Known now = found != known_.end() ? found->second : appear(cgroup.id, cgroup.container(), scan.started_at_us);
    now.told = *ref;
    if (latest_limits(now.cgroup_id) != cgroup.limits) {
      execute(store_limits_, now.cgroup_id, scan.started_at_us, cgroup.limits.limit_bytes,
              cgroup.limits.effective_limit_bytes, cgroup.limits.high_bytes);
    }
    remember(cgroup.key, std::move(now));
  }
}

CgroupRows::Known CgroupRows::appear(const core::CgroupId& id, const core::ContainerIdentity& container,
                                     std::int64_t at_us) {
  const std::string workload = core::workload_of({}, container, id.path);
  Known known;
  if (Use found(find_, id.path, inode_to_sql(id.inode)); found.step()) {
    known = {.cgroup_id = found.integer(0), .oom_kills_total = found.amount(1), .told = nullptr};
  }
  if (known.cgroup_id == 0)
    return {.cgroup_id = add(id, container, workload, at_us), .oom_kills_total = {}, .told = nullptr};
  execute(reappear_, container.runtime, container.container_id, container.pod_uid, container.qos_class, workload,
          known.cgroup_id);
  return known;
}

std::optional<core::Limits> CgroupRows::latest_limits(std::int64_t cgroup_id) {
  Use row(latest_limits_, cgroup_id);
  if (!row.step()) return std::nullopt;
  return core::Limits{
      .limit_bytes = row.amount(0), .effective_limit_bytes = row.amount(1), .high_bytes = row.amount(2)};
}

bool CgroupRows::Order::is_of(const std::vector<core::ScanRow>& rows) const {
  return holds && places.size() == rows.size() && std::ranges::all_of(places, [&](const Place& place) {
           return rows[place.index].cgroup.get() == place.cgroup;
         });
}

void CgroupRows::store_oom_kills_total(const core::ScanRow& row) {
  Known now = known_.at(row.cgroup->key);
  if (now.oom_kills_total == row.oom_kills_total) return;
  now.oom_kills_total = row.oom_kills_total;
  execute(store_oom_kills_total_, now.cgroup_id, now.oom_kills_total);
  remember(row.cgroup->key, std::move(now));
}

void CgroupRows::remember(core::CgroupKey key, std::optional<Known> now) {
  const auto found = known_.find(key);
  undo_.emplace_back(key, found == known_.end() ? std::nullopt : std::optional(found->second));
  if (now) {
    known_.insert_or_assign(key, std::move(*now));
  } else {
    known_.erase(key);
  }
  order_.holds = partial_order_.holds = false;
}

void CgroupRows::note_commit() {
  constexpr std::size_t kKeptCapacity = 256;  // all of a node's cgroups appear at once, and rarely
  undo_.clear();
  appeared_before_count_ = appeared_.size();
  if (undo_.capacity() > kKeptCapacity) undo_.shrink_to_fit();
}

void CgroupRows::undo() {
  appeared_.resize(std::min(appeared_.size(), appeared_before_count_));
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
