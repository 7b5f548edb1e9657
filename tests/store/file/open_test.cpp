// SPDX-License-Identifier: Apache-2.0
#include "store/file/open.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "store/fixture.hpp"
#include "store/migrations.hpp"

namespace cgmm::store {
namespace {

using Kind = StoreError::Kind;

class Open : public StoreTest {
 protected:
  /// Both the writer and the reader say the same and leave every byte as it was.
  void expect_refused(Kind kind, const std::string& sentence) const {
    const Traces before = traces_in(directory());
    EXPECT_EQ(refusal_of([&] { History history(file()); }), refused(kind, sentence));
    EXPECT_EQ(refusal_of([&] { Reader reader(file()); }), refused(kind, sentence));
    EXPECT_EQ(traces_in(directory()), before);
  }
  std::string name() const { return file().string(); }

  /// As kill -9 leaves it: what was stored is only in the log.
  void make_killed_history(const std::string& extra_sql = "") const {
    const pid_t child = ::fork();
    if (child == 0) {
      History history(file());
      history.begin_run(kNoon, "");
      if (!extra_sql.empty()) SQLite::Database(name(), SQLite::OPEN_READWRITE).exec(extra_sql);
      ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_GT(std::filesystem::file_size(name() + "-wal"), 0u);
  }

  static mode_t mode_of(const std::filesystem::path& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }
};

constexpr const char* kNameAnother = "name another file with --database";

TEST_F(Open, DoesNotMakeMoreThanTheFilesOwnDirectory) {
  const auto mistyped = directory() / "a" / "b" / "history.db";
  EXPECT_THROW(Service{mistyped}, StoreError);
  EXPECT_FALSE(std::filesystem::exists(directory() / "a"));
}

TEST_F(Open, GivesWhatItMakesToTheGroupAdmAndLeavesAloneWhatWasThere) {
  const group* const adm = ::getgrnam("adm");
  if (::geteuid() != 0 || adm == nullptr)
    GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: it takes root and a group adm ***";
  const auto group_of = [](const std::filesystem::path& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_gid;
  };
  const auto deep = directory() / "b" / "history.db";
  {
    const Service service(deep);
    for (const char* const end : {"", "-wal", "-shm"}) {
      EXPECT_EQ(group_of(deep.string() + end), adm->gr_gid) << end;
      EXPECT_EQ(mode_of(deep.string() + end), 0640u) << end;
    }
    EXPECT_EQ(group_of(deep.parent_path()), adm->gr_gid);
    EXPECT_EQ(mode_of(deep.string() + ".lock"), 0600u) << "whoever can open it can hold the lock";
  }
  // As the node's owner has it now.
  const auto everything = {deep, deep.parent_path()};
  for (const auto& path : everything) {
    ASSERT_EQ(::chown(path.c_str(), 0, 12345), 0);
    ASSERT_EQ(::chmod(path.c_str(), 0700), 0);
  }
  {
    const Service service(deep);
    for (const auto& path : everything) {
      EXPECT_EQ(group_of(path), 12345u) << path;
      EXPECT_EQ(mode_of(path), 0700u) << path;
    }
    EXPECT_EQ(group_of(deep.string() + "-wal"), 12345u) << "as the database has it";
  }
}

TEST_F(Open, MakesTheFileAndItsDirectoryForTheServiceAndItsGroupWhateverTheUmaskIs) {
  const auto deep = directory() / "b" / "history.db";
  for (const mode_t mask : {0077u, 0000u}) {
    const mode_t before = ::umask(mask);
    {
      const Service service(deep);
      EXPECT_EQ(mode_of(deep), 0640u);
      EXPECT_EQ(mode_of(deep.string() + "-wal"), 0640u);
      EXPECT_EQ(mode_of(deep.string() + ".lock"), 0600u);
      EXPECT_EQ(mode_of(deep.parent_path()), 0750u);
    }
    ::umask(before);
    std::filesystem::remove_all(directory() / "b");
  }
}

TEST_F(Open, ANewDatabaseSaysWhoseItIsAndCanGiveSpaceBack) {
  make_history();
  const SQLite::Database database(name());
  const auto pragma = [&](const char* what) {
    SQLite::Statement statement(database, std::string("PRAGMA ") + what);
    statement.executeStep();
    return statement.getColumn(0).getString();
  };
  EXPECT_EQ(pragma("application_id"), std::to_string(kApplicationId));
  EXPECT_EQ(pragma("user_version"), std::to_string(kMigrations.size()));
  EXPECT_EQ(pragma("auto_vacuum"), "2");
  EXPECT_EQ(pragma("journal_mode"), "wal");
}

TEST_F(Open, TakesAnEmptyFileAndADatabaseInWhichNothingIsForNew) {
  write_bytes(file(), "");
  make_history();
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "1\n");

