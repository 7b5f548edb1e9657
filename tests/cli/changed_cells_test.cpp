// SPDX-License-Identifier: Apache-2.0
// Readers of a copied history whose numbers can't be: cells of a real one are changed at random, and every report,
// chart and incident is made of it in every format. `./test asan` runs this under the undefined-behaviour sanitizer.
// CGMM_CELL_ROUNDS and CGMM_CELL_SEED try more.
#include <cstdlib>
#include <random>

#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

constexpr const char* kValues[] = {"9223372036854775807",
                                   "-9223372036854775808",
                                   "9223372036854775806",
                                   "-1",
                                   "0",
                                   "9007199254740993",
                                   "253402300800000000",
                                   "-62167219200000001",
                                   "4611686018427387904",
                                   "1e300",
                                   "-1e300",
                                   "9e999",
                                   "-9e999",
                                   "'a word'",
                                   "x'ff00fe'",
                                   "NULL",
                                   "''"};

class ChangedCells : public CliTest {
 protected:
  ChangedCells() {
    cgroups().put("/web", v1_files(kOver));
    cgroups().put("/db", v1_files(kBelow));
    scan(/*cycles=*/4);
    SQLite::Database database(this->database(), SQLite::OPEN_READWRITE);
    database.exec(
        "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm, cause) "
        "SELECT cgroup_id, last_seen_at_us, 'kernel_log', 'cgroup', 'python3', 'anon_growth' FROM cgroup;"
        "PRAGMA wal_checkpoint(TRUNCATE)");
    for (const auto& report : rows_of({"report", "--list"})) reports_.push_back(report["name"]);
    for (SQLite::Statement row(database,
                               "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c "
                               "WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'");
         row.executeStep();)
      cells_.emplace_back(row.getColumn(0).getString(), row.getColumn(1).getString());
    sound_ = content_of(this->database());
  }

  /// A value that can't be stored there is left out.
  void change_some(std::mt19937_64& random) {
    write(database(), sound_);
    SQLite::Database database(this->database(), SQLite::OPEN_READWRITE);
    database.exec("PRAGMA ignore_check_constraints = ON; PRAGMA journal_mode = DELETE");
    for (int i = 0; i < 12; ++i) {
      const auto& [table, column] = cells_[random() % cells_.size()];
      const std::string value = kValues[random() % std::size(kValues)], row = std::to_string(random() % 8);
      try {
        database.exec("UPDATE " + table + " SET " + column + " = " + value + " WHERE " + column + " IS (SELECT " +
                      column + " FROM " + table + " LIMIT 1 OFFSET " + row + ")");
      } catch (const SQLite::Exception&) {
      }
    }
  }
  void expect_an_answer_or_a_sentence(const std::vector<std::string>& command) const {
    const Answer answer = ask(command);
    const std::string shown = command[0] + " " + command[1];
    EXPECT_TRUE(answer.exit_code == 0 || answer.exit_code == 1) << shown << ": " << answer.exit_code << answer.err;
    EXPECT_EQ(answer.err.find("the query can't be run"), std::string::npos) << shown << ": " << answer.err;
    EXPECT_EQ(answer.err.find("runtime error"), std::string::npos) << shown << ": " << answer.err;
  }

  std::vector<std::string> reports_;
  std::vector<std::pair<std::string, std::string>> cells_;
  std::string sound_;
};

std::uint64_t setting(const char* name, std::uint64_t usual) {
  const char* const value = std::getenv(name);
  return value != nullptr ? std::strtoull(value, nullptr, 10) : usual;
}

TEST_F(ChangedCells, EveryReaderAnswersOrSaysWhyNot) {
  constexpr const char* kEvery[] = {"text", "markdown", "html", "csv", "json"};
  const std::uint64_t rounds = setting("CGMM_CELL_ROUNDS", 3), seed = setting("CGMM_CELL_SEED", 15);
  for (std::uint64_t round = 0; round < rounds && !HasFailure(); ++round) {
    SCOPED_TRACE("CGMM_CELL_SEED=" + std::to_string(seed + round));
    std::mt19937_64 random(seed + round);
    change_some(random);
    const std::string format = kEvery[round % std::size(kEvery)];
    for (const std::string& report : reports_)
      expect_an_answer_or_a_sentence({"report", report, "--since", "2000-01-01", "--format", format});
    for (const char* const any : kEvery) {
      expect_an_answer_or_a_sentence({"report", "--since", "2000-01-01", "--format", any});
      expect_an_answer_or_a_sentence({"history", "*", "--since", "2000-01-01", "--format", any});
      expect_an_answer_or_a_sentence({"incident", "list", "--since", "2000-01-01", "--format", any});
      if (std::string_view(any) != "csv") expect_an_answer_or_a_sentence({"incident", "show", "1", "--format", any});
    }
    expect_an_answer_or_a_sentence({"status", "--format", format});
  }
}

TEST_F(ChangedCells, OneExtremeNumberTakesNoAnswerAway) {
  for (const char* const change :
       {"UPDATE scan SET cgroup_count = 9223372036854775807",
        "UPDATE scan SET cpu_us = 4611686018427387904, duration_us = 9223372036854775807",
        "UPDATE scan SET started_at_us = -9223372036854775808 WHERE scan_id = (SELECT max(scan_id) FROM scan)",
        "UPDATE sample SET usage_kib = -9e999, refault_file = 9e999", "UPDATE sample SET usage_kib = x'ff00'",
        "UPDATE sample SET file_kib = 9223372036854775807, usage_kib = 9223372036854775807"}) {
    SCOPED_TRACE(change);
    write(database(), sound_);
    {
      SQLite::Database database(this->database(), SQLite::OPEN_READWRITE);
      database.exec(change);
    }
    for (const std::string& report : reports_) {
      const Answer answer = ask({"report", report, "--since", "2000-01-01"});
      EXPECT_EQ(answer.exit_code, 0) << report << ": " << answer.err;
    }
    EXPECT_EQ(ask({"report"}).exit_code, 0);
    EXPECT_NE(ask({"status"}).out.find("not running"), std::string::npos);
  }
}

}  // namespace
}  // namespace cgmm::test
