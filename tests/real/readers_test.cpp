// SPDX-License-Identifier: Apache-2.0
// People who read the history while it is written. CGMM_READER_SECONDS=60 for the long version.
#include <cstdlib>

#include "real/real_test.hpp"

namespace cgmm::test {
namespace {

using Clock = std::chrono::steady_clock;

class RealReaders : public RealTest {};

TEST_F(RealReaders, NeitherAReportNorPlainSqlEverFailsOrWaitsBesideTheService) {
  const char* wanted = std::getenv("CGMM_READER_SECONDS");
  const auto how_long = std::chrono::seconds{wanted != nullptr ? std::stoi(wanted) : 10};
  constexpr int kCgroups = 50;
  for (int i = 0; i < kCgroups; ++i) {
    tree().make("cgroup-" + std::to_string(i));
  }
  auto service = start_service({"--interval", wanted != nullptr ? "1s" : "100ms"});
  ASSERT_TRUE(wait_for_scans(2));

  Clock::duration longest_report{}, longest_sql{};
  const auto end = Clock::now() + how_long;
  int rounds = 0;
  for (; Clock::now() < end; ++rounds) {
    const auto start = Clock::now();
    ServiceProcess report({"report", "--database", database()}, file("report.txt"));
    const auto status = report.wait_for_exit();
    ASSERT_EQ(status, 0) << report.output();
    const auto between = Clock::now();
    longest_report = std::max(longest_report, between - start);

    // As the sqlite3 program does: no busy timeout, so that being locked out would be an error.
    SQLite::Database db(database(), SQLite::OPEN_READONLY, 0);
    SQLite::Statement query(db, "SELECT count(*), sum(usage_bytes) FROM v_sample");
    ASSERT_TRUE(query.executeStep());
    ASSERT_GT(query.getColumn(0).getInt64(), 0);
    longest_sql = std::max(longest_sql, Clock::now() - between);
  }
  const auto ms = [](Clock::duration time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  };
  std::printf("%d rounds; longest report %lld ms, longest query %lld ms\n", rounds,
              static_cast<long long>(ms(longest_report)), static_cast<long long>(ms(longest_sql)));
  EXPECT_GT(rounds, 3);
  EXPECT_LT(ms(longest_report), 2000);
  EXPECT_LT(ms(longest_sql), 1000);
  EXPECT_LT(number("SELECT max(late_us) FROM scan"), 1'000'000) << "the readers must not hold up the service either";
  EXPECT_EQ(event_count("fault_begin"), 0);
  EXPECT_EQ(number("SELECT count(*) FROM scan WHERE cgroup_count <> " + std::to_string(kCgroups)), 0);
  EXPECT_TRUE(service.running());
}

}  // namespace
}  // namespace cgmm::test
