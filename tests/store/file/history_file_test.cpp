// SPDX-License-Identifier: Apache-2.0
// A history that is damaged, removed, emptied or replaced, at a start and under our hands.
#include "store/file/history_file.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <unistd.h>

#include <algorithm>

#include "store/file/salvage.hpp"
#include "store/file/wal.hpp"
#include "store/fixture.hpp"
#include "store/migrations.hpp"

namespace cgmm::store {
namespace {

constexpr std::int64_t kHour = 3600 * kSecond;

class Keeping : public StoreTest {
 protected:
  static core::Scan scan_at(std::int64_t at_us) {
    core::Scan scan{.started_at_us = at_us};
    for (core::CgroupKey key = 1; key <= 100; ++key) {
      scan.rows.push_back({.cgroup = test::tracked(key, {key == 1 ? "/web" : "/other/" + std::to_string(key), key})});
    }
    return scan;
  }
  static core::Reclaim reclaim_of_web(std::int64_t id) {
    return {.reclaim_id = id, .id = {"/web", 1}, .started_at_us = kNoon};
  }
  static core::CgroupCooldown cooldown_of_web() {
    return {{"/web", 1}, {.last_reclaim_at_us = kNoon, .until_us = kNoon + kHour, .strikes = 2}};
  }
  /// A run that has recorded 20 scans and a reclaim, whose keys are known.
  void begin_a_run(HistoryFile& history_file) const {
    history_file.begin(kNoon, "one");
    for (int i = 0; i < 20; ++i) store(history_file.history(), scan_at(kNoon + i * kSecond));
    store(history_file.history(), reclaim_of_web(1), cooldown_of_web());
  }
  /// The same, stopped in order.
  void make_long_history() const {
    HistoryFile history_file(file());
    begin_a_run(history_file);
    history_file.history().end_run(kNoon + 20 * kSecond, "");
  }
  static void begin_anew(HistoryFile& history_file, std::int64_t now_us, const std::string& damage = "") {
    history_file.leave(damage);
    history_file.begin(now_us, "one");
  }
  void overwrite(std::int64_t from) const {
    const auto size = static_cast<std::int64_t>(std::filesystem::file_size(file()));
    overwrite_bytes(file(), from, std::string(static_cast<std::size_t>(size - from), '\xa5'));
  }
  void overwrite_page(std::int64_t number) const {
    const std::int64_t bytes = page_bytes();
    overwrite_bytes(file(), (number - 1) * bytes, std::string(static_cast<std::size_t>(bytes), '\xa5'));
  }
  std::vector<std::filesystem::path> aside(Aside why = Aside::corrupt) const { return those_put_aside(file(), why); }
  void set_version(const std::string& version) const {
    SQLite::Database(file(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = " + version);
  }
  void remove_from_directory() const {
    for (const char* const end : {"", "-wal", "-shm"}) std::filesystem::remove(file().string() + end);
  }
};

TEST_F(Keeping, ADamagedOneIsPutAsideAndWhatCanBeReadIsCarriedOver) {
  make_long_history();
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(file()));
  overwrite(size - 3 * 4096);
  const std::string damaged = bytes_of(file());
  HistoryFile history_file(file());
  const core::Handover handover = history_file.begin(kNoon + 60 * kSecond, "two");
  EXPECT_EQ(handover.cooldowns.at({"/web", 1}), cooldown_of_web().cooldown);
  ASSERT_EQ(aside().size(), 1U);
  EXPECT_EQ(aside()[0].filename(), "history.db.corrupt-20261125T120100Z");
  EXPECT_TRUE(bytes_of(aside()[0]) == damaged);
  const std::string done = history_file.take_what_was_done();
  EXPECT_NE(done.find("1 of cooldown"), std::string::npos) << done;
  EXPECT_EQ(query("SELECT count(*) FROM reclaim"), "1\n");
  EXPECT_EQ(query("PRAGMA integrity_check"), "ok\n");
  store(history_file.history(), scan_at(kNoon + 61 * kSecond), reclaim_of_web(1), cooldown_of_web());
  EXPECT_EQ(query("SELECT reclaim_id FROM reclaim"), "1\n2\n");
}

TEST_F(Keeping, OfOneThatWasCutShortWhatIsLeftIsCarriedOver) {
  make_long_history();
  std::filesystem::resize_file(file(), std::filesystem::file_size(file()) * 3 / 4);
  HistoryFile history_file(file());
  const core::Handover handover = history_file.begin(kNoon + 60 * kSecond, "two");
  EXPECT_EQ(handover.cooldowns, (core::Cooldowns{{{"/web", 1}, cooldown_of_web().cooldown}}));
  EXPECT_EQ(aside().size(), 1U);
  EXPECT_EQ(query("SELECT count(*) FROM reclaim"), "1\n");
  EXPECT_EQ(query("PRAGMA integrity_check"), "ok\n");
}

TEST_F(Keeping, OneWithoutItsFirstPageIsOursWhereAServiceHasBeenAtWork) {
  make_long_history();
  overwrite_bytes(file(), 0, std::string(4096, '\0'));
  HistoryFile(file()).begin(kNoon + 60 * kSecond, "two");
  EXPECT_EQ(aside().size(), 1U);
  EXPECT_EQ(query("SELECT kind FROM service_event"), "start\n");
}

TEST_F(Keeping, WhatIsNotOursIsKeptWholeUnderAnotherName) {
  const std::string foreign = directory() / "foreign.db";
  SQLite::Database(foreign, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE bookmark (url TEXT)");
  const std::vector<std::string> contents{std::string(9000, 'a'), bytes_of(foreign), std::string(100, '\0')};
  for (std::size_t i = 0; i < contents.size(); ++i) {
    remove_from_directory();
    std::filesystem::remove(file().string() + ".lock");
    write_bytes(file(), contents[i]);
    write_bytes(file().string() + "-journal", "theirs");
    HistoryFile history_file(file());
    history_file.begin(kNoon + static_cast<std::int64_t>(i) * kSecond, "");
    const auto found = aside(Aside::foreign);
    ASSERT_EQ(found.size(), i + 1) << "none is ever removed";
    EXPECT_TRUE(bytes_of(found[0]) == contents[i]);
    EXPECT_EQ(bytes_of(found[0].string() + "-journal"), "theirs");
    const std::string words = history_file.take_what_was_done();
    EXPECT_NE(words.find(found[0].string()), std::string::npos) << words;
    store(history_file.history(), scan_at(kNoon));
    EXPECT_EQ(query("SELECT count(*) FROM scan"), "1\n");
  }
}

/// As after a flipped bit.
TEST_F(Keeping, OneWithAnotherApplicationIdIsOursAndLosesNothing) {
  for (const char* const there : {"with its lock", "copied"}) {
    remove_from_directory();
    make_long_history();
    overwrite_bytes(file(), 68, "\x01");
    if (there == std::string("copied")) std::filesystem::remove(file().string() + ".lock");
    HistoryFile history_file(file());
    EXPECT_EQ(history_file.begin(kNoon + 60 * kSecond, "two").cooldowns.size(), 1U) << there;
    EXPECT_EQ(query("SELECT count(*) FROM sample"), "2000\n");
  }
  EXPECT_EQ(aside().size(), 2U);
}

TEST_F(Keeping, AnyVersionThatIsInItsHeaderLetsARunBeginWithTheCooldowns) {
  for (const int bit : {0, 1, 2, 3, 16, 30, 31}) {
    remove_from_directory();
    make_long_history();
    const std::int32_t version = static_cast<std::int32_t>(kMigrations.size() ^ (1U << bit));
    set_version(std::to_string(version));
    HistoryFile history_file(file());
    EXPECT_EQ(history_file.begin(kNoon + (60 + bit) * kSecond, "two").cooldowns.size(), 1U) << version;
    store(history_file.history(), scan_at(kNoon + 100 * kSecond));
    EXPECT_EQ(query("SELECT count(*) FROM sample"), "2100\n") << version;
  }
}

TEST_F(Keeping, ALaterVersionsIsKeptAndTakenUpAgainByOneThatKnowsIt) {
  const std::string known = std::to_string(kMigrations.size());
  make_long_history();
  const std::string id = query("SELECT value FROM node WHERE key = 'history_id'");
  set_version("99");
  const std::string later = bytes_of(file());
  const core::CgroupCooldown new_cooldown{{"/new", 7}, {.last_reclaim_at_us = kNoon, .until_us = kNoon + kHour}};
  {
    HistoryFile history_file(file());
    EXPECT_EQ(history_file.begin(kNoon + 60 * kSecond, "earlier version").cooldowns.size(), 1U);
    ASSERT_EQ(aside(Aside::newer).size(), 1U);
    EXPECT_TRUE(bytes_of(aside(Aside::newer)[0]) == later);
    const std::string words = history_file.take_what_was_done();
    EXPECT_EQ(words.find("it was written by a later version; it is kept as " + aside(Aside::newer)[0].string()), 0U)
        << words;
    store(history_file.history(), scan_at(kNoon + 61 * kSecond), new_cooldown);
  }
  EXPECT_NE(query("SELECT value FROM node WHERE key = 'history_id'"), id) << "both would use the same row numbers";
  HistoryFile(file()).begin(kNoon + 62 * kSecond, "earlier version");
  EXPECT_EQ(aside(Aside::newer).size(), 1U) << "it is still not known";
  SQLite::Database(aside(Aside::newer)[0].string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = " + known);
  HistoryFile history_file(file());
  const core::Handover handover = history_file.begin(kNoon + 70 * kSecond, "later version");
  EXPECT_EQ(handover.cooldowns.size(), 2U) << "those of the meantime hold, too";
  EXPECT_TRUE(aside(Aside::newer).empty());
  ASSERT_EQ(aside(Aside::interim).size(), 1U);
  const std::string words = history_file.take_what_was_done();
  EXPECT_NE(words.find(" is taken up again; what was recorded in the meantime is kept as " +
                       aside(Aside::interim)[0].string()),
            std::string::npos)
      << words;
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "20\n");
  EXPECT_EQ(query("SELECT detail FROM service_event WHERE kind = 'start'"), "one\nlater version\n");
  EXPECT_EQ(query("SELECT count(*) FROM cooldown"), "2\n");
  EXPECT_EQ(shown(Reader(aside(Aside::interim)[0]).run("SELECT count(*) FROM scan")), "21\n");
}

TEST_F(Keeping, ACrashWhileALaterVersionsWasTakenUpLosesNothing) {
  make_long_history();
  std::filesystem::rename(file(), file().string() + ".newer-20261125T120000Z");  // the other has given way
  HistoryFile(file()).begin(kNoon + 60 * kSecond, "two");
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "20\n");
  EXPECT_TRUE(aside(Aside::interim).empty());
}

TEST_F(Keeping, ALaterVersionsThatIsDamagedIsNotTakenUp) {
  make_long_history();
  std::filesystem::copy_file(file(), file().string() + ".newer-20261125T120000Z");
  overwrite_bytes(file().string() + ".newer-20261125T120000Z", 20 * 2048, std::string(4096, '\0'));
  HistoryFile(file()).begin(kNoon + 60 * kSecond, "two");
  EXPECT_EQ(aside(Aside::newer).size(), 1U);
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "20\n");
}

TEST_F(Keeping, OfThoseThatWerePutAsideThreeAreKept) {
  for (int i = 0; i < 5; ++i) {
    make_long_history();
    overwrite_bytes(file(), 0, std::string(100, '\xa5'));
    HistoryFile(file()).begin(kNoon + i * kSecond, "");
  }
  std::vector<std::string> names;
  for (const auto& path : aside()) names.push_back(path.filename());
  std::ranges::sort(names);
  EXPECT_EQ(names,
            (std::vector<std::string>{"history.db.corrupt-20261125T120002Z", "history.db.corrupt-20261125T120003Z",
                                      "history.db.corrupt-20261125T120004Z"}));
}

TEST_F(Keeping, TheyAreFewerWhereTheyWouldBeBiggerThanTheHistoryMayGet) {
  for (int i = 0; i < 3; ++i) {
    make_long_history();
    overwrite_bytes(file(), 0, std::string(100, '\xa5'));
    HistoryFile history_file(file());
    history_file.set_retention(
        {.max_size_bytes = static_cast<std::int64_t>(std::filesystem::file_size(file())) * 3 / 2});
    history_file.begin(kNoon + i * kSecond, "");
  }
  ASSERT_EQ(aside().size(), 1U);
  EXPECT_EQ(aside()[0].filename(), "history.db.corrupt-20261125T120002Z");
}

TEST_F(Keeping, ARemovedOneIsBegunAnewAndNothingIsLost) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  remove_from_directory();
  EXPECT_FALSE(history_file.is_in_place());
  begin_anew(history_file, kNoon + 30 * kSecond);
  EXPECT_EQ(history_file.take_what_was_done().substr(0, 32), "its file was removed or emptied;");
  EXPECT_TRUE(history_file.is_in_place());
  core::Reclaim ended = reclaim_of_web(1);
  ended.outcome = core::ReclaimOutcome::done;
  store(history_file.history(), scan_at(kNoon + 31 * kSecond), ended);
  EXPECT_TRUE(history_file.is_in_place());
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "21\n");
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "2100\n");
  EXPECT_EQ(query("SELECT reclaim_id, outcome FROM reclaim"), "1|done\n") << "the end of the one that had begun";
  EXPECT_EQ(query("SELECT count(*) FROM cgroup WHERE vanished_at_us IS NOT NULL"), "0\n");
  EXPECT_EQ(query("SELECT kind, detail FROM service_event"),
            "start|one\nstop|its file was removed or replaced\nstart|one\n");
  EXPECT_EQ(query("PRAGMA integrity_check"), "ok\n");
  EXPECT_EQ(HistoryFile(file()).read_handover(kNoon)->cooldowns.size(), 1U);
}

