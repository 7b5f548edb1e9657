// SPDX-License-Identifier: Apache-2.0
// A history that is not there or can't be used. Readers say which file it is and what to do, and leave it as it is. The
// service puts it aside, whole, and begins a new one.
#include <algorithm>

#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

constexpr auto kNameAnother = "name another file with --database";
constexpr auto kWaitForIt =
    "the service looks through its history when it starts, up to 64 MiB, and every twelve hours at any size, puts a "
    "damaged one aside and begins a new one with what it can read; wait for that or ";

class BadHistory : public CliTest {
 protected:
  BadHistory() { cgroups().put("/web", v1_files(kOver)); }

  static const std::vector<std::vector<std::string>>& readers() {
    static const std::vector<std::vector<std::string>> all{
        {"report"}, {"report", "reclaims"}, {"history", "web"}, {"status"}, {"query", "SELECT count(*) FROM sample"}};
    return all;
  }
  void expect_refused_by_readers(const std::string& sentence) const {
    for (const auto& command : readers()) {
      const Answer answer = ask(command);
      EXPECT_EQ(answer.err, "cgroup-memory-manager: " + sentence + "\n") << command.front();
      EXPECT_EQ(answer.out, "");
      EXPECT_EQ(answer.exit_code, 1);
    }
  }
  /// The history is opened while the first scan is taken, so the sentence comes last.
  void expect_refused_by_the_service(const std::string& sentence) const {
    const Answer answer = program(service_arguments({"--cycles", "1"}));
    EXPECT_TRUE(answer.err.ends_with("\ncgroup-memory-manager: " + sentence + "\n")) << answer.err;
    EXPECT_EQ(answer.out, "");
    EXPECT_EQ(answer.exit_code, 1);
  }
  std::vector<std::filesystem::path> aside_as(const std::string& why) const {
    std::vector<std::filesystem::path> aside;
    for (const auto& entry : std::filesystem::directory_iterator(database().parent_path())) {
      if (entry.path().string().starts_with(database().string() + "." + why + "-")) aside.push_back(entry.path());
    }
    return aside;
  }
  /// The service begins a new one, and tells of it in its log, in the new one, and in `check`.
  void expect_put_aside(const std::string& content, const std::string& why = "corrupt") const {
    const Answer answer = scan(1);
    const std::vector<std::filesystem::path> aside = aside_as(why);
    ASSERT_EQ(aside.size(), 1U);
    EXPECT_TRUE(content_of(aside[0]) == content);
    EXPECT_EQ(
        number(
            "SELECT count(*) FROM service_event WHERE fault = 'history' AND kind = 'fault_begin' AND detail LIKE '%" +
            aside[0].filename().string() + "%'"),
        1);
    EXPECT_NE(answer.err.find(aside[0].filename().string()), std::string::npos) << answer.err;
    EXPECT_EQ(ask({"report"}).exit_code, 0);
    EXPECT_NE(cgroups().file("/web", "memory.force_empty"), "") << "protection goes on";
    const std::string findings = ask({"check", "--parent", cgroups().root(), "--format", "csv"}).out;
    EXPECT_NE(findings.find("warning,put aside,"), std::string::npos) << findings;
    EXPECT_NE(findings.find(aside[0].string() + " "), std::string::npos) << findings;
  }
  void expect_refused(const std::string& sentence, const std::string& why) const {
    const std::string before = content_of(database());
    expect_refused_by_readers(sentence);
    EXPECT_TRUE(content_of(database()) == before) << "the file was changed";
    expect_put_aside(before, why);
  }
};

TEST_F(BadHistory, MissingItIsMadeByTheServiceAndMissedByEverythingElse) {
  expect_refused_by_readers("there is no history at " + database().string() +
                            " yet: start the service (`cgroup-memory-manager run`) or " + kNameAnother);
  EXPECT_FALSE(std::filesystem::exists(database())) << "a reader makes no file";
  scan();
  EXPECT_EQ(ask({"report"}).exit_code, 0);
}

TEST_F(BadHistory, ATextFileIsPutAside) {
  write(database(), "dear diary\n");
  expect_refused(
      database().string() +
          " is not a SQLite database, cgroup-memory-manager did not write it: the service renames it when it starts, "
          "and begins a new one; move it away or " +
          kNameAnother,
      "foreign");
}

