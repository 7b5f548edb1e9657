// SPDX-License-Identifier: Apache-2.0
#pragma once

// The tables `cgroup` and `cgroup_limit`, and which row a CgroupKey stands for. undo() takes back what was learned
// since note_commit(), or a key would stand for a row that was never stored. Used inside a transaction.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/optional_number.hpp"
#include "core/records.hpp"
#include "store/age/losses.hpp"
#include "store/statement.hpp"
#include "store/write/changes.hpp"
#include "store/write/sample_rows.hpp"

namespace cgmm::store {

class CgroupRows {
 public:
  CgroupRows(Statements& sql, Changes& changes) : sql_(sql), changes_(changes) {}

  /// The row's cgroup_id; the row is made where there is none. For a cgroup known by its id only.
  std::int64_t id_of(const core::CgroupId& id, std::int64_t seen_at_us);

  /// The row of a container that no scan has seen, and that counts as gone until one does.
  std::int64_t add_unseen(const core::CgroupId& id, const core::ContainerIdentity& container, std::int64_t at_us);
  void store_names(const core::NamedCgroup& named);

  /// Brings the cgroups, their limits and their counters of OOM kills up to date with `scan`. `previous_scan_at_us` is
  /// when those that have vanished were last seen. Returns the rows of the scan in the order of cgroup_id,
  /// so that every sample goes to the end of the file.
  /// The scan with its new cgroups may take `room_bytes`, and all that have not vanished `living_bytes`: beyond that,
  /// those of the directory that has the most new ones are left out of this scan, and of the result.
  std::vector<Place> follow(const core::Scan& scan, std::int64_t previous_scan_at_us, std::int64_t room_bytes,
                            std::int64_t living_bytes, Losses& losses);

  /// The cgroups that were put on record, or back on record, since the last call.
  std::vector<core::CgroupRef> take_appeared() { return std::exchange(now_.appeared, {}); }

  void note_commit() { before_.reset(); }
  void undo();

 private:
  /// There may be thousands of these.
  struct Known {
    core::CgroupKey key = 0;
    std::uint32_t seen_in = 0;                            // of scan_
    std::int64_t cgroup_id = 0;                           // 0: it has no row yet
    base::OptionalNumber<std::uint64_t> oom_kills_total;  // up to which its kills are on record, under whatever name
    base::OptionalNumber<std::int64_t> counted_at_us;  // when it was that, before it was found; none: in an earlier run
    core::CgroupRef told;                              // what its last row said of it
    bool is_stored = false;                            // oom_kills_total, in its row
  };
  struct State {
    std::vector<Known> known;  // in the order of their keys
    std::vector<core::CgroupRef> appeared;
  };
  void mark_what_tells_the_name(std::int64_t cgroup_id, std::int64_t first_seen_at_us);
  /// To be called before each change.
  State& change();
  /// nullptr: it is not known.
  Known* find(core::CgroupKey key);
  bool is_known(core::CgroupKey key) const;
  void make_room_for(const std::vector<core::CgroupRef>& news);
  /// Its row, made where there is none. `seen_by`: cgroup.first_seen_by.
  std::int64_t appear(const core::CgroupId& id, const core::ContainerIdentity& container, const std::string& workload,
                      std::int64_t at_us, std::string_view seen_by, std::string_view kind = "");
  Known recognise(const core::TrackedCgroup& cgroup, std::int64_t at_us);
  void leave_out(std::vector<core::CgroupRef>& news, std::int64_t room_bytes, std::int64_t living_bytes,
                 Losses& losses) const;
  void put_on_record(std::vector<core::CgroupRef> news, std::int64_t at_us);

  Statements& sql_;
  Changes& changes_;
  State now_;
  std::optional<State> before_;  // the transaction that changed it
  std::uint32_t scan_ = 0;       // counts calls of follow()
};

}  // namespace cgmm::store
