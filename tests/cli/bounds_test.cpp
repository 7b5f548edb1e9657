// SPDX-License-Identifier: Apache-2.0
// A command that reads ends within its time and its memory, whatever the file and the SQL are. What was cut off is
// never taken for an answer: the exit code is 1, there is a sentence, and no output.
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <csignal>

#include "cli/cli_test.hpp"
#include "support/full_pipe.hpp"

namespace cgmm::test {
namespace {

namespace fs = std::filesystem;

// One step of SQLite that takes hours.
const std::string kOneLongStep = "SELECT instr(printf('%.*c', 8000000, 'a'), printf('%.*c', 4000000, 'a') || 'b')";
const std::string kEndless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) ";
const std::string kAskForLess =
    "ask for less (a later --since, a LIMIT, an ON for every join), or raise the limit with ";
const std::string kTooLong = "cgroup-memory-manager: this takes longer than 200 ms: " + kAskForLess + "--max-time\n";
const std::string kTooMuch =
    "cgroup-memory-manager: this takes more than 32.0 MiB of memory: " + kAskForLess + "--max-memory\n";

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kBoundsMemory = false;
#else
constexpr bool kBoundsMemory = true;
#endif

class ReadingBounds : public CliTest {
 protected:
  ReadingBounds() {
    cgroups().put("/web", v1_files(kBelow));
    scan();
  }
  void expect_ended(std::vector<std::string> command, const std::string& sentence) const {
    const Answer answer = ask(command);
    EXPECT_EQ(answer.exit_code, 1) << command.at(1);
    EXPECT_EQ(answer.err, sentence) << command.at(1);
    EXPECT_EQ(answer.out, "") << command.at(1);
  }
  Answer in_short(std::vector<std::string> command) const {
    command.insert(command.end(), {"--max-time", "200ms"});
    return ask(command);
  }

  /// A table whose pages form a ladder: each page's entries are all the next page. Nothing is damaged in any one of
  /// them, and whoever counts the rows is not done in a thousand years.
  void make_endless_table() const {
    {
      SQLite::Database db(database(), SQLite::OPEN_READWRITE);
      db.exec("PRAGMA journal_mode = DELETE; CREATE TABLE ladder (i INTEGER PRIMARY KEY, t TEXT); " +
              kEndless.substr(0) + "INSERT INTO ladder SELECT i, printf('%.*c', 500, 'x') FROM n LIMIT 1000");
    }
    const auto page_bytes = static_cast<std::size_t>(number("PRAGMA page_size"));
    const auto root = static_cast<std::size_t>(number("SELECT rootpage FROM sqlite_master WHERE name = 'ladder'"));
    std::string content = content_of(database());
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(content.at(at)); };
    const auto offset = [&](std::size_t page) { return (page - 1) * page_bytes; };
    const auto put_number = [&](std::size_t at, std::size_t number) {
      for (int i = 0; i < 4; ++i)
        content.at(at + static_cast<std::size_t>(i)) = static_cast<char>(number >> (24 - 8 * i));
    };
    constexpr int kInterior = 5;
    ASSERT_EQ(byte(offset(root)), kInterior);
    const std::string page = content.substr(offset(root), page_bytes);
    const auto short_at = [&](std::size_t at) {
      return static_cast<std::size_t>(static_cast<unsigned char>(page.at(at)) << 8 |
                                      static_cast<unsigned char>(page.at(at + 1)));
    };
    const std::size_t entries = short_at(3);
    ASSERT_GT(entries, 20U);
    const auto child = [&](std::size_t i) { return offset(root) + short_at(12 + 2 * i); };
    std::vector<std::size_t> ladder{root};
    for (std::size_t i = 0; i < 12; ++i) {
      std::size_t number = 0;
      for (std::size_t j = 0; j < 4; ++j) number = number << 8 | byte(child(i) + j);
      ladder.push_back(number);
    }
    for (std::size_t i = 0; i + 1 < ladder.size(); ++i) {
      content.replace(offset(ladder[i]), page_bytes, page);
      put_number(offset(ladder[i]) + 8, ladder[i + 1]);
      for (std::size_t j = 0; j < entries; ++j) put_number(offset(ladder[i]) + short_at(12 + 2 * j), ladder[i + 1]);
    }
    write(database(), content);
  }
};

TEST_F(ReadingBounds, EndOneStepThatTakesHours) {
  for (const std::string& format : kFormats) {
    expect_ended({"query", kOneLongStep, "--max-time", "200ms", "--format", format}, kTooLong);
  }
}

