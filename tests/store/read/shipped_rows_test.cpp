// SPDX-License-Identifier: Apache-2.0
// fleet/ship/*.sql: what is sent of each table.
#include <fstream>
#include <iterator>

#include "store/retention_fixture.hpp"

namespace cgmm::store {
namespace {

class ShippedRows : public StoreTest {
 protected:
  static std::string text_of(const std::filesystem::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t count_of(const std::filesystem::path& sql_file) const {
    std::string sql = text_of(sql_file);
    for (const std::string part : {"told_reclaim", "replica"}) {
      const std::size_t at = sql.find("(" + part + ")");
      if (at == std::string::npos) continue;
      sql.replace(at, part.size() + 2, "(" + text_of(CGMM_SOURCE_DIR "/reports/part_" + part + ".sql") + "\n)");
    }
    core::Parameters parameters{{"node", std::string("n")}, {"history_id", std::string("h")}};
    for (const char* const name : {"after_revision", "after_scan_id", "after_hour_us"})
      parameters[name] = std::int64_t{0};
    for (const char* const name : {"to_revision", "to_scan_id", "to_hour_us"}) parameters[name] = INT64_MAX;
    return Reader(file()).run(sql, parameters).rows.size();
  }
};

TEST_F(ShippedRows, AreAllRowsOfEachTable) {
  History history(file());
  history.begin_run(kNoon, "");
  const core::CgroupId web{"/web", 7};
  store(history, core::Scan{.started_at_us = kNoon, .rows = {{.cgroup = test::tracked(1, web)}}},
        core::Reclaim{.reclaim_id = 1, .id = web, .started_at_us = kNoon},
        core::Effect{.reclaim_id = 1, .observed_for_us = kMinute},
        core::CgroupCooldown{web, {.last_reclaim_at_us = kNoon, .until_us = kNoon + kMinute}},
        core::CountedOomKills{.id = web, .since_at_us = kNoon - kSecond, .at_us = kNoon, .count = 2});
  std::size_t file_count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(CGMM_SOURCE_DIR "/fleet/ship")) {
    const std::string table = entry.path().stem();
    if (table.starts_with("plan_") || table == "node" || table == "incident_sample") continue;  // see tests/fleet
    ++file_count;
    const bool is_made = table == "counted_kill" || table == "restart";  // there are none here
    const std::string there = is_made ? "0\n" : query("SELECT count(*) FROM " + table);
    EXPECT_EQ(std::to_string(count_of(entry.path())) + "\n", there) << table;
  }
  EXPECT_EQ(file_count, 14U);
}

}  // namespace
}  // namespace cgmm::store