TEST_F(Keeping, WhatIsToBeRecordedFirstIsOnRecordWithTheStartOrThereIsNone) {
  HistoryFile history_file(file());
  EXPECT_THROW(history_file.begin(kNoon, "one", [](History&) { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_FALSE(history_file.is_open());
  history_file.begin(kNoon, "two", [](History& history) { history.record(cooldown_of_web()); });
  EXPECT_EQ(query("SELECT detail FROM service_event"), "two\n");
  EXPECT_EQ(query("SELECT count(*) FROM cooldown"), "1\n");
}

TEST_F(Keeping, ARemovedDirectoryIsMadeAgainWithItsLock) {
  const std::filesystem::path deep = directory() / "deep" / "history.db";
  HistoryFile history_file(deep);
  history_file.begin(kNoon, "one");
  std::filesystem::remove_all(deep.parent_path());
  EXPECT_FALSE(history_file.is_in_place());
  begin_anew(history_file, kNoon);
  EXPECT_TRUE(history_file.is_in_place());
  EXPECT_EQ(running_service_pid(deep), ::getpid());
}

TEST_F(Keeping, AServiceWhoseLockFileWasRemovedTakesItAgain) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  std::filesystem::remove(file().string() + ".lock");
  EXPECT_FALSE(history_file.is_in_place());
  begin_anew(history_file, kNoon);
  EXPECT_TRUE(history_file.is_in_place());
  EXPECT_EQ(refusal_of([&] { HistoryFile(file()).begin(kNoon, "two"); }).first, StoreError::Kind::busy);
}

TEST_F(Keeping, ARemovedLogLosesNothing) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  std::filesystem::remove(file().string() + "-wal");
  EXPECT_FALSE(history_file.is_in_place());
  begin_anew(history_file, kNoon + 30 * kSecond);
  store(history_file.history(), scan_at(kNoon + 31 * kSecond));
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "2100\n");
  EXPECT_TRUE(history_file.is_in_place());
}