TEST_F(BadHistory, AnotherProgramsDatabaseIsPutAside) {
  SQLite::Database(database(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE bookmark (url TEXT)");
  expect_refused(
      database().string() +
          " is the SQLite database of another program (no application_id): the service renames it when it starts, "
          "and begins a new one; move it away or " +
          kNameAnother,
      "foreign");
}

TEST_F(BadHistory, AFileThatIsNotCalledADatabaseStaysWhereItIs) {
  const auto passwd = database().parent_path() / "passwd";
  write(passwd, "root:x:0:0:root:/root:/bin/bash\n");
  const Answer answer = program({"run", "--parent", cgroups().root(), "--database", passwd, "--cycles", "1"});
  EXPECT_NE(answer.err.find(passwd.string() + " is not a SQLite database, cgroup-memory-manager did not write it: the "
                                              "service does not start, because it renames only files called *.db"),
            std::string::npos)
      << answer.err;
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_EQ(content_of(passwd), "root:x:0:0:root:/root:/bin/bash\n");
  EXPECT_FALSE(std::filesystem::exists(passwd.string() + ".lock"));
}

TEST_F(BadHistory, ADirectoryIsNotTaken) {
  std::filesystem::create_directory(database());
  const std::string sentence = database().string() + " can't be used: it is a directory; " + kNameAnother;
  expect_refused_by_readers(sentence);
  expect_refused_by_the_service(sentence);
}

TEST_F(BadHistory, ACutOffFileIsPutAsideByTheService) {
  scan(1, {"--dry-run"});
  const auto size = std::filesystem::file_size(database());
  std::filesystem::resize_file(database(), size - 100);
  const std::string damaged = content_of(database());
  expect_refused_by_readers(database().string() + " is damaged (it has " + std::to_string(size - 100) + " of " +
                            std::to_string(size) + " bytes): " + kWaitForIt + kNameAnother);
  EXPECT_TRUE(content_of(database()) == damaged) << "readers leave it as it is";
  expect_put_aside(damaged);
}

TEST_F(BadHistory, AnOverwrittenFileIsPutAsideByTheService) {
  scan(1, {"--dry-run"});
  std::string content = content_of(database());
  for (std::size_t i = 4096; i < content.size(); ++i) content[i] = static_cast<char>(0xA5);
  write(database(), content);
  expect_refused_by_readers(database().string() + " is damaged (SQLite says: database disk image is malformed): " +
                            kWaitForIt + kNameAnother);
  EXPECT_TRUE(content_of(database()) == content) << "readers leave it as it is";
  expect_put_aside(content);
}

TEST_F(BadHistory, OfOneThatWasPutAsideReadersSayWhatItIs) {
  scan(1, {"--dry-run"});
  const auto size = std::filesystem::file_size(database());
  std::filesystem::resize_file(database(), size - 100);
  scan(1);
  const auto aside = aside_as("corrupt");
  ASSERT_EQ(aside.size(), 1U);
  const Answer answer = program({"report", "--database", aside[0]});
  EXPECT_EQ(answer.err, "cgroup-memory-manager: " + aside[0].string() + " is damaged (it has " +
                            std::to_string(size - 100) + " of " + std::to_string(size) +
                            " bytes): the service has put it aside, and carried over what it could; what the damage "
                            "does not touch may be answered for another window of time, or by `sqlite3` after `PRAGMA "
                            "writable_schema = ON`; try that or " +
                            kNameAnother + "\n");
  EXPECT_EQ(answer.exit_code, 1);
  const std::string findings = ask({"check", "--parent", cgroups().root(), "--format", "csv"}).out;
  EXPECT_NE(
      findings.find(aside[0].string() + " was damaged,\"what could be read of it within eight seconds was carried "
                                        "over; read the rest with --database"),
      std::string::npos)
      << findings;
}

TEST_F(BadHistory, ALaterVersionsIsPutAside) {
  scan(1, {"--dry-run"});
  const auto known = number("PRAGMA user_version");
  {
    SQLite::Database db(database(), SQLite::OPEN_READWRITE);
    db.exec("PRAGMA journal_mode = DELETE; PRAGMA user_version = 99");
  }
  expect_refused(database().string() +
                     " was written by a later version of cgroup-memory-manager (its schema is version 99, this program "
                     "knows up to " +
                     std::to_string(known) +
                     "): the service renames it when it starts, and a later version takes it up "
                     "again; upgrade the program or " +
                     kNameAnother,
                 "newer");
}

TEST_F(BadHistory, OneThatAnotherServiceWritesIsNotTaken) {
  auto first = start();
  ASSERT_TRUE(wait_for_scans(1));
  expect_refused_by_the_service(database().string() + " is in use by another cgroup-memory-manager (pid " +
                                std::to_string(first.pid()) + "); stop it or " + kNameAnother);
  EXPECT_TRUE(first.running());
  EXPECT_EQ(event_count("start"), 1);
}

TEST_F(BadHistory, CheckTellsOfItAsAProblem) {
  write(database(), "dear diary\n");
  const Answer answer = ask({"check", "--parent", cgroups().root()});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_NE(answer.out.find("is not a SQLite database"), std::string::npos) << answer.out;
  EXPECT_EQ(answer.err, "");
}

}  // namespace
}  // namespace cgmm::test
