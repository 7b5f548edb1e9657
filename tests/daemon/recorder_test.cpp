// SPDX-License-Identifier: Apache-2.0
#include "daemon/recorder.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <string>

#include "support/temp_dir.hpp"

namespace cgmm::daemon {
namespace {

core::Scan scan_at(std::int64_t at_us) {
  core::Scan scan;
  scan.started_at_us = at_us;
  return scan;
}

std::int64_t count(const std::string& file, const std::string& what) {
  SQLite::Database database(file, SQLite::OPEN_READONLY);
  return database.execAndGet("SELECT count(*) FROM " + what).getInt64();
}

TEST(Recorder, RecordsWhatWaitsAndThenTheStop) {
  const test::TempDir directory;
  const std::string file = directory.path() / "history.db";
  RecordQueue queue;
  {
    store::History history(file);
    history.begin_run(1, "test");
    queue.push_scan(scan_at(10));
    queue.push_scan(scan_at(20));
    queue.close();
    Recorder(history, queue).run();
  }
  EXPECT_EQ(count(file, "scan"), 2);
  EXPECT_EQ(count(file, "service_event WHERE kind = 'stop'"), 1);
}

TEST(Recorder, GivesUpOnlyTheRecordThatCantBeStored) {
  const test::TempDir directory;
  const std::string file = directory.path() / "history.db";
  RecordQueue queue;
  store::History history(file);
  history.begin_run(1, "test");
  Recorder recorder(history, queue);
  core::Scan of_an_unknown_cgroup = scan_at(20);
  of_an_unknown_cgroup.rows.resize(1);
  queue.push_scan(scan_at(10));
  queue.push_scan(std::move(of_an_unknown_cgroup));
  queue.push(core::Reclaim{.reclaim_id = 5, .id = {"/a", 1}});
  EXPECT_TRUE(recorder.record(queue.take()));
  EXPECT_EQ(count(file, "scan"), 1);
  EXPECT_EQ(count(file, "reclaim"), 1);
  EXPECT_TRUE(queue.wants_announcement());
  EXPECT_FALSE(queue.wants_announcement());
}

TEST(Recorder, KeepsABatchThatTheDiskRefusedAndTellsOfTheFault) {
  const test::TempDir directory;
  const std::string file = directory.path() / "history.db";
  RecordQueue queue;
  store::History history(file);
  history.begin_run(1, "test");
  Recorder recorder(history, queue);
  queue.push_scan(scan_at(10));
  const auto batch = queue.take();
  SQLite::Database other(file, SQLite::OPEN_READWRITE);
  other.exec("ALTER TABLE scan RENAME TO elsewhere");
  EXPECT_FALSE(recorder.record(batch));
  other.exec("ALTER TABLE elsewhere RENAME TO scan");
  EXPECT_TRUE(recorder.record(batch));
  EXPECT_EQ(count(file, "scan"), 1);
  queue.done(batch);
  const auto events = queue.take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(std::get<core::ServiceEvent>(events[0]).kind, "fault_begin");
  EXPECT_EQ(std::get<core::ServiceEvent>(events[1]).kind, "fault_end");
}

}  // namespace
}  // namespace cgmm::daemon