TEST_F(Keeping, ARemovedLogLosesNothingWhileSomebodyReads) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  SQLite::Database reader(file(), SQLite::OPEN_READONLY);
  std::optional<SQLite::Statement> reading(std::in_place, reader, "SELECT * FROM sample");
  ASSERT_TRUE(reading->executeStep());
  store(history_file.history(), scan_at(kNoon + 30 * kSecond));
  std::filesystem::remove(file().string() + "-wal");
  EXPECT_EQ(refusal_of([&] { history_file.leave(""); }).first, StoreError::Kind::busy);
  ASSERT_TRUE(history_file.is_open());
  reading.reset();
  begin_anew(history_file, kNoon + 32 * kSecond);
  store(history_file.history(), scan_at(kNoon + 33 * kSecond));
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "2200\n");
  EXPECT_EQ(query("PRAGMA integrity_check"), "ok\n");
}

TEST_F(Keeping, ARemovedLockLosesNothingWhileSomebodyReads) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  SQLite::Database reader(file(), SQLite::OPEN_READONLY);
  SQLite::Statement reading(reader, "SELECT * FROM sample");
  ASSERT_TRUE(reading.executeStep());
  std::filesystem::remove(file().string() + ".lock");
  begin_anew(history_file, kNoon + 31 * kSecond);
  EXPECT_TRUE(std::filesystem::exists(file().string() + "-wal"));
  EXPECT_TRUE(history_file.is_in_place());
  store(history_file.history(), scan_at(kNoon + 33 * kSecond));
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "2100\n");
}

