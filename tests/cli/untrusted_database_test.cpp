// SPDX-License-Identifier: Apache-2.0
// A database that others than root could exchange: the service does not run with it, `check` names it, and readers read
// it without doing what it says.
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

class UntrustedDatabase : public CliTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: it takes root ***";
    cgroups().put("/web", v1_files(kOver));
    fs::create_directory(file("shared"));
    ASSERT_EQ(::chmod(file("shared").c_str(), 01777), 0);
  }
  static std::string sentence(const fs::path& of, const std::string& why) {
    return of.string() + " can't be used: others than root could exchange or write it: " + why +
           (why.ends_with("1777") ? "; keep it where only root may write"
                                  : "; give that to root (chown root:root, chmod go-w)") +
           " or name another file with --database";
  }
  void expect_refused(const fs::path& history, const std::string& why) const {
    const Answer answer =
        program({"--config", config(), "--parent", cgroups().root(), "--database", history, "--cycles", "1"});
    EXPECT_EQ(answer.exit_code, 1);
    EXPECT_TRUE(answer.err.ends_with("cgroup-memory-manager: " + sentence(history, why) + "\n")) << answer.err;
    const Answer check = program(
        {"check", "--config", config(), "--parent", cgroups().root(), "--database", history, "--format", "csv"});
    EXPECT_EQ(check.exit_code, 1);
    EXPECT_NE(check.out.find("problem,database"), std::string::npos) << check.out;
    EXPECT_NE(check.out.find(why), std::string::npos) << check.out;
    EXPECT_EQ(cgroups().file("/web", "memory.force_empty"), "") << "nothing is reclaimed";
  }
};

TEST_F(UntrustedDatabase, IsNotMadeWhereOthersMayExchangeIt) {
  expect_refused(file("shared/try.db"), file("shared").string() + " has the mode 1777");
  EXPECT_TRUE(fs::is_empty(file("shared"))) << "and nothing was made";
}

TEST_F(UntrustedDatabase, OfSomebodyElseIsNotTakenAndItsTriggersNeverRun) {
  scan(1, {"--dry-run"});
  SQLite::Database(database(), SQLite::OPEN_READWRITE)
      .exec(
          "PRAGMA journal_mode = DELETE; CREATE TRIGGER planted AFTER INSERT ON scan BEGIN "
          "INSERT INTO node SELECT 'x' || i, 1 FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
          "SELECT i FROM n); END");
  ASSERT_EQ(::chown(database().c_str(), kNobody, 0), 0);
  expect_refused(database(), database().string() + " belongs to user 65534");
  EXPECT_EQ(ask({"report"}).exit_code, 0) << "whoever only reads may";
  EXPECT_EQ(ask({"query", "SELECT 1"}).exit_code, 0);

  ASSERT_EQ(::chown(database().c_str(), 0, 0), 0);  // as if root had copied it here
  const auto scans = scan_count();
  scan(1, {"--dry-run"});
  EXPECT_EQ(scan_count(), scans + 1);
  EXPECT_EQ(number("SELECT count(*) FROM node WHERE key GLOB 'x*'"), 0);
}

TEST_F(UntrustedDatabase, ADirectoryOfOnesOwnBelowASharedOneIsFine) {
  fs::create_directory(file("shared/own"));
  ASSERT_EQ(::chmod(file("shared/own").c_str(), 0700), 0);
  const Answer answer = program({"--config", config(), "--parent", cgroups().root(), "--database",
                                 file("shared/own/try.db"), "--cycles", "1", "--dry-run"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
}

}  // namespace
}  // namespace cgmm::test
