// SPDX-License-Identifier: Apache-2.0
// What is dropped when the wall clock is wrong, or set.
#include <SQLiteCpp/Exception.h>

#include "store/retention_fixture.hpp"

namespace cgmm::store {
namespace {

using core::Scan;

TEST_F(RetentionTest, AClockSetBackADayMakesTheOldestSamplesGoAndNothingElse) {
  const std::int64_t set_at_us = fill(8 << 20);
  const std::string others = query(
      "SELECT (SELECT count(*) FROM reclaim), (SELECT count(*) FROM oom_kill), (SELECT count(*) FROM service_event), "
      "(SELECT count(*) FROM sample WHERE scan_id < 4)");
  const int hours = std::stoi(query("SELECT count(*) FROM sample_hour"));
  const int scans = std::stoi(query("SELECT max(scan_id) FROM scan"));
  for (int i = 1; i <= 200; ++i) {
    const std::int64_t at_us = set_at_us - kDay + i * 2 * kMinute;
    store(history_, scan_at(at_us, 500));
    history_.maintain(at_us);
    ASSERT_LE(bytes_on_disk(), 9 << 20);
  }
  EXPECT_EQ(query("SELECT (SELECT count(*) FROM reclaim), (SELECT count(*) FROM oom_kill), (SELECT count(*) FROM "
                  "service_event), "
                  "(SELECT count(*) FROM sample WHERE scan_id < 4)"),
            others);
  EXPECT_GE(std::stoi(query("SELECT count(*) FROM sample_hour")), hours);
  EXPECT_EQ(query("SELECT max(scan_id), max(scan_id) - min(scan_id) + 1 = count(DISTINCT scan_id) FROM sample WHERE "
                  "scan_id > 3"),
            std::to_string(scans + 200) + "|1\n")
      << "the newest are those that were recorded last";
}

TEST_F(RetentionTest, AClockThatIsWrongAtAStartWhenTheFileIsFullMakesTheOldestSamplesGo) {
  fill(8 << 20);
  const int first = std::stoi(query("SELECT min(scan_id) FROM sample WHERE scan_id > 3"));
  const int last = std::stoi(query("SELECT max(scan_id) FROM scan"));
  for (int i = 1; i <= 20; ++i) {
    store(history_, scan_at(i * 10 * kMinute, 500));
    history_.maintain(i * 10 * kMinute);
  }
  EXPECT_EQ(query("SELECT count(*) FROM reclaim"), "1\n");
  EXPECT_GT(std::stoi(query("SELECT min(scan_id) FROM sample WHERE scan_id > 3")), first);
  EXPECT_LT(std::stoi(query("SELECT min(scan_id) FROM sample WHERE scan_id > 3")), last);
  EXPECT_EQ(query("SELECT count(DISTINCT scan_id) FROM sample WHERE scan_id > " + std::to_string(last)), "20\n");
}

TEST_F(RetentionTest, WithoutRoomEvenWhatIsAheadOfTheClockGoesInTheEnd) {
  history_.set_retention({.max_size_bytes = 8 << 20});
  store(history_, scan_at(kNoon, 1));
  const std::string words(3000, 'x');
  int event_count = 0;
  for (;; ++event_count) {
    try {
      store(history_, core::ServiceEvent{kNoon + event_count, "gap", words});
    } catch (const SQLite::Exception&) {
      history_.rollback();
      break;
    }
  }
  for (int i = 0; i < 100; ++i) {
    history_.maintain(kNoon - 365 * kDay + i * 10 * kSecond);
    store(history_, scan_at(kNoon - 365 * kDay + i * 10 * kSecond, 500));
  }
  EXPECT_GT(std::stoi(query("SELECT count(*) FROM service_event")), event_count / 2) << "no more than there has to";
  EXPECT_EQ(query("SELECT max(at_us) - " + std::to_string(kNoon) + " FROM service_event"),
            std::to_string(event_count - 1) + "\n");
}

TEST_F(RetentionTest, SamplesAroundOomKillsGoWhenThereIsNothingElseWhateverTheClock) {
  history_.set_retention({.max_size_bytes = 8 << 20});
  const auto record_with_kill = [&](std::int64_t at_us, core::CgroupKey key) {
    store(history_, scan_at(at_us, 500),
          core::CountedOomKills{.id = {"/" + std::to_string(key), key}, .at_us = at_us, .count = 1});
    history_.maintain(at_us);
  };
  for (int i = 1; i <= 400; ++i) record_with_kill(kNoon + i * 2 * kMinute, static_cast<core::CgroupKey>(i));
  EXPECT_GT(std::stoi(query("SELECT min(scan_id) FROM sample")), 1);
  for (int i = 1; i <= 200; ++i) record_with_kill(kNoon + i * 2 * kMinute, static_cast<core::CgroupKey>(i));
  EXPECT_EQ(query("SELECT max(scan_id), count(DISTINCT scan_id) = max(scan_id) - min(scan_id) + 1 FROM sample"),
            "600|1\n");
  EXPECT_EQ(query("SELECT count(*) FROM oom_kill"), "600\n");
}

TEST_F(RetentionTest, AClockThatLeapsForthForAMomentMakesNothingOld) {
  history_.set_retention({.samples_us = 2 * kDay});
  for (int i = 0; i <= 3 * 24; ++i) {
    store(history_, scan_at(kNoon + i * kHour));
    history_.maintain(kNoon + i * kHour);
  }
  const std::string before = query("SELECT count(*), min(scan_id) FROM sample WHERE scan_id <= 73");
  const std::int64_t ahead_us = kNoon + 3650 * kDay;
  for (int i = 1; i <= 6; ++i) {
    store(history_, scan_at(ahead_us + i * 10 * kSecond));
    maintain_all(ahead_us + i * 10 * kSecond);
  }
  EXPECT_EQ(query("SELECT count(*), min(scan_id) FROM sample WHERE scan_id <= 73"), before);
  EXPECT_NE(query("SELECT count(*) FROM sample_hour"), "0\n");
  // Set right, what follows is dropped at its age again, in spite of those that are ahead.
  for (int i = 3 * 24 + 1; i <= 8 * 24; ++i) {
    store(history_, scan_at(kNoon + i * kHour));
    maintain_all(kNoon + i * kHour);
  }
  EXPECT_EQ(query("SELECT count(*), min(scan_id) FROM sample WHERE scan_id NOT BETWEEN 74 AND 79"), "49|151\n");
  EXPECT_EQ(query("SELECT count(*) FROM sample WHERE scan_id BETWEEN 74 AND 79"), "6\n");
}

TEST_F(RetentionTest, AClockThatStaysForthForADayMakesThingsOld) {
  history_.set_retention({.samples_us = 2 * kDay});
  for (int i = 0; i < 5; ++i) store(history_, scan_at(kNoon + i * kHour));
  const std::int64_t ahead_us = kNoon + 365 * kDay;
  store(history_, scan_at(ahead_us));
  maintain_all(ahead_us + 20 * kHour);
  EXPECT_EQ(query("SELECT min(scan_id) FROM sample"), "1\n");
  store(history_, scan_at(ahead_us + 25 * kHour));
  maintain_all(ahead_us + 25 * kHour);
  EXPECT_EQ(query("SELECT min(scan_id) FROM sample"), "6\n");
}

TEST_F(RetentionTest, AClockThatIsBehindMakesNothingOld) {
  history_.set_retention({.samples_us = 2 * kDay});
  for (int i = 0; i < 24; ++i) store(history_, scan_at(kNoon + i * kHour));
  for (const std::int64_t behind_us : {kNoon - 365 * kDay, 10 * kSecond}) {
    store(history_, scan_at(behind_us), scan_at(behind_us + kHour));
    maintain_all(behind_us + kHour);
  }
  store(history_, scan_at(kNoon + 24 * kHour));
  maintain_all(kNoon + 24 * kHour);
  EXPECT_EQ(query("SELECT min(scan_id), count(*) FROM sample WHERE scan_id <= 24"), "1|24\n");
}

TEST_F(RetentionTest, AnOomKillKeepsNoMoreSamplesWhenItsTimeComesTwice) {
  history_.set_retention({.samples_us = kHour});
  const auto record_day = [&] {
    for (int i = 0; i < 24 * 4; ++i) store(history_, scan_at(kNoon + i * 15 * kMinute));
  };
  record_day();
  store(history_, core::CountedOomKills{.id = {"/1", 1}, .at_us = kNoon + kHour, .count = 1});
  record_day();
  store(history_, scan_at(kNoon + 40 * kHour));
  maintain_all(kNoon + 40 * kHour);
  EXPECT_EQ(query("SELECT group_concat(scan_id) FROM sample"), "3,4,5,99,100,101,193\n");
}

}  // namespace
}  // namespace cgmm::store