TEST_F(Keeping, AServiceWhoseLockAnotherHasTakenIsNotInPlace) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  std::filesystem::remove(file().string() + ".lock");
  const LockFile another(file(), file());
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(history_file.is_in_place());
    EXPECT_EQ(refusal_of([&] { history_file.leave(""); }).first, StoreError::Kind::busy);
  }
}

TEST_F(Keeping, AnEmptiedLogIsFoundAndWhatIsInTheFileStays) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  ASSERT_TRUE(history_file.history().wal().checkpoint_all());
  store(history_file.history(), scan_at(kNoon + 30 * kSecond));
  ASSERT_TRUE(history_file.is_in_place());
  std::filesystem::resize_file(file().string() + "-wal", 0);
  try {
    store(history_file.history(), scan_at(kNoon + 31 * kSecond));
  } catch (const SQLite::Exception&) {
    return;  // it had to read a page that was in the log, and has noticed by itself
  }
  EXPECT_FALSE(history_file.is_in_place());
  history_file.history().maintain(kNoon);  // nothing of it goes into the file
  begin_anew(history_file, kNoon + 32 * kSecond);
  store(history_file.history(), scan_at(kNoon + 33 * kSecond));
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "21\n");
  EXPECT_EQ(query("SELECT kind FROM service_event"), "start\nstop\nstart\n");
  history_file.history().end_run(kNoon + 34 * kSecond, "");
  EXPECT_EQ(query("PRAGMA integrity_check"), "ok\n");
}

