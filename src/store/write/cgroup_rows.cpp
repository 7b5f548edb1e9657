// SPDX-License-Identifier: Apache-2.0
#include "store/write/cgroup_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "store/age/census.hpp"
#include "store/statement.hpp"

namespace cgmm::store {
namespace {

constexpr const char* kVanish =
    "UPDATE cgroup SET vanished_at_us = ?2, last_seen_at_us = max(last_seen_at_us, ?3), vanished_by = "
    "coalesce(vanished_by, ?4) "
    "WHERE cgroup_id = ?1";

/// Rows of `cgroup_limit` for each cgroup: its owner can change the limit in each scan.
constexpr std::int64_t kLimitsKept = 32;

}  // namespace

std::int64_t CgroupRows::id_of(const core::CgroupId& id, std::int64_t seen_at_us) {
  const auto found =
      sql_.number("SELECT cgroup_id FROM cgroup WHERE path = ? AND inode = ?", id.path, inode_to_sql(id.inode));
  return found ? *found : appear(id, {}, "", seen_at_us, "told");
}

std::int64_t CgroupRows::add_unseen(const core::CgroupId& id, const core::ContainerIdentity& container,
                                    std::int64_t at_us) {
  const std::int64_t cgroup_id = appear(id, container, core::workload_of({}, container, id.path), at_us, "told",
                                        core::to_string(core::CgroupKind::container));
  sql_.execute(kVanish, cgroup_id, at_us, at_us, std::string_view("told"));
  return cgroup_id;
}

/// A row made for a reclaim has no identity yet.
std::int64_t CgroupRows::appear(const core::CgroupId& id, const core::ContainerIdentity& container,
                                const std::string& workload, std::int64_t at_us, std::string_view seen_by,
                                std::string_view kind) {
  const auto nameless_since_us =
      kind.empty() ? std::nullopt
                   : sql_.number("SELECT first_seen_at_us FROM cgroup WHERE path = ? AND inode = ? AND kind IS NULL",
                                 id.path, inode_to_sql(id.inode));
  Use row = sql_.use(
      "INSERT INTO cgroup (runtime, container_id, pod_uid, qos_class, workload, "
      "path, inode, first_seen_at_us, last_seen_at_us, first_seen_by, kind) "
      "VALUES (nullif(?1, ''), nullif(?2, ''), nullif(?3, ''), nullif(?4, ''), nullif(?5, ''), ?6, ?7, ?8, ?8, ?9, "
      "nullif(?10, '')) "
      "ON CONFLICT (path, inode) DO UPDATE SET vanished_at_us = NULL, vanished_by = NULL, "
      "runtime = coalesce(runtime, excluded.runtime), "
      "container_id = coalesce(container_id, excluded.container_id), pod_uid = coalesce(pod_uid, excluded.pod_uid), "
      "qos_class = coalesce(qos_class, excluded.qos_class), workload = coalesce(workload, excluded.workload), "
      "kind = coalesce(excluded.kind, kind) "
      "RETURNING cgroup_id",
      container.runtime, container.container_id, container.pod_uid, container.qos_class, workload, id.path,
      inode_to_sql(id.inode), at_us, seen_by, kind);
  if (!row.step()) throw std::logic_error("a cgroup has got no row");
  const std::int64_t cgroup_id = row.integer(0);
  if (nameless_since_us) mark_what_tells_the_name(cgroup_id, *nameless_since_us);
  return cgroup_id;
}

/// What is known of a cgroup that a scan has found, under whatever name it was seen before.
CgroupRows::Known CgroupRows::recognise(const core::TrackedCgroup& cgroup, std::int64_t at_us) {
  Known known{.key = cgroup.key, .seen_in = scan_};
  const core::CgroupId id = cgroup.id;
  {
    // One that was seen last before this one was made is another with its inode. v2 counts the kills in the cgroups
    // below it, too, before Linux 5.2. Those are on record as their own.
    Use before = sql_.use(
        "SELECT oom_kills_total + ifnull((SELECT sum(r.count) FROM oom_count r JOIN cgroup below USING (cgroup_id) "
        "  WHERE r.at_us > c.last_seen_at_us AND substr(below.path, 1, length(c.path) + 1) = c.path || '/' "
        "  AND (SELECT value FROM node WHERE key = 'hierarchy') = 'v2'), 0), last_seen_at_us, vanished_by IS 'stop' "
        "FROM cgroup c WHERE inode = ?1 AND oom_kills_total IS NOT NULL AND last_seen_at_us > ?2 "
        "ORDER BY oom_kills_total DESC, last_seen_at_us DESC LIMIT 1",
        inode_to_sql(id.inode), cgroup.made_after_us);
    if (before.step()) {
      known.oom_kills_total = before.amount(0);
      if (before.integer(2) == 0) known.counted_at_us = before.integer(1);
    }
  }
  const bool is_young = !known.oom_kills_total && cgroup.made_after_us != 0;
  known.cgroup_id = appear(id, cgroup.container(), core::workload_of({}, cgroup.container(), id.path), at_us,
                           known.oom_kills_total ? "renamed"
                           : is_young            ? "made"
                                                 : "found",
                           core::to_string(cgroup.kind));
  if (is_young) {
    known.oom_kills_total = 0;
    known.counted_at_us = cgroup.made_after_us;
  }
  return known;
}

void CgroupRows::store_names(const core::NamedCgroup& named) {
  const core::ContainerNames& names = named.names;
  std::int64_t cgroup_id = 0, first_seen_at_us = 0;
  {
    Use changed = sql_.use(
        "UPDATE cgroup SET namespace = n.namespace, pod = n.pod, container = n.container, workload = n.workload "
        "FROM (SELECT cgroup_id, nullif(?3, '') AS namespace, nullif(?4, '') AS pod, "
        "  coalesce(nullif(?5, ''), container) AS container, "
        "  CASE WHEN ?5 = '' AND container IS NOT NULL THEN workload ELSE nullif(?6, '') END AS workload "
        "  FROM cgroup WHERE path = ?1 AND inode = ?2) n "
        "WHERE cgroup.cgroup_id = n.cgroup_id AND (cgroup.namespace, cgroup.pod, cgroup.container, cgroup.workload) "
        "IS NOT (n.namespace, n.pod, n.container, n.workload) RETURNING cgroup_id, first_seen_at_us",
        named.id.path, inode_to_sql(named.id.inode), names.pod_namespace, names.pod, names.container,
        core::workload_of(names, named.container, named.id.path));
    if (!changed.step()) return;
    cgroup_id = changed.integer(0);
    first_seen_at_us = changed.integer(1);
  }
  mark_what_tells_the_name(cgroup_id, first_seen_at_us);
}

/// A copy elsewhere has the name in these rows. There are few of them, because names are told soon. And a younger
/// cgroup of the workload turns out to be a restart.
void CgroupRows::mark_what_tells_the_name(std::int64_t cgroup_id, std::int64_t first_seen_at_us) {
  const auto mark = [&](Changes::Kind kind, Use rows) {
    while (rows.step()) changes_.mark(kind, rows.integer(0));
  };
  mark(Changes::Kind::oom_kill, sql_.use("SELECT oom_kill_id FROM oom_kill WHERE cgroup_id = ?", cgroup_id));
  mark(Changes::Kind::stuck, sql_.use("SELECT stuck_id FROM stuck WHERE cgroup_id = ?", cgroup_id));
  mark(Changes::Kind::cgroup, sql_.use("SELECT cgroup_id FROM cgroup WHERE cgroup_id > ?1 AND workload = "
                                       "(SELECT workload FROM cgroup WHERE cgroup_id = ?1)",
                                       cgroup_id));
  // By the index of times: there is none of cgroups.
  mark(Changes::Kind::reclaim, sql_.use("SELECT reclaim_id FROM reclaim WHERE started_at_us >= ? AND +cgroup_id = ?",
                                        first_seen_at_us, cgroup_id));
}

std::vector<Place> CgroupRows::follow(const core::Scan& scan, std::int64_t previous_scan_at_us, std::int64_t room_bytes,
                                      std::int64_t living_bytes, Losses& losses) {
  ++scan_;
  std::vector<core::CgroupRef> news;
  std::size_t seen_count = 0;
  const auto see = [&](core::CgroupKey key) -> const Known* {
    Known* const known = find(key);
    if (known != nullptr && std::exchange(known->seen_in, scan_) != scan_) ++seen_count;
    return known;
  };
  for (const core::ScanRow& row : scan.rows) {
    if (!row.cgroup) throw std::logic_error("a scan has a row without a cgroup");
    const Known* const known = see(row.cgroup->key);
    if (known == nullptr || known->told != row.cgroup) news.push_back(row.cgroup);
  }
  for (const core::CgroupKey key : scan.unread) see(key);
  const std::unordered_set<core::CgroupKey> hidden(scan.hidden.begin(), scan.hidden.end());
  // First, because one that is gone may be back under another key.
  if (!scan.is_partial && seen_count < now_.known.size()) {
    std::erase_if(change().known, [&](const Known& known) {
      if (known.seen_in == scan_) return false;
      sql_.execute(kVanish, known.cgroup_id, scan.started_at_us, previous_scan_at_us,
                   std::string_view(hidden.contains(known.key) ? "hidden" : "removed"));
      return true;
    });
  }
  leave_out(news, room_bytes - std::ssize(scan.rows) * kSampleBytes, living_bytes, losses);
  put_on_record(std::move(news), scan.started_at_us);
  std::vector<Place> places;
  places.reserve(scan.rows.size());
  for (const core::ScanRow& row : scan.rows) {
    Known* const found = find(row.cgroup->key);
    if (found == nullptr) continue;  // left out
    Known& known = *found;
    // What was read first since it was found is more than what is on record: the rest was before.
    const std::uint64_t before = row.oom_kills_total ? row.cgroup->oom_kills_before.value_or(0) : 0;
    const std::uint64_t on_record = known.oom_kills_total.value_or(before);
    places.push_back({known.cgroup_id, &row, before > on_record ? before - on_record : 0, known.counted_at_us});
    if (!row.oom_kills_total || (row.oom_kills_total == known.oom_kills_total && known.is_stored)) continue;
    sql_.execute("UPDATE cgroup SET oom_kills_total = ?2 WHERE cgroup_id = ?1", known.cgroup_id, row.oom_kills_total);
    change();
    known.oom_kills_total = row.oom_kills_total;
    known.is_stored = true;
  }
  std::ranges::sort(places, {}, &Place::cgroup_id);
  return places;
}

/// Of the new ones: as many of each directory as fit, if each may take the same room. Those that are known stay anyway.
void CgroupRows::leave_out(std::vector<core::CgroupRef>& news, std::int64_t room_bytes, std::int64_t living_bytes,
                           Losses& losses) const {
  const auto directory_of = [](const core::CgroupRef& ref) {
    std::string path = ref->id.path.string();
    return path.substr(0, path.rfind('/'));
  };
  const auto bytes_of_one = [](const core::CgroupRef& ref) { return cgroup_bytes(ref->id.path.size()) + kSampleBytes; };
  std::map<std::string, std::int64_t> bytes_of;  // then the room that is left
  std::int64_t bytes = 0;
  for (const core::CgroupRef& ref : news) {
    if (is_known(ref->key)) continue;
    bytes_of[directory_of(ref)] += bytes_of_one(ref);
    bytes += bytes_of_one(ref);
    room_bytes += kSampleBytes;  // which the caller has taken off
  }
  if (bytes == 0) return;
  for (const Known& known : now_.known) living_bytes -= known.told ? cgroup_bytes(known.told->id.path.size()) : 0;
  room_bytes = std::min(room_bytes, living_bytes);
  if (bytes <= room_bytes) return;
  room_bytes = std::max<std::int64_t>(room_bytes, 0);
  std::vector<std::pair<std::int64_t, std::string_view>> by_bytes;
  for (const auto& [directory, all] : bytes_of) by_bytes.emplace_back(all, directory);
  std::ranges::sort(by_bytes);
  auto left = std::ssize(by_bytes);
  for (const auto& [all, directory] : by_bytes) {
    std::int64_t& room = bytes_of[std::string(directory)];
    room = std::min(all, room_bytes / left--);
    room_bytes -= room;
  }
  const std::string most(by_bytes.back().second);
  std::erase_if(news, [&](const core::CgroupRef& ref) {
    if (is_known(ref->key)) return false;
    std::int64_t& room = bytes_of[directory_of(ref)];
    room -= bytes_of_one(ref);
    if (room >= 0) return false;
    ++losses[directory_of(ref) == most ? most : ""].left_out;
    return true;
  });
}

/// The cgroups that are not on record yet, and limits that differ from those stored last, also by an earlier run.
void CgroupRows::put_on_record(std::vector<core::CgroupRef> news, std::int64_t at_us) {
  // In the order of their paths, as the index has them: else each would touch a page of its own.
  std::ranges::sort(news, {}, [](const auto& cgroup) { return cgroup->id.path.string(); });
  if (!news.empty()) make_room_for(news);
  for (const core::CgroupRef& ref : news) {
    const core::TrackedCgroup& cgroup = *ref;
    Known& now = *find(cgroup.key);
    const bool is_new = now.cgroup_id == 0;
    if (is_new) {
      now_.appeared.push_back(ref);
      now = recognise(cgroup, at_us);
    }
    if (!is_new && now.told->kind != cgroup.kind) {
      sql_.execute("UPDATE cgroup SET kind = ?2 WHERE cgroup_id = ?1", now.cgroup_id, core::to_string(cgroup.kind));
    }
    now.told = ref;
    const bool is_changed =
        sql_.execute(
            "INSERT OR REPLACE INTO cgroup_limit "
            "(cgroup_id, changed_at_us, limit_bytes, effective_limit_bytes, high_bytes) SELECT ?1, ?2, ?3, ?4, ?5 "
            "WHERE NOT EXISTS (SELECT 1 FROM (SELECT * FROM cgroup_limit WHERE cgroup_id = ?1 "
            "  ORDER BY changed_at_us DESC LIMIT 1) "
            "  WHERE limit_bytes IS ?3 AND effective_limit_bytes IS ?4 AND high_bytes IS ?5)",
            now.cgroup_id, at_us, cgroup.limits.limit_bytes, cgroup.limits.effective_limit_bytes,
            cgroup.limits.high_bytes) > 0;
    if (is_changed) changes_.mark(Changes::Kind::cgroup, now.cgroup_id);
    if (is_changed && !is_new) {
      sql_.execute(
          "DELETE FROM cgroup_limit WHERE cgroup_id = ?1 AND changed_at_us <= (SELECT changed_at_us FROM cgroup_limit "
          "WHERE cgroup_id = ?1 ORDER BY changed_at_us DESC LIMIT 1 OFFSET ?2)",
          now.cgroup_id, kLimitsKept);
    }
  }
}

/// Each of these cgroups is in State::known then, those that were not without a row.
void CgroupRows::make_room_for(const std::vector<core::CgroupRef>& news) {
  std::vector<Known>& known = change().known;
  std::vector<core::CgroupKey> keys;
  for (const core::CgroupRef& ref : news) {
    if (!is_known(ref->key)) keys.push_back(ref->key);
  }
  if (keys.empty()) return;
  std::ranges::sort(keys);
  keys.erase(std::ranges::unique(keys).begin(), keys.end());
  known.reserve(known.size() + keys.size());
  for (const core::CgroupKey key : keys) known.push_back({.key = key});
  std::ranges::sort(known, {}, &Known::key);
}

CgroupRows::Known* CgroupRows::find(core::CgroupKey key) {
  const auto found = std::ranges::lower_bound(now_.known, key, {}, &Known::key);
  return found != now_.known.end() && found->key == key ? &*found : nullptr;
}

bool CgroupRows::is_known(core::CgroupKey key) const {
  return std::ranges::binary_search(now_.known, key, {}, &Known::key);
}

CgroupRows::State& CgroupRows::change() {
  if (!before_) before_ = now_;
  return now_;
}

void CgroupRows::undo() {
  if (before_) now_ = std::move(*before_);
  before_.reset();
}

}  // namespace cgmm::store