TEST_F(ReadingBounds, EndWhatHasNoEnd) {
  expect_ended({"query", kEndless + "SELECT count(*) FROM n", "--max-time", "200ms"}, kTooLong);
}

TEST_F(ReadingBounds, EndReadingAFileWhosePagesLeadNowhere) {
  make_endless_table();
  expect_ended({"query", "SELECT count(*) FROM ladder", "--max-time", "200ms"}, kTooLong);
}

TEST_F(ReadingBounds, EndAlsoReportsOfTheOperatorsOwnAndWhatTheFilesViewsDo) {
  write(reports_dir() / "mine.sql", "-- Mine\n" + kOneLongStep);
  EXPECT_EQ(in_short({"report", "mine"}).err, kTooLong);
  SQLite::Database(database(), SQLite::OPEN_READWRITE)
      .exec("DROP VIEW v_cgroup; CREATE VIEW v_cgroup AS SELECT *, path AS name, (" + kOneLongStep +
            ") AS vanished, NULL AS limit_bytes, NULL AS effective_limit_bytes FROM cgroup");
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"query", "SELECT vanished FROM v_cgroup"}, {"report", "cgroups"}}) {
    const Answer answer = in_short(command);
    if (command.front() == "report") continue;  // it may not need that column
    EXPECT_EQ(answer.exit_code, 1);
    EXPECT_EQ(answer.err, kTooLong);
  }
}

TEST_F(ReadingBounds, HoldWhenNobodyReadsTheSentence) {
  FullPipe pipe;
  const TempDir said;
  ChildProcess child = ChildProcess::fork_off([&] {
    redirect_to({said.path() / "out", said.path() / "err"});
    pipe.become_standard_error();
    ::execl(CGMM_PROGRAM, CGMM_PROGRAM, "query", kOneLongStep.c_str(), "--max-time", "200ms", "--database",
            database().c_str(), nullptr);
    return 127;
  });
  EXPECT_EQ(child.wait_for_exit(), 1);
}

TEST_F(ReadingBounds, CtrlCEndsAtOnce) {
  const TempDir said;
  ChildProcess child = ChildProcess::fork_off([&] {
    return become_program({"query", kOneLongStep, "--max-time", "0", "--database", database()},
                          {said.path() / "out", said.path() / "err"}, {});
  });
  ASSERT_TRUE(eventually([&] {
    return content_of("/proc/" + std::to_string(child.pid()) + "/cmdline").find("query") != std::string::npos;
  }));
  child.signal(SIGINT);
  EXPECT_EQ(child.wait_for_exit(), -SIGINT);
  EXPECT_EQ(content_of(said.path() / "out"), "");
}

TEST_F(ReadingBounds, EndWhatTakesTooMuchMemoryInSqliteAndInTheAnswer) {
  if (!kBoundsMemory) GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: a sanitizer takes memory of its own ***";
  for (const std::string& sql :
       {kEndless + "SELECT hex(zeroblob(5000)) FROM n",
        kEndless + "SELECT i, i, i FROM n ORDER BY hex(randomblob(100))",
        std::string("WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n) SELECT count(*) FROM n"),
        kEndless + "SELECT hex(zeroblob(7000000)) FROM n"}) {
    const Answer answer = ask({"query", sql, "--max-memory", "32Mi", "--max-time", "0", "--format", "csv"});
    EXPECT_EQ(answer.out, "") << sql;
    EXPECT_EQ(answer.exit_code, 1) << sql;
    EXPECT_EQ(answer.err, kTooMuch) << sql;
  }
}

// Of people's formats the answer itself is within the memory, but not what is made of it; of the others the text is
// not.
TEST_F(ReadingBounds, EndWhatTakesTooMuchMemoryInEachFormat) {
  if (!kBoundsMemory) GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: a sanitizer takes memory of its own ***";
  for (const std::string& format : kFormats) {
    const std::string count = format == "csv" || format.ends_with("json") ? "20" : "6";
    const std::string values = kEndless + "SELECT hex(zeroblob(250000)) AS x FROM n LIMIT " + count;
    std::string sentence = kTooMuch;
    expect_ended({"query", values, "--max-memory", "8Mi", "--format", format},
                 sentence.replace(sentence.find("32.0"), 4, "8.0"));
    EXPECT_EQ(ask({"query", values, "--max-memory", "1Gi", "--format", format}).exit_code, 0) << format;
  }
}