TEST_F(Keeping, AnEmptiedLogIsNotTakenUpAtTheStop) {
  {
    HistoryFile history_file(file());
    begin_a_run(history_file);
    ASSERT_TRUE(history_file.history().wal().checkpoint_all());
    store(history_file.history(), scan_at(kNoon + 30 * kSecond));
    std::filesystem::resize_file(file().string() + "-wal", 0);
    EXPECT_THROW(history_file.history().end_run(kNoon + 31 * kSecond, ""), SQLite::Exception);
  }
  EXPECT_EQ(query("PRAGMA integrity_check"), "ok\n");
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "20\n");
}

TEST_F(Keeping, ALogThatWasTakenUpAndCutOffBySomebodyElseIsNone) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  SQLite::Database(file(), SQLite::OPEN_READWRITE).exec("PRAGMA wal_checkpoint(TRUNCATE)");
  ASSERT_EQ(std::filesystem::file_size(file().string() + "-wal"), 0U);
  store(history_file.history(), scan_at(kNoon + 30 * kSecond));
  EXPECT_TRUE(history_file.is_in_place());
}

TEST_F(Keeping, WhatIsNoDatabaseIsPutAsideWhereTheRunIsOursAndNothingIsLost) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  for (int i = 0; i < 2; ++i) {
    write_bytes(directory() / "text", std::string(9000, 'a'));
    std::filesystem::rename(directory() / "text", file());
    EXPECT_FALSE(history_file.is_in_place());
    begin_anew(history_file, kNoon + (30 + i) * kSecond);
    const std::string words = history_file.take_what_was_done();
    EXPECT_NE(words.find("1 of cooldown"), std::string::npos) << words;
    store(history_file.history(), scan_at(kNoon + (40 + i) * kSecond));
  }
  EXPECT_EQ(aside().size(), 2U);
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "2200\n");
  EXPECT_EQ(query("SELECT kind FROM service_event"), "start\nstop\nstart\nstop\nstart\n");
  EXPECT_EQ(refusal_of([&] { HistoryFile(file()).begin(kNoon, "two"); }).first, StoreError::Kind::busy);
}