  for (const char* journal_mode : {"DELETE", "WAL"}) {
    std::filesystem::remove(file());
    SQLite::Database(name(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
        .exec(std::string("PRAGMA journal_mode = ") + journal_mode + "; CREATE TABLE t (x); DROP TABLE t");
    ASSERT_GT(std::filesystem::file_size(file()), 0u);
    EXPECT_EQ(refusal_of([&] { Reader reader(file()); }).first, Kind::missing);
    make_history();
    EXPECT_EQ(query("SELECT count(*) FROM scan"), "1\n");
    EXPECT_EQ(query("PRAGMA auto_vacuum"), "2\n");
  }
}

TEST_F(Open, FindsAllInTheLogOfAServiceThatWasKilled) {
  make_killed_history();
  EXPECT_EQ(query("SELECT kind FROM service_event"), "start\n");
  History history(file());
  history.begin_run(kNoon + kSecond, "");
  EXPECT_EQ(query("SELECT kind FROM service_event"), "start\ncrash_found\nstart\n");
}

TEST_F(Open, BeginsAnewWhereTheServiceWasKilledBeforeItsFirstTable) {
  SQLite::Database(name(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
      .exec("PRAGMA auto_vacuum = 2; PRAGMA application_id = " + std::to_string(kApplicationId) +
            "; PRAGMA journal_mode = WAL");
  EXPECT_EQ(refusal_of([&] { Reader reader(file()); }).first, Kind::missing);
  make_history();
  EXPECT_EQ(query("SELECT count(*) FROM scan"), "1\n");
}

TEST_F(Open, FollowsASymbolicLinkToTheFileAndItsLock) {
  make_history();
  std::filesystem::create_symlink(file(), directory() / "link.db");
  const Service service(file());
  EXPECT_EQ(running_service_pid(directory() / "link.db"), ::getpid());
  EXPECT_EQ(refusal_of([&] { Service other(directory() / "link.db"); }).first, Kind::busy);
  EXPECT_EQ(shown(Reader(directory() / "link.db").run("SELECT count(*) FROM scan")), "1\n");
}

TEST_F(Open, TakesANameThatLooksLikeAUriForAName) {
  const auto odd = directory() / "a b%41?mode=memory#c.db";
  {
    History(odd).begin_run(kNoon, "");
  }
  ASSERT_TRUE(std::filesystem::exists(odd));
  EXPECT_EQ(shown(Reader(odd).run("SELECT kind FROM service_event")), "start\n");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory());
  {
    History("file:x.db?mode=memory").begin_run(kNoon, "");
  }
  EXPECT_TRUE(std::filesystem::exists(directory() / "file:x.db?mode=memory"));
  std::filesystem::current_path(before);
}

TEST_F(Open, AReaderWithoutAFileSaysHowAHistoryIsMade) {
  const std::string sentence =
      "there is no history at " + name() + " yet: start the service (`cgroup-memory-manager run`) or " + kNameAnother;
  EXPECT_EQ(refusal_of([&] { Reader reader(file()); }), refused(Kind::missing, sentence));
  EXPECT_TRUE(traces_in(directory()).empty());
  write_bytes(file(), "");
  EXPECT_EQ(refusal_of([&] { Reader reader(file()); }), refused(Kind::missing, sentence));
}

TEST_F(Open, RefusesATextFile) {
  for (const std::string& text : {std::string("x"), std::string("[service]\n"), std::string(9000, 'a')}) {
    write_bytes(file(), text);
    expect_refused(Kind::no_database,
                   name() +
                       " is not a SQLite database, cgroup-memory-manager did not write it: the service renames it when "
                       "it starts, and begins a new one; move it away or " +
                       kNameAnother);
  }
}

TEST_F(Open, RefusesAnotherProgramsDatabaseAndNamesItsApplicationId) {
  const struct {
    const char* sql;
    const char* named;
  } cases[] = {
      {"CREATE TABLE t (x)", "no application_id"},
      {"PRAGMA journal_mode = WAL; CREATE TABLE t (x)", "no application_id"},
      {"PRAGMA user_version = 3", "no application_id"},
      {"PRAGMA application_id = 0x47504b47; CREATE TABLE t (x)", "application_id 0x47504b47 \"GPKG\""},
      {"PRAGMA application_id = 0x1b5b4a0a", "application_id 0x1b5b4a0a"},
      {"PRAGMA application_id = -2", "application_id 0xfffffffe"},
  };
  for (const auto& [sql, named] : cases) {
    std::filesystem::remove(file());
    SQLite::Database(name(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(sql);
    expect_refused(Kind::foreign,
                   name() + " is the SQLite database of another program (" + named +
                       "): the service renames it when it starts, and begins a new one; move it away or " +
                       kNameAnother);
  }
}

TEST_F(Open, RefusesAnotherProgramsDatabaseThatIsOpenWithoutReadingItsLog) {
  SQLite::Database other(name(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  other.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (x)");
  ASSERT_GT(std::filesystem::file_size(name() + "-wal"), 0u);
  expect_refused(Kind::foreign, name() +
                                    " is the SQLite database of another program (no application_id): the service "
                                    "renames it when it starts, and begins a new one; move it away or " +
                                    kNameAnother);
}

TEST_F(Open, RefusesALaterVersion) {
  make_history();
  std::filesystem::remove(name() + ".lock");
  SQLite::Database(name(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 99");
  expect_refused(Kind::newer, name() +
                                  " was written by a later version of cgroup-memory-manager (its schema is version "
                                  "99, this program knows up to " +
                                  std::to_string(kMigrations.size()) +
                                  "): the service renames it when it starts, and a later version takes it up "
                                  "again; upgrade the program or " +
                                  kNameAnother);
}

TEST_F(Open, RefusesALaterVersionThatIsOnlyInTheLogAndLeavesTheLog) {
  make_killed_history("PRAGMA user_version = 99");
  const std::string database = bytes_of(file());
  const std::string log = bytes_of(name() + "-wal");
  EXPECT_EQ(refusal_of([&] { History history(file()); }).first, Kind::newer);
  EXPECT_EQ(refusal_of([&] { Reader reader(file()); }).first, Kind::newer);
  EXPECT_TRUE(bytes_of(file()) == database);
  EXPECT_TRUE(bytes_of(name() + "-wal") == log);
}

class DamagedFile : public Open {
 protected:
  void SetUp() override {
    make_history();
    std::filesystem::remove(name() + ".lock");
  }
  std::string damaged(const std::string& detail) const {
    return name() + " is damaged (" + detail +
           "): the service looks through its history when it starts, up to 64 MiB, and every twelve hours at any size, "
           "puts a damaged one aside and begins a new one with what it can read; wait for that or " +
           kNameAnother;
  }
};

TEST_F(DamagedFile, RefusesAFileThatWasCutOff) {
  const auto size = std::filesystem::file_size(file());
  std::filesystem::resize_file(file(), size - 4096);
  for (const auto left : {size - 4096, std::uintmax_t{5000}, std::uintmax_t{100}}) {
    std::filesystem::resize_file(file(), left);
    expect_refused(Kind::corrupt, damaged("it has " + std::to_string(left) + " of " + std::to_string(size) + " bytes"));
  }
}

TEST_F(DamagedFile, RefusesAFileWhoseLastPageWasCutOff) {
  const auto size = std::filesystem::file_size(file());
  std::filesystem::resize_file(file(), size - 100);
  expect_refused(Kind::corrupt,
                 damaged("it has " + std::to_string(size - 100) + " of " + std::to_string(size) + " bytes"));
}

TEST_F(DamagedFile, RefusesAFileThatWasCutOffInItsHeader) {
  std::filesystem::resize_file(file(), 90);
  expect_refused(Kind::corrupt, damaged("it ends within its header"));
}

TEST_F(DamagedFile, RefusesAnOverwrittenBeginning) {
  overwrite_bytes(file(), 0, std::string(16, '\0'));
  expect_refused(Kind::corrupt, damaged("its first bytes are overwritten"));
}

TEST_F(DamagedFile, RefusesAHeaderThatMakesNoSense) {
  overwrite_bytes(file(), 16, std::string("\x12\x34", 2));  // the page size
  expect_refused(Kind::corrupt, damaged("SQLite says: file is not a database"));
}

TEST_F(DamagedFile, RefusesAnUnreadableSchema) {
  overwrite_bytes(file(), 100, std::string(200, '\xff'));
  expect_refused(Kind::corrupt, damaged("SQLite says: database disk image is malformed"));
}

TEST_F(DamagedFile, TheWriterRefusesGarbageInTheMiddle) {
  const auto page =
      SQLite::Database(name()).execAndGet("SELECT rootpage FROM sqlite_schema WHERE name = 'scan'").getInt();
  overwrite_bytes(file(), (page - 1) * page_bytes(), std::string(static_cast<std::size_t>(page_bytes()), '\xa5'));
  const Traces before = traces_in(directory());
  EXPECT_EQ(refusal_of([&] { History history(file()); }),
            refused(Kind::corrupt, damaged("SQLite's quick_check says: Page " + std::to_string(page) +
                                           ": btreeInitPage() returns error code 11")));
  // A report that doesn't touch what is damaged is still worth having.
  EXPECT_EQ(query("SELECT path FROM cgroup"), "/web\n");
  EXPECT_EQ(refusal_of([&] { query("SELECT * FROM scan"); }),
            refused(Kind::corrupt, damaged("SQLite says: database disk image is malformed")));
  EXPECT_EQ(traces_in(directory()), before);
}

TEST_F(DamagedFile, RefusesAHistoryThatLacksATable) {
  SQLite::Database(name(), SQLite::OPEN_READWRITE).exec("DROP TABLE cooldown");
  expect_refused(Kind::corrupt, damaged("its table 'cooldown' is missing"));
}

TEST_F(DamagedFile, RefusesAHistoryWithAnotherApplicationId) {
  for (int bit = 0; bit < 32; ++bit) {
    SQLite::Database(name(), SQLite::OPEN_READWRITE)
        .exec("PRAGMA application_id = " + std::to_string(kApplicationId ^ static_cast<int>(1U << bit)));
    expect_refused(Kind::corrupt, damaged("its application_id is overwritten"));
  }
}

/// What is missing in its schema can't be recorded, and what is there already can't be made.
TEST_F(DamagedFile, TheWriterRefusesAHistoryThatIsNotOfTheVersionThatItSays) {
  const auto version = static_cast<int>(kMigrations.size());
  for (int bit = 0; (1 << bit) <= version; ++bit) {
    const int changed = version ^ (1 << bit);
    constexpr int kOnlyViewsDiffer = 8;  // what the migration to 9 makes again is the same: there is no harm
    if (changed < 1 || changed > version || changed == kOnlyViewsDiffer) continue;
    SQLite::Database(name(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = " + std::to_string(changed));
    EXPECT_EQ(refusal_of([&] { History history(file()); }).first, Kind::corrupt) << changed;
  }
  SQLite::Database(name(), SQLite::OPEN_READWRITE)
      .exec("PRAGMA user_version = " + std::to_string(version) + "; DROP VIEW v_sample");
  const auto [kind, sentence] = refusal_of([&] { History history(file()); });
  EXPECT_EQ(kind, Kind::corrupt);
  EXPECT_NE(sentence.find("its schema is not that of its version: v_sample."), std::string::npos) << sentence;
}

TEST_F(DamagedFile, RefusesAHistoryWithoutAVersion) {
  SQLite::Database(name(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 0");
  expect_refused(Kind::corrupt, damaged("its schema has no version"));
}

TEST_F(Open, RefusesADirectory) {
  std::filesystem::create_directory(file());
  expect_refused(Kind::unusable, name() + " can't be used: it is a directory; " + kNameAnother);
}

TEST_F(Open, RefusesAFifoWithoutWaitingForItsOtherEnd) {
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  expect_refused(Kind::unusable, name() + " can't be used: it is not a regular file; " + kNameAnother);
}

TEST_F(Open, RefusesAPathBelowAFile) {
  write_bytes(directory() / "plain", "x");
  const auto below = directory() / "plain" / "sub" / "history.db";
  EXPECT_EQ(refusal_of([&] { Service service(below); }),
            refused(Kind::unusable, below.string() + " can't be used: its directory " +
                                        (directory() / "plain" / "sub").string() +
                                        " can't be made: Not a directory; correct the path or " + kNameAnother));
  EXPECT_EQ(refusal_of([&] { Reader reader(below); }),
            refused(Kind::unusable, below.string() +
                                        " can't be used: it can't be reached: Not a directory; correct the "
                                        "path or " +
                                        kNameAnother));
}

/// As it is where the disk that is mounted there is gone.
TEST_F(Open, SaysWhyADirectoryThatIsThereCantBeReached) {
  const auto loop = directory() / "loop";
  std::filesystem::create_symlink(loop, loop);
  EXPECT_EQ(refusal_of([&] { Service service(loop / "history.db"); }),
            refused(Kind::unusable, (loop / "history.db").string() + " can't be used: its directory " + loop.string() +
                                        " can't be reached: Too many levels of symbolic links; correct the path or " +
                                        kNameAnother));
}

TEST_F(Open, RefusesANameThatIsTooLong) {
  const auto long_name = directory() / std::string(255, 'n');
  EXPECT_EQ(
      refusal_of([&] { Service service(long_name); }),
      refused(Kind::unusable, long_name.string() + " can't be used: its lock file " + long_name.string() +
                                  ".lock can't be opened: File name too long; correct the path or " + kNameAnother));
}

TEST_F(Open, WithoutPermissionSaysSoAndWhatHelps) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody without permission";
  make_history();
  std::filesystem::permissions(directory(), std::filesystem::perms(0755));
  std::filesystem::permissions(file(), std::filesystem::perms(0600));  // seteuid() leaves us root's group
  const auto as_nobody = [&](const auto& act) {
    EXPECT_EQ(::seteuid(65534), 0);
    const auto result = refusal_of(act);
    EXPECT_EQ(::seteuid(0), 0);
    return result;
  };
  const auto other = directory() / "new.db";
  EXPECT_EQ(as_nobody([&] { Service service(other); }),
            refused(Kind::unusable, other.string() + " can't be used: its lock file " + other.string() +
                                        ".lock can't be opened: Permission denied; give this user access to it and its "
                                        "directory or " +
                                        kNameAnother));
  EXPECT_EQ(as_nobody([&] { Reader reader(file()); }),
            refused(Kind::unusable, name() +
                                        " can't be used: it can't be read: Permission denied; give this user access "
                                        "to it and its directory or " +
                                        kNameAnother));
}

}  // namespace
}  // namespace cgmm::store
