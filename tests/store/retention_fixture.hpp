// SPDX-License-Identifier: Apache-2.0
#pragma once

// A history that is maintained, for the tests of how.

#include <algorithm>

#include "store/fixture.hpp"

namespace cgmm::store {

inline constexpr std::int64_t kMinute = 60 * kSecond;
inline constexpr std::int64_t kHour = 60 * kMinute;
inline constexpr std::int64_t kDay = 24 * kHour;

inline core::ScanRow row_of(core::CgroupKey key, std::uint64_t anon_bytes, std::uint64_t faults = 1) {
  core::ScanRow row{.cgroup = test::tracked(key, {"/" + std::to_string(key), key})};
  row.gauges.set(core::Gauge::anon, anon_bytes);
  row.increases.set(core::Counter::pgfault, faults);
  return row;
}

class RetentionTest : public StoreTest {
 protected:
  /// A scan of `count` cgroups.
  core::Scan scan_at(std::int64_t at_us, core::CgroupKey count = 1, std::uint64_t anon_bytes = 1 << 20) {
    core::Scan scan{.started_at_us = at_us};
    for (core::CgroupKey key = 1; key <= count; ++key) {
      scan.rows.push_back(row_of(key, anon_bytes));
    }
    return scan;
  }

  void maintain_all(std::int64_t now_us) {
    for (int i = 0; i < 300; ++i) history_.maintain(now_us);
  }

  /// Of what is there, and of what is gone.
  std::string total_of(const std::string& total) const {
    return query(
        "SELECT ifnull(sum(amount), 0) FROM (SELECT total, amount FROM v_counted_kill UNION ALL "
        "SELECT total, amount FROM v_counted_reclaim UNION ALL SELECT total, amount FROM v_counted_stuck UNION ALL "
        "SELECT total, amount FROM past_total) WHERE total = '" +
        total + "'");
  }

  std::int64_t bytes_on_disk() const {
    std::int64_t bytes = 0;
    for (const char* end : {"", "-wal", "-shm"}) {
      const std::filesystem::path part = file().string() + end;
      if (std::filesystem::exists(part)) bytes += static_cast<std::int64_t>(std::filesystem::file_size(part));
    }
    return bytes;
  }

  /// A history that has reached `max_bytes`, by scans two minutes apart, and a bit of everything from its first
  /// minutes. When the last scan was.
  std::int64_t fill(std::int64_t max_bytes) {
    history_.set_retention({.max_size_bytes = max_bytes});
    history_.begin_run(kNoon, "");
    store(history_, scan_at(kNoon, 500), core::Reclaim{.reclaim_id = 1, .id = {"/1", 1}, .started_at_us = kNoon},
          core::CountedOomKills{.id = {"/1", 1}, .at_us = kNoon, .count = 1});
    std::int64_t at_us = kNoon;
    while (query("SELECT min(scan_id) > 20 FROM sample WHERE scan_id > 3") != "1\n") {
      at_us += 2 * kMinute;
      store(history_, scan_at(at_us, 500));
      history_.maintain(at_us);
    }
    return at_us;
  }

  History history_{file()};
};

}  // namespace cgmm::store
