// SPDX-License-Identifier: Apache-2.0
// A database that somebody else holds, takes away, replaces or damages.
#include <fcntl.h>

#include <algorithm>

#include "faults/fault_test.hpp"
#include "support/old_history.hpp"
#include "support/pipe.hpp"

namespace cgmm::test {
namespace {

class DatabaseFault : public FaultTest {
 protected:
  std::string with(const char* end) const { return database().string() + end; }

  static void overwrite(const std::string& file, std::int64_t from_bytes) {
    const Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    const auto size = static_cast<std::int64_t>(std::filesystem::file_size(file));
    ASSERT_GT(size, from_bytes);
    const std::string garbage(static_cast<std::size_t>(size - from_bytes), '\xa5');
    ASSERT_EQ(::pwrite(fd.get(), garbage.data(), garbage.size(), from_bytes), static_cast<ssize_t>(garbage.size()));
  }
  void overwrite_page(std::int64_t number) const {
    const Fd fd(::open(database().c_str(), O_WRONLY | O_CLOEXEC));
    const std::int64_t page_bytes = this->number("PRAGMA page_size");
    const std::string garbage(static_cast<std::size_t>(page_bytes), '\xa5');
    ASSERT_EQ(::pwrite(fd.get(), garbage.data(), garbage.size(), (number - 1) * page_bytes), page_bytes);
  }
  std::int64_t page_of(const std::string& table) const {
    return number("SELECT rootpage FROM sqlite_schema WHERE name = '" + table + "'");
  }
  std::int64_t quarantined() const { return put_aside("corrupt"); }
  std::int64_t put_aside(const std::string& why) const {
    const std::filesystem::directory_iterator files(disk());
    return std::count_if(begin(files), end(files), [&](const auto& entry) {
      const std::string name = entry.path().filename().string();
      return name.starts_with("history.db." + why + "-") && !name.ends_with("-wal") && !name.ends_with("-shm");
    });
  }
};

TEST_F(DatabaseFault, LockedBySomebodyElse) {
  start();
  std::optional<SQLite::Database> other;
  survives({.row = "database locked by somebody else",
            .name = "history",
            .begin =
                [&] {
                  other.emplace(database(), SQLite::OPEN_READWRITE, 5000);
                  other->exec("BEGIN EXCLUSIVE");
                },
            .end = [&] { other.reset(); },
            .lasts_until = [&] { return count_in_log(" error: the history can't be written") > 0; }});
}

TEST_F(DatabaseFault, Deleted) {
  start();
  survives({.row = "database deleted",
            .name = "history",
            .begin =
                [&] {
                  for (const char* const end : {"", "-wal", "-shm"}) std::filesystem::remove(with(end));
                },
            .end = [] {}});  // all that it held is carried over
}

TEST_F(DatabaseFault, OnlyItsLogDeleted) {
  start();
  survives({.row = "the database's log (-wal) deleted",
            .name = "history",
            .begin = [&] { std::filesystem::remove(with("-wal")); },
            .end = [] {}});
}

TEST_F(DatabaseFault, ReplacedByAnotherHistory) {
  start();
  ASSERT_TRUE(eventually([&] { return number("SELECT count(*) FROM cooldown") == 1; }));
  SQLite::Database(database(), SQLite::OPEN_READONLY, 5000).exec("VACUUM INTO '" + file("backup.db").string() + "'");
  std::filesystem::rename(file("backup.db"), disk() / "backup.db");
  survives({.row = "replaced by an older copy",
            .name = "history",
            .begin = [&] { std::filesystem::rename(disk() / "backup.db", database()); },
            .end = [] {},
            .history_stays = false,
            .lost = "what the copy has not"});
}

TEST_F(DatabaseFault, ReplacedByAFileThatIsNotOurs) {
  start();
  const auto foreign = file("foreign.db");
  SQLite::Database(foreign, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
      .exec("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (42)");
  const std::string content = content_of(foreign);
  survives({.row = "replaced by another program's database",
            .name = "history",
            .begin =
                [&] {
                  std::filesystem::copy_file(foreign, disk() / "moved.db"),
                      std::filesystem::rename(disk() / "moved.db", database());
                },
            .end =
                [&] {
                  EXPECT_EQ(put_aside("foreign"), 1);
                  const std::filesystem::directory_iterator files(disk());
                  EXPECT_TRUE(std::any_of(begin(files), end(files), [&](const auto& entry) {
                    return entry.path().filename().string().starts_with("history.db.foreign-") &&
                           content_of(entry.path()) == content;
                  })) << "it is not whole";
                },
            .lasts_until = [&] { return put_aside("foreign") == 1; }});  // all that ours held is carried over
}

TEST_F(DatabaseFault, ReplacedByAText) {
  start();
  const auto put_a_text_there = [&] {
    std::ofstream(disk() / "text") << std::string(5000, 'a');
    std::filesystem::rename(disk() / "text", database());
  };
  survives({.row = "replaced by a text, twice",
            .name = "history",
            .begin =
                [&] {
                  put_a_text_there();
                  ASSERT_TRUE(eventually([&] { return quarantined() == 1; }));
                  put_a_text_there();
                },
            .end = [] {},
            .lasts_until = [&] { return quarantined() == 2; }});  // all that ours held is carried over
}

TEST_F(DatabaseFault, ItsLogEmptied) {
  start();
  survives({.row = "the database's log (-wal) emptied",
            .name = "history",
            .begin = [&] { std::filesystem::resize_file(with("-wal"), 0); },
            .end = [] {},
            .history_stays = false,
            .lost = "the scans since the log was taken up last"});
}

/// SQLite does not look at the WAL's checksums before it opens a database again: what is damaged goes into the file,
/// and is found there, by the next start at the latest. What can't be read then is lost: cooldowns may be, too.
TEST_F(DatabaseFault, ItsLogDamagedWhileItIsOpen) {
  constexpr std::int64_t kHeader_bytes = 32;
  constexpr std::int64_t kFrame_bytes = 24 + 2048;
  start();
  ASSERT_TRUE(eventually([&] { return scan_count() >= 3; }));
  ASSERT_TRUE(eventually([&] { return std::filesystem::file_size(with("-wal")) > 200'000; }));
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(with("-wal")));
  const std::int64_t scans_before = scans_made();
  overwrite(with("-wal"), kHeader_bytes + (size / 2 / kFrame_bytes) * kFrame_bytes);
  EXPECT_TRUE(eventually([&] { return scans_made() >= scans_before + 10; })) << "scans did not go on";
  put("/during", kOver);
  EXPECT_TRUE(eventually([&] { return was_reclaimed("/during"); })) << "reclaim did not go on";
  const std::int64_t scans_during = scans_made() - scans_before;
  service().signal(SIGTERM);
  ASSERT_EQ(service().wait_for_exit(), 0);
  const std::int64_t ended_at_us = now_us();
  start();
  EXPECT_TRUE(eventually([&] { return scan_count(ended_at_us) >= 2; })) << "scans are not recorded again";
  const std::int64_t recovered_us = now_us() - ended_at_us;
  service().signal(SIGTERM);
  EXPECT_EQ(service().wait_for_exit(), 0);
  expect_sound();
  show_fault({.row = "half of its log (-wal) overwritten while it is open",
              .name = "none",
              .begin_seen = "none",
              .scans = std::to_string(scans_during),
              .reclaims = "1",
              .lost = "what can't be read, kept aside",
              .recovered = seconds_of(recovered_us)});
}

TEST_F(DatabaseFault, DamagedWhileItIsOpen) {
  make_old_history(database(), now_us());
  start({.configuration = "keep_samples = '1h'\n"});
  survives({.row = "pages overwritten while it is open",
            .name = "history",
            .begin = [&] { overwrite(database(), 4096); },
            .end = [] {},
            .lasts_until = [&] { return quarantined() == 1; },
            .history_stays = false,
            .lost = "what can't be read, kept aside"});
}

TEST_F(DatabaseFault, DamagedAtAStart) {
  start();
  survives({.row = "a page overwritten at a start",
            .name = "history",
            .begin =
                [&] {
                  service().signal(SIGTERM);
                  ASSERT_EQ(service().wait_for_exit(), 0);
                  overwrite_page(page_of("sample"));
                  start();
                },
            .end = [&] { EXPECT_EQ(quarantined(), 1); },
            .history_stays = false,
            .lost = "what can't be read, kept aside"});
}

TEST_F(DatabaseFault, ItsLogDamagedAtAStart) {
  start();
  survives({.row = "half of its log (-wal) overwritten at a start",
            .name = "",
            .begin =
                [&] {
                  service().signal(SIGTERM);  // from here on the cooldown is in the database itself
                  ASSERT_EQ(service().wait_for_exit(), 0);
                  start();
                  ASSERT_TRUE(eventually([&, since = now_us()] { return scan_count(since) >= 5; }));
                  service().kill();
                  overwrite(with("-wal"), static_cast<std::int64_t>(std::filesystem::file_size(with("-wal")) / 2));
                  start();
                },
            .end = [] {},
            .history_stays = false,
            .lost = "the last scans before the kill"});
}

TEST_F(DatabaseFault, NoDirectoryThatCanBeWrittenAtAStart) {
  Mount again(disk(), disk());
  start();
  survives({.row = "read-only at a start (bind remount)",
            .name = "history",
            .begin =
                [&] {
                  service().signal(SIGTERM);
                  ASSERT_EQ(service().wait_for_exit(), 0);
                  again.make_read_only(true);
                  start();
                },
            .end = [&] { again.make_read_only(false); }});
}

TEST_F(DatabaseFault, AReaderThatDoesNotLetGo) {
  for (int i = 0; i < 200; ++i) cgroups().put("/pod/" + std::to_string(i), minimal_v1(kBelow));
  start({.configuration = "max_size = '32MiB'\n"});
  std::optional<SQLite::Database> reader;
  survives({.row = "a reader keeps the log from being taken up",
            .name = "reader",
            .begin =
                [&] {
                  reader.emplace(database(), SQLite::OPEN_READONLY, 5000);
                  reader->exec("BEGIN");
                  reader->execAndGet("SELECT count(*) FROM scan");
                },
            .end = [&] { reader.reset(); },
            .lasts_until = [&] { return number("SELECT count(*) FROM service_event WHERE fault = 'reader'") > 0; }});
}

}  // namespace
}  // namespace cgmm::test