TEST_F(Keeping, AnotherProgramsDatabaseInItsPlaceIsPutAsideAndNothingIsLost) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  const std::string foreign = directory() / "foreign.db";
  SQLite::Database(foreign, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE theirs (x)");
  const std::string content = bytes_of(foreign);
  std::filesystem::rename(foreign, file());
  begin_anew(history_file, kNoon + 32 * kSecond);
  ASSERT_EQ(aside(Aside::foreign).size(), 1U);
  EXPECT_TRUE(bytes_of(aside(Aside::foreign)[0]) == content);
  core::Reclaim ended = reclaim_of_web(1);
  ended.outcome = core::ReclaimOutcome::done;
  store(history_file.history(), scan_at(kNoon + 33 * kSecond), ended);
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "2100\n");
  EXPECT_EQ(query("SELECT reclaim_id, outcome FROM reclaim"), "1|done\n") << "its number stays";
  EXPECT_EQ(query("SELECT kind FROM service_event"), "start\nstop\nstart\n");
  EXPECT_FALSE(std::filesystem::exists(file().string() + ".new"));
}

TEST_F(Keeping, OnAFullDiskADamagedOneIsNoUnreadableOne) {
  make_long_history();
  overwrite(static_cast<std::int64_t>(std::filesystem::file_size(file())) - 4096);
  std::filesystem::create_directory(file().string() + ".new");  // nothing can be written there
  write_bytes(file().string() + ".new/keep", "");
  HistoryFile history_file(file());
  EXPECT_EQ(refusal_of([&] { history_file.begin(kNoon + 60 * kSecond, "two"); }).first, StoreError::Kind::unusable);
  EXPECT_TRUE(aside().empty());
  std::filesystem::remove_all(file().string() + ".new");
  EXPECT_EQ(history_file.begin(kNoon + 61 * kSecond, "two").cooldowns.size(), 1U);
}

TEST_F(Keeping, TheOneThatIsPutAsideStaysAlthoughTheClockWasSetBack) {
  for (const int at_s : {100, 200, 300, 0}) {
    make_long_history();
    overwrite_bytes(file(), 0, std::string(100, '\xa5'));
    HistoryFile(file()).begin(kNoon + at_s * kSecond, "");
  }
  EXPECT_EQ(aside().size(), 3U);
  EXPECT_TRUE(std::filesystem::exists(file().string() + ".corrupt-20261125T120000Z"));
}

TEST_F(Keeping, OneThatIsBiggerThanItMayBeByNowIsOpened) {
  make_long_history();
  SQLite::Database(file(), SQLite::OPEN_READWRITE).exec("UPDATE service_event SET detail = zeroblob(20000000)");
  HistoryFile history_file(file());
  history_file.set_retention({.max_size_bytes = 8 << 20});
  history_file.begin(kNoon + 60 * kSecond, "two");
  EXPECT_EQ(query("SELECT count(*) FROM service_event WHERE kind = 'start'"), "2\n");
}

TEST_F(Keeping, DamageInABigOneThatIsMetWhenTheRunBeginsIsDamageToo) {
  make_long_history();
  SQLite::Database(file(), SQLite::OPEN_READWRITE)
      .exec("UPDATE service_event SET detail = zeroblob(70000000)");  // not looked through
  const std::string root = query("SELECT rootpage FROM sqlite_schema WHERE name = 'cooldown'");
  overwrite_page(std::stoll(root));
  HistoryFile(file()).begin(kNoon + 60 * kSecond, "two");
  EXPECT_EQ(aside().size(), 1U);
  EXPECT_EQ(query("SELECT count(*) FROM reclaim"), "1\n");
}

