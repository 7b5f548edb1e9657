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
#include "store/write/sample_rows.hpp"

namespace cgmm::store {

class CgroupRows {
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
  /// Where the rows of `scan` are, in the order of cgroup_id: so every sample goes to the end of the file. Stores the
  /// kernel's own counters of OOM kills where they have moved. A scan of the same cgroups as the last one of its kind
  /// costs next to nothing.
  std::span<const Place> place(const core::Scan& scan);

  void keep();
  void undo();

 private:
  struct Known {
    std::int64_t cgroup_id = 0;
    std::optional<std::uint64_t> oom_kills_total;
  };
  const Known& known(core::CgroupKey key) const;
  void remember(core::CgroupKey key, std::optional<Known> now);
  std::int64_t add(const core::AppearedCgroup& cgroup, const std::string& workload, std::int64_t at_us);
  Known appear(const core::AppearedCgroup& cgroup, std::int64_t at_us);
  void vanish(core::CgroupKey key, std::int64_t at_us, std::int64_t previous_scan_at_us);
  void vanish_unless_announced(const core::Scan& scan, std::int64_t previous_scan_at_us);
  std::optional<core::Limits> latest_limits(std::int64_t cgroup_id);
  void store_oom_kills_total(core::CgroupKey key, std::optional<std::uint64_t> total);

  std::unordered_map<core::CgroupKey, Known> known_;
  struct Order {
    std::vector<Place> places;
    bool holds = false;  // nobody has appeared or vanished since
    bool is_of(const std::vector<core::ScanRow>& rows) const;
  };
  Order order_;                                                         // of the last scan of all
  Order partial_order_;                                                 // of the last partial one
  std::vector<std::pair<core::CgroupKey, std::optional<Known>>> undo_;  // what was there before, oldest first

  SQLite::Database& database_;
  SQLite::Statement find_;
  SQLite::Statement add_;
  SQLite::Statement reappear_;
  SQLite::Statement store_names_;
  SQLite::Statement vanish_;
  SQLite::Statement latest_limits_;
  SQLite::Statement store_limits_;
  SQLite::Statement store_oom_kills_total_;
};

}  // namespace cgmm::store
