// SPDX-License-Identifier: Apache-2.0
// The rows of the fault matrix that want a machine of their own: guest/faults.sh.
#include <sstream>

#include "support/fault_row.hpp"
#include "vm/vm.hpp"

namespace cgmm::test {
namespace {

class Faults : public VmTest {
 protected:
  void SetUp() override { use(vm_run("faults_6_12", "6.12", "faults")); }

  /// Of the container of that name: while the fault lasted it came over its threshold and was reclaimed, which is on
  /// record.
  void expect_went_on(const std::string& container, FaultRow row) {
    std::int64_t scans = 0;
    std::int64_t recovered_s = 0;
    ASSERT_TRUE(std::istringstream(result("faults/" + container)) >> scans >> recovered_s)
        << "the scenario did not get there";
    EXPECT_GE(scans, 5);
    const History db = history("faults");
    EXPECT_EQ(db.number("SELECT count(*) FROM v_reclaim" + of(db, container) +
                        " AND outcome IN ('done', 'partial') AND freed_bytes > 0"),
              1);
    EXPECT_EQ(result("failures"), "");
    if (row.name != "none") {
      const std::string of_fault = " FROM service_event WHERE fault = '" + row.name + "'";
      EXPECT_GE(db.number("SELECT count(*)" + of_fault + " AND kind = 'fault_begin'"), 1)
          << "its beginning is not on record";
      EXPECT_EQ(db.text("SELECT kind" + of_fault + " ORDER BY service_event_id DESC LIMIT 1"), "fault_end")
          << "its end is not on record";
    }
    row.begin_seen = "-";
    row.scans = std::to_string(scans);
    row.reclaims = "1";
    row.recovered = "< " + std::to_string(recovered_s + 1) + " s";
    if (!HasFailure()) show_fault(row);
  }
};

TEST_F(Faults, TheClockIsSetForthByADay) {
  expect_went_on("forth", {.row = "clock set forth by a day", .name = "clock", .lost = "0 scans"});
}

TEST_F(Faults, TheClockIsSetBackByTwoDays) {
  expect_went_on("back", {.row = "clock set back by two days", .name = "clock", .lost = "0 scans"});
  const History db = history("faults");
  EXPECT_EQ(db.number("SELECT count(*) FROM reclaim" + of(db, "again")), 2)
      << "a cooldown that began in what is the future then ends in time";
}

TEST_F(Faults, TheMachineSleeps) {
  expect_went_on("asleep",
                 {.row = "suspended to memory for 6 s", .name = "none", .lost = "the time itself: v_scan_gap"});
  EXPECT_GE(std::stoll(result("faults/slept")), 5);
  EXPECT_GE(history("faults").number("SELECT count(*) FROM v_scan_gap WHERE missing_us BETWEEN 3000000 AND 30000000"),
            1);
}

TEST_F(Faults, TheDiskBecomesReadOnlyUnderOpenFiles) {
  expect_went_on("read_only",
                 {.row = "ext4 becomes read-only (sysrq u), then rw", .name = "history", .lost = "0 scans"});
}

TEST_F(Faults, TheKernelLogIsFlooded) {
  expect_went_on("flooded", {.row = "/dev/kmsg flooded", .name = "none", .lost = "0 scans"});
}

TEST_F(Faults, NothingIsLostOrBroken) {
  const History db = history("faults");
  EXPECT_EQ(db.text("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(result("faults/exit_status"), "0\n") << "it was never restarted";
  const std::string log = result("faults/service.log");
  std::int64_t scans = 0;
  for (auto at = log.find(" debug: scan: "); at != std::string::npos; at = log.find(" debug: scan: ", at + 1)) ++scans;
  EXPECT_EQ(db.number("SELECT count(*) FROM scan WHERE is_partial IS NOT 1"), scans) << "made, and on record";
}

}  // namespace
}  // namespace cgmm::test