/// Overwrites the page at the root of the table.
TEST_F(Keeping, WhatBelongsToLostRowsIsLeftBehindWithThem) {
  for (const std::string table : {"scan", "cgroup", "reclaim"}) {
    remove_from_directory();
    make_long_history();
    const std::string root = query("SELECT rootpage FROM sqlite_schema WHERE name = '" + table + "'");
    overwrite_page(std::stoll(root));
    HistoryFile history_file(file());
    history_file.begin(kNoon + 60 * kSecond, "two");
    const std::string done = history_file.take_what_was_done();
    EXPECT_NE(done.find("not complete: "), std::string::npos) << done;
    for (int i = 0; i < 3; ++i) store(history_file.history(), scan_at(kNoon + (61 + i) * kSecond));
    store(history_file.history(), reclaim_of_web(1), cooldown_of_web());
    EXPECT_EQ(query("SELECT count(*) FROM scan"), table == "scan" ? "3\n" : "23\n") << table;
    for (const char* const orphans : {"sample WHERE scan_id NOT IN (SELECT scan_id FROM scan)",
                                      "sample WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)",
                                      "cooldown WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)",
                                      "reclaim WHERE cgroup_id NOT IN (SELECT cgroup_id FROM cgroup)",
                                      "rolled_up WHERE scan_id > (SELECT max(scan_id) FROM scan)"}) {
      EXPECT_EQ(query(std::string("SELECT count(*) FROM ") + orphans), "0\n") << table << ": " << orphans;
    }
    EXPECT_EQ(query("SELECT count(*) FROM sample"), table == "reclaim" ? "2300\n" : "300\n") << table;
  }
}

TEST_F(Keeping, ACrashWhileARemovedOneWasReplacedLosesNothing) {
  std::string log;
  {
    HistoryFile history_file(file());
    begin_a_run(history_file);
    log = bytes_of(file().string() + "-wal");
    std::filesystem::remove(file());
    begin_anew(history_file, kNoon + 30 * kSecond);
    history_file.history().end_run(kNoon + 31 * kSecond, "");
  }
  std::filesystem::rename(file(), file().string() + ".new");
  write_bytes(file().string() + "-wal", log);  // of the one that was removed
  HistoryFile history_file(file());
  EXPECT_EQ(history_file.begin(kNoon + 60 * kSecond, "two").cooldowns.size(), 1U);
  EXPECT_EQ(history_file.take_what_was_done(), "");
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "2000\n");
}

