// SPDX-License-Identifier: Apache-2.0
// That the file stays inside its size, and what goes for that.
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>

#include "store/retention_fixture.hpp"

namespace cgmm::store {
namespace {

using core::Scan;

TEST_F(RetentionTest, TheFileStaysInsideItsSizeAndTheOldestSamplesGo) {
  constexpr std::int64_t kMaxBytes = 32 << 20;
  history_.set_retention({.max_size_bytes = kMaxBytes});
  std::int64_t biggest = 0;
  for (int i = 0; i < 1500; ++i) {
    store(history_, scan_at(kNoon + i * 10 * kSecond, 500));
    history_.maintain(kNoon + i * 10 * kSecond);
    biggest = std::max(biggest, bytes_on_disk());
  }
  EXPECT_LE(biggest, kMaxBytes);
  EXPECT_GT(biggest, kMaxBytes * 3 / 4);
  EXPECT_EQ(query("SELECT max(scan_id) FROM sample"), "1500\n");
  EXPECT_GT(std::stoi(query("SELECT count(*) FROM sample WHERE scan_id > 1140")), 170'000) << "the last hour is whole";
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "1500\n");
}

TEST_F(RetentionTest, ASmallerSizeGivesPagesBackToTheFileSystem) {
  history_.set_retention({});
  for (int i = 0; i < 2000; ++i) store(history_, scan_at(kNoon + i * 10 * kSecond, 500));
  EXPECT_GT(bytes_on_disk(), 34 << 20);
  history_.set_retention({.max_size_bytes = 32 << 20});
  for (int i = 0; i < 40; ++i) maintain_all(kNoon + 2000 * 10 * kSecond);
  store(history_, scan_at(kNoon + 2000 * 10 * kSecond, 500));
  EXPECT_LT(bytes_on_disk(), 32 << 20);
}

TEST_F(RetentionTest, AReaderThatStaysLosesSamplesAndNothingElse) {
  constexpr std::int64_t kMaxBytes = 32 << 20;
  history_.set_retention({.max_size_bytes = kMaxBytes});
  store(history_, scan_at(kNoon, 500));
  SQLite::Database reader(file().string(), SQLite::OPEN_READONLY);
  reader.exec("BEGIN; SELECT count(*) FROM scan");
  std::int64_t biggest = 0;
  for (int i = 1; i < 1200; ++i) {
    store(history_, scan_at(kNoon + i * 10 * kSecond, 500));
    if (i % 20 == 0) store(history_, core::ServiceEvent{kNoon + i, "gap", ""});
    history_.maintain(kNoon + i * 10 * kSecond);
    biggest = std::max(biggest, bytes_on_disk());
  }
  EXPECT_LE(biggest, kMaxBytes);
  EXPECT_TRUE(history_.room().wal_is_held);
  EXPECT_GT(history_.room().lost_scans, 100);
  EXPECT_TRUE(history_.room().is_losing);
  EXPECT_EQ(query("SELECT count(*) FROM scan"), std::to_string(1200 - history_.room().lost_scans) + "\n");
  EXPECT_EQ(query("SELECT count(*) FROM service_event"), "59\n");
  reader.exec("COMMIT");
  const std::int64_t before = history_.room().lost_scans;
  store(history_, scan_at(kNoon + 1200 * 10 * kSecond, 500), core::ServiceEvent{kNoon, "gap", ""});
  store(history_, scan_at(kNoon + 1201 * 10 * kSecond, 500));
  EXPECT_EQ(history_.room().lost_scans, before);
  EXPECT_FALSE(history_.room().is_losing);
  EXPECT_FALSE(history_.room().wal_is_held);
  EXPECT_LT(history_.room().wal_bytes, 8 << 20);
}

// All of the WAL can be moved into the file, but it is not begun anew while anybody reads.
TEST_F(RetentionTest, ReadersThatFollowEachOtherWithoutAPauseStayInsideTheSize) {
  constexpr std::int64_t kMaxBytes = 32 << 20;
  history_.set_retention({.max_size_bytes = kMaxBytes});
  store(history_, scan_at(kNoon, 500));
  std::optional<SQLite::Database> reader;
  std::int64_t biggest = 0;
  for (int i = 1; i < 1200; ++i) {
    store(history_, scan_at(kNoon + i * 10 * kSecond, 500));
    std::optional<SQLite::Database> next(std::in_place, file().string(), SQLite::OPEN_READONLY);
    next->exec("BEGIN; SELECT count(*) FROM scan");
    reader.swap(next);
    next.reset();
    history_.slices_due();
    history_.maintain(kNoon + i * 10 * kSecond);
    biggest = std::max(biggest, bytes_on_disk());
  }
  EXPECT_LE(biggest, kMaxBytes);
  EXPECT_LT(history_.room().lost_scans, 20) << "one that comes when all is moved reads the file alone";
  reader.reset();
  const std::int64_t before = history_.room().lost_scans;
  store(history_, scan_at(kNoon + 1201 * 10 * kSecond, 500));
  EXPECT_EQ(history_.room().lost_scans, before);
  EXPECT_FALSE(history_.room().wal_is_held);
  EXPECT_LT(history_.room().wal_bytes, 8 << 20);
}

// Pages given back leave the file when they are moved into it, and no earlier.
TEST_F(RetentionTest, AReaderThatComesWhilePagesAreGivenBackStaysInsideTheSize) {
  constexpr std::int64_t kMaxBytes = 32 << 20;
  history_.set_retention({.samples_us = kHour, .max_size_bytes = kMaxBytes});
  std::int64_t at_us = kNoon;
  for (; bytes_on_disk() < 26 << 20; at_us += 10 * kSecond) store(history_, scan_at(at_us, 500));
  SQLite::Database reader(file().string(), SQLite::OPEN_READONLY);
  history_.slices_due();
  reader.exec("BEGIN; SELECT count(*) FROM scan");
  at_us += kDay;
  std::int64_t biggest = 0;
  for (int i = 1; i < 1200; ++i, at_us += 10 * kSecond) {
    store(history_, scan_at(at_us, 500));
    history_.maintain(at_us);
    biggest = std::max(biggest, bytes_on_disk());
  }
  EXPECT_LE(biggest, kMaxBytes);
  EXPECT_TRUE(history_.room().wal_is_held);
}

TEST_F(RetentionTest, SamplesAroundAnOldOomKillDoNotKeepRoomFromBeingMade) {
  history_.set_retention({.max_size_bytes = 10 << 20});
  for (int i = 0; i < 600; ++i) store(history_, scan_at(kNoon + i * kSecond, 1));
  store(history_, core::CountedOomKills{.id = {"/1", 1}, .at_us = kNoon + 600 * kSecond, .count = 1});
  for (int i = 0; i < 600; ++i) {  // the file is full in an hour
    const std::int64_t at_us = kNoon + 40 * kDay + i * 10 * kSecond;
    store(history_, scan_at(at_us, 500));
    history_.maintain(at_us);
  }
  EXPECT_EQ(query("SELECT count(*) FROM sample WHERE scan_id <= 600"), "600\n");
  EXPECT_EQ(query("SELECT max(scan_id) FROM sample"), "1200\n");
}

TEST_F(RetentionTest, TheLastScanKeepsItsIdFromBeingGivenAwayAgain) {
  history_.set_retention({.max_size_bytes = 32 << 20});
  store(history_, scan_at(kNoon - kSecond));
  Scan partial = scan_at(kNoon);
  partial.is_partial = true;
  store(history_, partial);
  // So small that nothing fits.
  history_.set_retention({.max_size_bytes = 64 << 10});
  maintain_all(kNoon + kDay);
  EXPECT_EQ(query("SELECT (SELECT count(*) FROM sample), group_concat(scan_id) FROM scan"), "0|2\n");
}

TEST_F(RetentionTest, ASmallerSizeIsReachedWhenThereIsNoFreePage) {
  history_.set_retention({.max_size_bytes = 64 << 20});
  int count = 0;
  for (; std::filesystem::file_size(file()) < 20 << 20; ++count) {
    store(history_, scan_at(kNoon + count * 10 * kMinute, 500));
    history_.slices_due();  // makes a checkpoint
  }
  history_.set_retention({.max_size_bytes = 8 << 20});
  const std::int64_t now_us = kNoon + count * 10 * kMinute;
  history_.begin();
  EXPECT_THROW(history_.record(scan_at(now_us, 5000)), SQLite::Exception) << "there was room";
  history_.rollback();
  for (int i = 0; i < 100 && bytes_on_disk() > 8 << 20; ++i) history_.maintain(now_us);
  for (int i = 1; i <= 100; ++i) {
    store(history_, scan_at(now_us + i * 10 * kMinute, 500));
    history_.maintain(now_us + i * 10 * kMinute);
  }
  EXPECT_LE(bytes_on_disk(), 8 << 20);
  EXPECT_EQ(query("SELECT max(scan_id) FROM sample"), std::to_string(count + 100) + "\n");
}

/// While it lives no file can be written beyond `bytes`.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    signal_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
  void (*signal_)(int) = nullptr;
};

TEST_F(RetentionTest, ALogThatTheDiskDoesNotTakeUpStaysInsideTheSize) {
  constexpr std::int64_t kMaxBytes = 32 << 20;
  history_.set_retention({.max_size_bytes = kMaxBytes});
  std::int64_t at_us = kNoon;
  for (; bytes_on_disk() < 26 << 20; at_us += 10 * kSecond) {
    store(history_, scan_at(at_us, 500));
    history_.maintain(at_us);
  }
  int failed_count = 0;
  int first_failed = 0;
  std::int64_t biggest = 0;
  {
    const FileLimit limit(20 << 20);  // the log is smaller, the database is bigger
    for (int i = 0; i < 300; ++i, at_us += 10 * kSecond) {
      store(history_, scan_at(at_us, 500));
      if (i % 20 == 0) store(history_, core::ServiceEvent{at_us, "gap", ""});
      try {
        history_.maintain(at_us);
      } catch (const SQLite::Exception&) {
        if (failed_count++ == 0) first_failed = i;
      }
      biggest = std::max(biggest, bytes_on_disk());
    }
  }
  EXPECT_LE(biggest, kMaxBytes);
  EXPECT_GT(failed_count, 200);
  EXPECT_EQ(failed_count, 300 - first_failed) << "it was told all the time";
  EXPECT_TRUE(history_.room().wal_is_held);
  EXPECT_GT(history_.room().lost_scans, 100);
  EXPECT_EQ(query("SELECT count(*) FROM service_event"), "15\n");
  const std::int64_t lost_before = history_.room().lost_scans;
  store(history_, scan_at(at_us, 500));
  history_.maintain(at_us);
  EXPECT_FALSE(history_.room().wal_is_held);
  EXPECT_EQ(history_.room().lost_scans, lost_before);
}

}  // namespace
}  // namespace cgmm::store
