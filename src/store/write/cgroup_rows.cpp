// SPDX-License-Identifier: Apache-2.0
#include "store/write/cgroup_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>

#include "store/statement.hpp"

namespace cgmm::store {
namespace {

constexpr const char* kFind = "SELECT cgroup_id, oom_kills_total FROM cgroup WHERE path = ?1 AND inode = ?2";
constexpr const char* kVanish =
    "UPDATE cgroup SET vanished_at_us = ?2, last_seen_at_us = max(last_seen_at_us, ?3) "
    "WHERE cgroup_id = ?1";

}  // namespace

std::int64_t CgroupRows::id_of(const core::CgroupId& id, std::int64_t seen_at_us) {
  const auto found = sql_.number(kFind, id.path, inode_to_sql(id.inode));
  return found ? *found : add(id, {}, "", seen_at_us);
}

std::int64_t CgroupRows::add(const core::CgroupId& id, const core::ContainerIdentity& container,
                             const std::string& workload, std::int64_t at_us) {
  sql_.execute(
      "INSERT INTO cgroup (runtime, container_id, pod_uid, qos_class, workload, "
      "path, inode, first_seen_at_us, last_seen_at_us) "
      "VALUES (nullif(?1, ''), nullif(?2, ''), nullif(?3, ''), nullif(?4, ''), nullif(?5, ''), ?6, ?7, ?8, ?8)",
      container.runtime, container.container_id, container.pod_uid, container.qos_class, workload, id.path,
      inode_to_sql(id.inode), at_us);
  return sql_.database().getLastInsertRowid();
}

std::int64_t CgroupRows::add_unseen(const core::CgroupId& id, const core::ContainerIdentity& container,
                                    std::int64_t at_us) {
  const std::int64_t cgroup_id = appear(id, container, at_us).cgroup_id;
  sql_.execute(kVanish, cgroup_id, at_us, at_us);
  return cgroup_id;
}

void CgroupRows::store_names(const core::NamedCgroup& named) {
  const core::ContainerNames& names = named.names;
  sql_.execute(
      "UPDATE cgroup SET namespace = nullif(?3, ''), pod = nullif(?4, ''), "
      "container = coalesce(nullif(?5, ''), container), "
      "workload = CASE WHEN ?5 = '' AND container IS NOT NULL THEN workload ELSE nullif(?6, '') END "
      "WHERE path = ?1 AND inode = ?2",
      named.id.path, inode_to_sql(named.id.inode), names.pod_namespace, names.pod, names.container,
      core::workload_of(names, named.container, named.id.path));
}

std::vector<Place> CgroupRows::follow(const core::Scan& scan, std::int64_t previous_scan_at_us) {
  std::vector<core::CgroupRef> news;
  std::vector<const Known*> known_rows;  // of each row; nullptr: it is not known yet
  known_rows.reserve(scan.rows.size());
  std::size_t known_count = 0;
  for (const core::ScanRow& row : scan.rows) {
    if (!row.cgroup) throw std::logic_error("a scan has a row without a cgroup");
    const auto found = known_.find(row.cgroup->key);
    known_rows.push_back(found == known_.end() ? nullptr : &found->second);
    if (found != known_.end()) ++known_count;
    if (found == known_.end() || found->second.told != row.cgroup) news.push_back(row.cgroup);
  }
  // First, because one that is gone may be back under another key.
  if (!scan.is_partial && known_count < known_.size()) end_missing(scan, previous_scan_at_us);
  put_on_record(std::move(news), scan.started_at_us);
  std::vector<Place> places;
  places.reserve(scan.rows.size());
  for (std::size_t i = 0; i < scan.rows.size(); ++i) {
    const core::ScanRow& row = scan.rows[i];
    const Known& known = known_rows[i] != nullptr ? *known_rows[i] : known_.find(row.cgroup->key)->second;
    // What this run read first is more than what is on record: the rest was between the runs.
    const std::uint64_t before = row.oom_kills_total ? row.cgroup->oom_kills_before.value_or(0) : 0;
    const std::uint64_t on_record = known.oom_kills_total.value_or(before);
    places.push_back({known.cgroup_id, i, before > on_record ? before - on_record : 0});
    if (!row.oom_kills_total || row.oom_kills_total == known.oom_kills_total) continue;
    sql_.execute("UPDATE cgroup SET oom_kills_total = ?2 WHERE cgroup_id = ?1", known.cgroup_id, row.oom_kills_total);
    Known now = known;
    now.oom_kills_total = row.oom_kills_total;
    remember(row.cgroup->key, std::move(now));
  }
  std::ranges::sort(places, {}, &Place::cgroup_id);
  return places;
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
    sql_.execute(kVanish, known_.at(key).cgroup_id, scan.started_at_us, previous_scan_at_us);
    remember(key, std::nullopt);
  }
}