TEST_F(ReadingBounds, WithoutSqlAShorterTimeTakesLess) {
  if (!kBoundsMemory) GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: a sanitizer takes memory of its own ***";
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"archive", "export"}, {"simulate", "--since", "1h"}}) {
    std::vector<std::string> bounded = command;
    bounded.insert(bounded.end(), {"--max-memory", "16KiB"});
    expect_ended(bounded,
                 "cgroup-memory-manager: this takes more than 16.0 KiB of memory: ask for a shorter time (a later "
                 "--since, an earlier --until), or raise the limit with --max-memory\n");
  }
}

TEST_F(ReadingBounds, ComeFromTheEnvironmentWhereTheProgramHasLittleMemory) {
  if (!kBoundsMemory) GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: a sanitizer takes memory of its own ***";
  const std::vector<std::string> endless{"query", kEndless + "SELECT i FROM n", "--database", database(), "--format",
                                         "csv"};
  EXPECT_EQ(program(endless, {{"CGMM_MAX_MEMORY", "32Mi"}}).err, kTooMuch);
}

TEST_F(ReadingBounds, AWrongOneIsAMistake) {
  const Answer time = ask({"query", "SELECT 1", "--max-time", "soon"});
  EXPECT_EQ(time.exit_code, 2);
  EXPECT_EQ(time.err,
            "cgroup-memory-manager: --max-time = \"soon\": expected a duration such as \"30s\" or \"5m\", or 0 for no "
            "limit\n");
  const Answer memory = ask({"query", "SELECT 1", "--max-memory", "-1"});
  EXPECT_EQ(memory.exit_code, 2);
  EXPECT_EQ(memory.err,
            "cgroup-memory-manager: --max-memory = \"-1\": expected a size such as \"256Mi\" or \"1GiB\", or 0 for no "
            "limit\n");
}

/// What was there before.
constexpr const char* kGood = "a good answer of yesterday\n";

TEST_F(ReadingBounds, LeaveTheFileOfAnEarlierAnswerAsItWas) {
  write(file("answer"), kGood);
  EXPECT_EQ(in_short({"query", kOneLongStep, "--output", file("answer")}).err, kTooLong);
  EXPECT_EQ(content_of(file("answer")), kGood);
}

TEST_F(ReadingBounds, ADiskThatIsFullLeavesTheFileOfAnEarlierAnswerAsItWas) {
  write(file("out/answer"), kGood);
  const TempDir said;
  ChildProcess child = ChildProcess::fork_off([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const struct rlimit few{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &few);
    return become_program({"query", kEndless + "SELECT i FROM n LIMIT 10000", "--format", "csv", "--database",
                           database(), "--output", file("out/answer")},
                          {said.path() / "out", said.path() / "err"}, {});
  });
  EXPECT_EQ(child.wait_for_exit(), 1);
  EXPECT_EQ(content_of(said.path() / "err"),
            "cgroup-memory-manager: " + file("out/answer").string() + ": File too large\n");
  EXPECT_EQ(content_of(file("out/answer")), kGood);
  EXPECT_EQ(std::distance(fs::directory_iterator(file("out")), {}), 1) << "nothing is left beside it";
}

TEST_F(ReadingBounds, AnOutputKeepsItsModeAndItsLinkAndMayBeNoFile) {
  write(file("answer"), kGood);
  fs::permissions(file("answer"), fs::perms(0600));
  fs::create_symlink(file("answer"), file("link"));
  EXPECT_EQ(ask({"query", "SELECT 1", "--format", "csv", "--output", file("link")}).exit_code, 0);
  EXPECT_EQ(content_of(file("answer")), "1\n1\n");
  EXPECT_TRUE(fs::is_symlink(file("link")));
  EXPECT_EQ(fs::status(file("answer")).permissions(), fs::perms(0600));
  EXPECT_EQ(ask({"query", "SELECT 1", "--format", "csv", "--output", "/dev/stdout"}).out, "1\n1\n");
  ASSERT_EQ(::mkfifo(file("pipe").c_str(), 0666), 0);
  const Answer over_history = ask({"query", "SELECT 1", "--output", database()});
  EXPECT_EQ(over_history.exit_code, 2);
  EXPECT_TRUE(over_history.err.ends_with(": a SQLite database, such as a history, is not overwritten\n"))
      << over_history.err;
  EXPECT_EQ(ask({"query", "SELECT 1", "--format", "csv"}).out, "1\n1\n") << "it is as it was";
  EXPECT_EQ(ask({"query", "SELECT 1", "--output", file("pipe")}).err,
            "cgroup-memory-manager: " + file("pipe").string() + ": nobody reads from it: No such device or address\n");
  EXPECT_EQ(ask({"query", "SELECT 1", "--output", "/dev/full"}).err,
            "cgroup-memory-manager: /dev/full: No space left on device\n");
}

}  // namespace
}  // namespace cgmm::test
