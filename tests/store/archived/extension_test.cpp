// SPDX-License-Identifier: Apache-2.0
// The archive in other programs: those that Debian has, with a history that is partly archived.
#include <SQLiteCpp/Database.h>

#include <cstdio>
#include <span>

#include "store/file/open.hpp"
#include "store/migrations.hpp"
#include "store/retention_fixture.hpp"

namespace cgmm::store {
namespace {

class ArchiveExtension : public RetentionTest {
 protected:
  void SetUp() override {
    if (std::string_view(CGMM_ARCHIVE_EXTENSION).empty()) GTEST_SKIP() << "with a sanitizer there is no extension";
    std::int64_t at_us = kNoon;
    for (std::uint64_t i = 1; i <= 1900; ++i, at_us += 10 * kSecond) store(history_, scan_at(at_us, 3, i * 4096));
    history_.set_retention({.samples_us = 100 * kDay, .archive = true, .archive_after_us = kHour});
    maintain_all(at_us);
    ASSERT_EQ(query("SELECT sum(sample_count) FROM archive_chunk"), "4317\n") << "a block, which begins at 0";
  }

  static std::string output_of(const std::string& command) {
    std::string output;
    FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
    char part[256];
    while (std::fgets(part, sizeof part, pipe) != nullptr) output += part;
    ::pclose(pipe);
    return output;
  }
  static constexpr const char* kSums = "SELECT count(*), sum(anon_kib), sum(scan_id), max(at_us) FROM all_samples";
};

TEST_F(ArchiveExtension, IsLoadedBySqlite3) {
  EXPECT_EQ(output_of("sqlite3 -readonly " + file().string() + " '.load " CGMM_ARCHIVE_EXTENSION "' '" + kSums + "'"),
            query("SELECT count(*) || '|' || sum(anon_kib) || '|' || sum(scan_id) || '|' || "
                  "(SELECT max(started_at_us) FROM scan) FROM sample"));
}

TEST_F(ArchiveExtension, IsLoadedByPython) {
  const std::string script = (file().parent_path() / "ask.py").string();
  std::ofstream(script) << "import sqlite3\n"
                           "history = sqlite3.connect('file:"
                        << file().string()
                        << "?mode=ro', uri=True)\n"
                           "history.enable_load_extension(True)\n"
                           "history.load_extension('" CGMM_ARCHIVE_EXTENSION
                           "')\n"
                           "print('|'.join(str(value) for value in history.execute('"
                        << kSums << "').fetchone()))\n";
  EXPECT_EQ(output_of("/usr/bin/python3 " + script),
            query("SELECT count(*) || '|' || sum(anon_kib) || '|' || sum(scan_id) || '|' || "
                  "(SELECT max(started_at_us) FROM scan) FROM sample"));
}

TEST_F(ArchiveExtension, ReadsOneThatIsAttached) {
  const std::string sums = query(
      "SELECT count(*) || '|' || sum(anon_kib) || '|' || sum(scan_id) || '|' || "
      "(SELECT max(started_at_us) FROM scan) FROM sample");
  history_.end_run(kNoon + kDay, "");
  const std::string other = file().parent_path() / "other.db";
  History(other).end_run(kNoon, "");
  const std::string ask = "sqlite3 -cmd '.load " CGMM_ARCHIVE_EXTENSION "' -cmd \"ATTACH '" + file().string() +
                          "' AS \\\"a b\\\"\" " + other + " ";
  const std::string make = "CREATE VIRTUAL TABLE temp.others USING all_samples(a b); ";
  EXPECT_EQ(output_of(ask + "\"" + make + "SELECT count(*), sum(anon_kib), sum(scan_id), max(at_us) FROM others\""),
            sums);
  EXPECT_EQ(output_of(ask + "\"" + make + "SELECT count(*) FROM others WHERE at_us = " + std::to_string(kNoon) + "\""),
            "3\n");
  EXPECT_EQ(output_of(ask + "'SELECT count(*) FROM all_samples'"), "0\n");
  for (const char* const name : {"[a b]", "'a b'", "\\`a b\\`", "\\\"a b\\\""}) {
    EXPECT_EQ(output_of(ask + "\"CREATE VIRTUAL TABLE temp.others USING all_samples(" + name +
                        "); SELECT count(*), sum(anon_kib), sum(scan_id), max(at_us) FROM others\""),
              sums)
        << name;
  }
  EXPECT_EQ(output_of(ask + "\"" + make + "SELECT count(*) > 0 FROM others\" 'DETACH \"a b\"' \"ATTACH '" + other +
                      "' AS 'a b'\" 'SELECT count(*) FROM others'"),
            "1\n0\n")
      << "another one under the same name";
}

/// One that is in a file could read itself.
TEST_F(ArchiveExtension, MakesNoTableInAFile) {
  for (const char* const table : {"x USING all_samples", "x USING all_samples(main)", "temp.x USING all_samples",
                                  "temp.x USING all_samples(temp)"}) {
    const std::string said = output_of("sqlite3 " + file().string() +
                                       " '.load " CGMM_ARCHIVE_EXTENSION "' 'CREATE VIRTUAL TABLE " + table + "'");
    EXPECT_NE(said.find("write CREATE VIRTUAL TABLE temp.NAME USING all_samples(SCHEMA)"), std::string::npos) << said;
  }
}

TEST_F(ArchiveExtension, OfAnEarlierVersionHasTheSamplesThatAreNotArchived) {
  const std::string old = file().parent_path() / "old.db";
  {
    SQLite::Database database(old, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    migrate(database, std::span(kMigrations).first(1));
    database.exec(
        "INSERT INTO scan (scan_id, started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us) "
        "VALUES (1, 1000000, 1, 1, 0, 0, 10000000); INSERT INTO sample (scan_id, cgroup_id, anon_kib) VALUES (1, 7, "
        "40)");
  }
  EXPECT_EQ(
      output_of("sqlite3 -nullvalue NULL " + old +
                " '.load " CGMM_ARCHIVE_EXTENSION "' 'SELECT cgroup_id, anon_kib, peak_kib, at_us FROM all_samples' "
                "'SELECT count(*) FROM sample_archive'"),
      "7|40|NULL|1000000\n0\n");
}

}  // namespace
}  // namespace cgmm::store