/// The cgroups that are not on record yet, and limits that differ from those stored last, also by an earlier run.
void CgroupRows::put_on_record(std::vector<core::CgroupRef> news, std::int64_t at_us) {
  // In the order of their paths, as the index has them: else each would touch a page of its own.
  std::ranges::sort(news, {}, [](const auto& cgroup) -> const std::string& { return cgroup->id.path; });
  for (const core::CgroupRef& ref : news) {
    const core::TrackedCgroup& cgroup = *ref;
    const auto found = known_.find(cgroup.key);
    if (found == known_.end()) appeared_.push_back(ref);
    Known now = found != known_.end() ? found->second : appear(cgroup.id, cgroup.container(), at_us);
    now.told = ref;
    if (latest_limits(now.cgroup_id) != cgroup.limits) {
      sql_.execute(
          "INSERT OR REPLACE INTO cgroup_limit "
          "(cgroup_id, changed_at_us, limit_bytes, effective_limit_bytes, high_bytes) "
          "VALUES (?1, ?2, ?3, ?4, ?5)",
          now.cgroup_id, at_us, cgroup.limits.limit_bytes, cgroup.limits.effective_limit_bytes,
          cgroup.limits.high_bytes);
    }
    remember(cgroup.key, std::move(now));
  }
}

CgroupRows::Known CgroupRows::appear(const core::CgroupId& id, const core::ContainerIdentity& container,
                                     std::int64_t at_us) {
  const std::string workload = core::workload_of({}, container, id.path);
  Known known;
  if (Use found = sql_.use(kFind, id.path, inode_to_sql(id.inode)); found.step()) {
    known = {.cgroup_id = found.integer(0), .oom_kills_total = found.amount(1), .told = nullptr};
  }
  if (known.cgroup_id == 0)
    return {.cgroup_id = add(id, container, workload, at_us), .oom_kills_total = {}, .told = nullptr};
  // A row made for a reclaim has no identity yet.
  sql_.execute(
      "UPDATE cgroup SET vanished_at_us = NULL, "
      "runtime = coalesce(runtime, nullif(?1, '')), "
      "container_id = coalesce(container_id, nullif(?2, '')), "
      "pod_uid = coalesce(pod_uid, nullif(?3, '')), "
      "qos_class = coalesce(qos_class, nullif(?4, '')), "
      "workload = coalesce(workload, nullif(?5, '')) "
      "WHERE cgroup_id = ?6",
      container.runtime, container.container_id, container.pod_uid, container.qos_class, workload, known.cgroup_id);
  return known;
}

std::optional<core::Limits> CgroupRows::latest_limits(std::int64_t cgroup_id) {
  Use row = sql_.use(
      "SELECT limit_bytes, effective_limit_bytes, high_bytes FROM cgroup_limit WHERE cgroup_id = ?1 "
      "ORDER BY changed_at_us DESC LIMIT 1",
      cgroup_id);
  if (!row.step()) return std::nullopt;
  return core::Limits{
      .limit_bytes = row.amount(0), .effective_limit_bytes = row.amount(1), .high_bytes = row.amount(2)};
}

void CgroupRows::remember(core::CgroupKey key, std::optional<Known> now) {
  const auto found = known_.find(key);
  undo_.emplace_back(key, found == known_.end() ? std::nullopt : std::optional(found->second));
  if (now) {
    known_.insert_or_assign(key, std::move(*now));
  } else {
    known_.erase(key);
  }
}

void CgroupRows::note_commit() {
  constexpr std::size_t kKeptCapacity = 256;  // all of a node's cgroups appear at once, and rarely
  undo_.clear();
  appeared_before_count_ = appeared_.size();
  if (undo_.capacity() > kKeptCapacity) undo_.shrink_to_fit();
}

void CgroupRows::undo() {
  appeared_.resize(std::min(appeared_.size(), appeared_before_count_));
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