TEST_F(Keeping, ACrashWhileARemovedOneWasSavedKeepsWhatWasSaved) {
  {
    SQLite::Database saved(file().string() + ".new", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    HistoryFile history_file(file());
    begin_a_run(history_file);
    for (const char* const end : {"", "-wal"}) {
      std::filesystem::copy_file(file().string() + end, file().string() + ".new" + end,
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
  remove_from_directory();
  EXPECT_EQ(HistoryFile(file()).begin(kNoon + 60 * kSecond, "two").cooldowns.size(), 1U);
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "2000\n");
}

TEST_F(Keeping, ACrashWhileADamagedOneWasReplacedLosesNothing) {
  make_long_history();
  const std::string unfinished = file().string() + ".new";
  std::filesystem::rename(file(), unfinished);  // the old one has given way
  EXPECT_EQ(HistoryFile(file()).begin(kNoon + kSecond, "").cooldowns.size(), 1U);
  write_bytes(unfinished, "it was being made");
  EXPECT_EQ(HistoryFile(file()).begin(kNoon + kSecond, "").cooldowns.size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(unfinished));
}

TEST_F(Keeping, AnEmptiedOneIsBegunAnew) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  std::filesystem::resize_file(file(), 0);
  EXPECT_FALSE(history_file.is_in_place());
  begin_anew(history_file, kNoon + 30 * kSecond);
  store(history_file.history(), scan_at(kNoon + 31 * kSecond));
  EXPECT_EQ(query("SELECT count(*) FROM sample WHERE scan_id = (SELECT max(scan_id) FROM scan)"), "100\n");
  EXPECT_EQ(query("PRAGMA integrity_check"), "ok\n");
}

TEST_F(Keeping, AnotherHistoryPutInItsPlaceIsGoneOnWithAndKeepsItsRows) {
  make_long_history();
  const std::string backup = directory() / "backup.db";
  std::filesystem::copy_file(file(), backup);
  remove_from_directory();
  HistoryFile history_file(file());
  history_file.begin(kNoon + kHour, "two");
  store(history_file.history(), scan_at(kNoon + kHour), reclaim_of_web(1), cooldown_of_web());
  std::filesystem::rename(backup, file());  // our log is still beside it, and must not be taken for its own
  EXPECT_FALSE(history_file.is_in_place());
  begin_anew(history_file, kNoon + kHour + kSecond);
  store(history_file.history(), scan_at(kNoon + kHour + 2 * kSecond), reclaim_of_web(2), cooldown_of_web());
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "21\n");
  EXPECT_EQ(query("SELECT count(*) FROM cgroup WHERE vanished_at_us IS NULL"), "100\n");
  EXPECT_EQ(query("SELECT reclaim_id FROM reclaim"), "1\n3\n");
  EXPECT_EQ(query("PRAGMA integrity_check"), "ok\n");
}

TEST_F(Keeping, AHeaderThatIsOverwrittenUnderOurHandsIsDamage) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  history_file.history().end_run(kNoon + 20 * kSecond, "");
  history_file.history().wal().note_file();
  overwrite_bytes(file(), 60, std::string("\0\0\0\x63", 4));  // user_version
  EXPECT_EQ(history_file.damage(), "the version in its header is overwritten");
  begin_anew(history_file, kNoon + 30 * kSecond, history_file.damage());
  EXPECT_EQ(history_file.damage(), "");
  EXPECT_EQ(query("SELECT count(*) FROM sample"), "2000\n");
}

TEST_F(Keeping, DamageThatOurOwnCacheHidesIsFoundByTheFilesTime) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  history_file.history().end_run(kNoon + 20 * kSecond, "");  // all of it is in the file
  history_file.history().wal().note_file();
  EXPECT_FALSE(history_file.history().wal().was_file_written_by_others());
  overwrite(4096);
  EXPECT_TRUE(history_file.history().wal().was_file_written_by_others());
  EXPECT_NE(history_file.damage(), "");
  begin_anew(history_file, kNoon + 30 * kSecond, history_file.damage());
  EXPECT_EQ(history_file.damage(), "");
  EXPECT_EQ(aside().size(), 1U);
  EXPECT_EQ(query("PRAGMA integrity_check"), "ok\n");
}

TEST_F(Keeping, WhatSomebodyElseWritesLawfullyIsNoDamage) {
  HistoryFile history_file(file());
  begin_a_run(history_file);
  history_file.history().end_run(kNoon + 20 * kSecond, "");
  history_file.history().wal().note_file();
  {
    SQLite::Database other(file(), SQLite::OPEN_READWRITE);
    other.exec("DELETE FROM service_event; PRAGMA wal_checkpoint(TRUNCATE)");
  }
  EXPECT_TRUE(history_file.history().wal().was_file_written_by_others());
  EXPECT_EQ(history_file.damage(), "");
  EXPECT_FALSE(history_file.history().wal().was_file_written_by_others());
}

TEST_F(Keeping, OneThatCantBeWrittenYetTellsItsCooldowns) {
  make_long_history();
  const HistoryFile history_file(file());
  EXPECT_EQ(history_file.read_handover(kNoon + kSecond)->cooldowns.at({"/web", 1}), cooldown_of_web().cooldown);
  EXPECT_TRUE(HistoryFile(directory() / "none.db").read_handover(kNoon)->cooldowns.empty());
}

}  // namespace
}  // namespace cgmm::store
