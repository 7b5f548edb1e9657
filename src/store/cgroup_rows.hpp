// SPDX-License-Identifier: Apache-2.0
#pragma once

// The tables `cgroup` and `cgroup_limit`, and which row a CgroupKey stands for. What is remembered follows
// the transaction: undo() takes back what was learned since keep(), or a key would stand for a row that was
// never stored. Used by the thread that owns the connection, inside a transaction.

#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/records.hpp"

namespace cgmm::store {

class CgroupRows {
  struct Known {
    std::int64_t cgroup_id = 0;
    std::optional<std::uint64_t> oom_kills_total;
    bool limits_read = false;  // `limits` is what the database has
    std::optional<core::Limits> limits;
  };

 public:
  explicit CgroupRows(SQLite::Database& database);

  /// The row's cgroup_id; the row is made where there is none. For a cgroup known by its id only.
  std::int64_t id_of(const core::CgroupId& id, std::int64_t seen_at_us);
  /// The row that a key stands for. Throws std::logic_error: the key was never announced.
  std::int64_t id_of(core::CgroupKey key) const { return known(key).cgroup_id; }

  /// The row of a cgroup that no scan has seen, and that counts as gone until one does.
  std::int64_t add_unseen(const core::AppearedCgroup& cgroup, std::int64_t at_us);
  void store_names(const core::NamedCgroup& named);

  /// Brings the cgroups up to date with who appeared and who vanished in `scan`. `previous_scan_at_us` is
  /// when the vanished ones were last seen.
  void follow(const core::Scan& scan, std::int64_t previous_scan_at_us);
  /// Stores the limits that differ from those stored last, also by an earlier run.
  void store_limits(std::span<const core::LimitChange> limits, std::int64_t changed_at_us);
  /// Stores the kernel's own counter where it has moved.
  void store_oom_kills_total(core::CgroupKey key, std::optional<std::uint64_t> total);

  /// What the keys stand for, for another connection to the same rows, or to a copy of them. give_keys() returns false, and
  /// knows nothing, where a row is missing.
  using Keys = std::unordered_map<core::CgroupKey, Known>;
  Keys take_keys() { return std::move(known_); }
  bool give_keys(Keys&& keys);

  void keep() { undo_.clear(); }
  void undo();

 private:
  const Known& known(core::CgroupKey key) const;
  void remember(core::CgroupKey key, std::optional<Known> now);
  Known appear(const core::AppearedCgroup& cgroup, std::int64_t at_us);
  void vanish(core::CgroupKey key, std::int64_t at_us, std::int64_t previous_scan_at_us);
  void vanish_unless_announced(const core::Scan& scan, std::int64_t previous_scan_at_us);
  std::optional<core::Limits> latest_limits(std::int64_t cgroup_id);

  Keys known_;
  std::vector<std::pair<core::CgroupKey, std::optional<Known>>> undo_;  // what was there before, oldest first

  SQLite::Statement find_;
  SQLite::Statement is_there_;
  SQLite::Statement add_;
  SQLite::Statement appear_;
  SQLite::Statement store_names_;
  SQLite::Statement vanish_;
  SQLite::Statement latest_limits_;
  SQLite::Statement store_limits_;
  SQLite::Statement store_oom_kills_total_;
};

}  // namespace cgmm::store
