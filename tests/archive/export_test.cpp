// SPDX-License-Identifier: Apache-2.0
// `archive export` writes what `query` sees, all of it or nothing.
#include <sys/resource.h>
#include <sys/stat.h>

#include <random>

#include "cli/cli_test.hpp"
#include "store/history.hpp"
#include "support/tracked.hpp"

namespace cgmm::test {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kNoon = 1'795'608'000 * kSecond;  // 2026-11-25T12:00:00Z

const std::string kColumns = "s.*, c.namespace, c.pod, c.container FROM v_sample s JOIN cgroup c USING (cgroup_id)";

class ArchiveExport : public CliTest {
 protected:
  /// A scan every ten seconds of so many cgroups, those beyond the thirtieth only now and then; all but the last scans
  /// are archived. Names are hostile, values are missing, and cgroups come and go.
  void record(core::CgroupKey cgroups, int scans) {
    store::History history(database());
    history.set_retention({.samples_us = 1000 * kMinute, .archive = true, .archive_after_us = 10 * kMinute});
    history.begin_run(kNoon, "");
    commit(history, core::NodeFacts{{{"page_size_bytes", std::int64_t{4096}}}});
    std::minstd_rand random(7);
    std::vector<core::CgroupRef> all;
    for (core::CgroupKey key = 1; key <= cgroups; ++key) all.push_back(tracked(key, {path_of(key), key}));
    std::int64_t at_us = kNoon;
    for (int i = 0; i < scans; ++i, at_us += 10 * kSecond) {
      core::Scan scan{.started_at_us = at_us, .interval_us = 10 * kSecond};
      for (const core::CgroupRef& one : all) {
        if (one->key % 5 == 0 && one->key < 30 && i / 100 % 2 == 0) continue;
        if (one->key > 30 && i % 50 != 0) {
          scan.unread.push_back(one->key);
          continue;
        }
        core::ScanRow row{.cgroup = one};
        row.gauges.set(core::Gauge::usage, random() % 100'000 * 1024);
        if (random() % 3 != 0) row.gauges.set(core::Gauge::file, random() % 50'000 * 1024);
        row.increases.set(core::Counter::refault_file, random() % 10);
        scan.rows.push_back(row);
      }
      commit(history, scan);
    }
    commit(history, core::NamedCgroup{.id = all[1]->id, .container = {}, .names = {"shop", "web-1", "app"}});
    while (history.maintain_slice(at_us)) {
    }
    end_us_ = at_us;
  }

  static std::string path_of(core::CgroupKey key) {
    const std::string number = std::to_string(key);
    if (key == 1) return "/new\nline,\"quoted\" " + number;
    if (key == 3) return "/no\xff\xfeutf8" + number;
    return "/pods/" + number;
  }

  template <class Record>
  static void commit(store::History& history, const Record& record) {
    history.begin();
    history.record(record);
    history.commit();
  }

  Answer exported(const std::vector<std::string>& more, std::int64_t since_us = kNoon) const {
    std::vector<std::string> arguments{"archive", "export", "--since", utc(since_us), "--until", utc(end_us_)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return ask(arguments);
  }
  std::string queried(const std::string& columns, const std::string& format, std::int64_t since_us = kNoon) const {
    const Answer answer = ask({"query",
                               "SELECT " + columns + " WHERE s.at_us >= " + std::to_string(since_us) +
                                   " AND s.at_us < " + std::to_string(end_us_) + " ORDER BY s.scan_id, s.cgroup_id",
                               "--format", format, "--max-memory", "0"});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    return answer.out;
  }
  static std::string utc(std::int64_t at_us) {
    return text_of_query("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', " + std::to_string(at_us / kSecond) + ", 'unixepoch')");
  }
  static std::string text_of_query(const std::string& sql) {
    return SQLite::Database(":memory:").execAndGet(sql).getString();
  }

  std::int64_t end_us_ = 0;
};

TEST_F(ArchiveExport, IsWhatQuerySees) {
  record(12, 1600);
  ASSERT_EQ(number("SELECT count(*) FROM archive_chunk"), 12) << "a block of each";
  ASSERT_GT(number("SELECT count(*) FROM sample"), 0);
  for (const std::int64_t since_us : {kNoon, kNoon + 155 * kMinute}) {
    for (const std::string format : {"csv", "ndjson"}) {
      const Answer answer = exported({"--format", format}, since_us);
      EXPECT_EQ(answer.exit_code, 0);
      EXPECT_EQ(answer.err, "");
      EXPECT_TRUE(answer.out == queried(kColumns, format, since_us)) << format << " since " << since_us;
    }
  }
  const auto rows = parse_csv(exported({}).out);
  EXPECT_EQ(static_cast<std::int64_t>(rows.size()) - 1,
            number("SELECT sum(cgroup_count) FROM scan WHERE started_at_us < " + std::to_string(end_us_)));
  EXPECT_EQ(rows.at(1).at(2), path_of(1));
}

TEST_F(ArchiveExport, AsSqliteHasTheSameRows) {
  record(12, 1600);
  const std::string name = file("samples.db");
  const Answer answer = exported({"--format", "sqlite", "--output", name});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  EXPECT_NE(answer.err.find("samples.db has "), std::string::npos) << answer.err;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  struct stat info{};
  ASSERT_EQ(::stat(name.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0640U & ~mask);
  ASSERT_EQ(exported({"--output", file("samples.csv")}).exit_code, 0);
  ASSERT_EQ(::stat(file("samples.csv").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0640U & ~mask);
  SQLite::Database db(name, SQLite::OPEN_READONLY);
  EXPECT_EQ(db.execAndGet("PRAGMA integrity_check").getString(), "ok");
  SQLite::Statement samples(db, "SELECT * FROM sample ORDER BY scan_id, cgroup_id");
  std::string columns;
  for (int i = 0; i < samples.getColumnCount(); ++i)
    columns += (i > 0 ? ", s." : "s.") + std::string(samples.getColumnName(i));
  const auto rows = parse_csv(queried(columns + " FROM v_sample s", "csv"));
  ASSERT_GT(rows.size(), 10'000U);
  for (std::size_t row = 1; row < rows.size(); ++row) {
    ASSERT_TRUE(samples.executeStep()) << row;
    for (int i = 0; i < samples.getColumnCount(); ++i)
      ASSERT_EQ(samples.getColumn(i).getString(), rows[row][static_cast<std::size_t>(i)]) << columns << " " << row;
  }
  EXPECT_FALSE(samples.executeStep());
  for (const core::CgroupKey key : {1U, 3U}) {
    SQLite::Statement path(db, "SELECT count(*) FROM cgroup WHERE path = ?");
    path.bind(1, path_of(key));
    EXPECT_TRUE(path.executeStep());
    EXPECT_EQ(path.getColumn(0).getInt(), 1) << path_of(key);
  }
  EXPECT_EQ(db.execAndGet("SELECT name FROM cgroup WHERE pod = 'web-1'").getString(), "shop/web-1/app");
  EXPECT_EQ(db.execAndGet("SELECT count(*) FROM scan").getInt(), 1600);
  EXPECT_EQ(db.execAndGet("SELECT count(*) FROM sample JOIN scan USING (scan_id) JOIN cgroup USING (cgroup_id) "
                          "WHERE at_us = started_at_us")
                .getInt64(),
            static_cast<std::int64_t>(rows.size()) - 1);
}

TEST_F(ArchiveExport, TakesLittleMemoryHoweverManyRowsThereAre) {
  record(300, 1600);
  const std::string query = queried(kColumns, "csv");
  ASSERT_GT(query.size(), std::size_t{6} << 20);  // twice that in memory
  const Answer answer = exported({"--max-memory", "16Mi"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  auto expected = parse_csv(query), rows = parse_csv(answer.out);
  ASSERT_EQ(rows.size(), expected.size());
  EXPECT_EQ(rows.front(), expected.front());
  std::ranges::sort(expected);  // more than 256 cgroups come in groups
  std::ranges::sort(rows);
  EXPECT_TRUE(rows == expected);
  EXPECT_EQ(exported({"--format", "sqlite", "--output", file("a.db"), "--max-memory", "16Mi"}).exit_code, 0);
}

TEST_F(ArchiveExport, OfATimeWithoutSamplesHasNone) {
  record(3, 10);
  const auto export_before = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"archive", "export", "--since", "2020-01-01", "--until", "2020-01-02"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return ask(arguments);
  };
  const std::string sentence =
      "no samples between 2020-01-01T00:00:00Z and 2020-01-02T00:00:00Z, the history has 2026-11-25T12:00:00Z to "
      "2026-11-25T12:01:30Z\n";
  const Answer csv = export_before({});
  EXPECT_EQ(parse_csv(csv.out).size(), 1U);
  EXPECT_NE(csv.err.find(sentence), std::string::npos) << csv.err;
  EXPECT_EQ(csv.exit_code, 0);
  EXPECT_EQ(export_before({"--format", "ndjson"}).out, "");
  EXPECT_EQ(export_before({"--format", "sqlite", "--output", file("none.db")}).exit_code, 0);
  SQLite::Database db(file("none.db"), SQLite::OPEN_READONLY);
  EXPECT_EQ(db.execAndGet("SELECT (SELECT count(*) FROM sample) + (SELECT count(*) FROM scan) + (SELECT count(*) FROM "
                          "cgroup)")
                .getInt(),
            0);
}

TEST_F(ArchiveExport, OverwritesNoDatabase) {
  record(3, 10);
  write(file("there.db"), "precious");
  const Answer answer = exported({"--format", "sqlite", "--output", file("there.db")});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_NE(answer.err.find("exists already: an export overwrites nothing"), std::string::npos) << answer.err;
  EXPECT_EQ(content_of(file("there.db")), "precious");
}

TEST_F(ArchiveExport, LeavesNothingHalfWhereTheDiskIsFull) {
  record(12, 1600);
  EXPECT_EQ(exported({"--output", "/dev/full"}).exit_code, 1);
  EXPECT_NE(exported({"--output", "/dev/full"}).err.find("No space left on device"), std::string::npos);
  write(file("week.csv"), "of last week");
  struct rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const struct rlimit little{200'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &little), 0);
  const Answer csv = exported({"--output", file("week.csv")});
  const Answer sqlite = exported({"--format", "sqlite", "--output", file("week.db")});
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(csv.exit_code, 1);
  EXPECT_NE(csv.err.find("week.csv: File too large"), std::string::npos) << csv.err;
  EXPECT_EQ(content_of(file("week.csv")), "of last week");
  EXPECT_EQ(sqlite.exit_code, 1);
  EXPECT_NE(sqlite.err.find("week.db can't be written: "), std::string::npos) << sqlite.err;
  for (const auto& entry : std::filesystem::directory_iterator(file("week.csv").parent_path()))
    EXPECT_FALSE(entry.path().filename().string().starts_with("week.") && entry.path() != file("week.csv"))
        << entry.path();
}

TEST_F(ArchiveExport, SaysWhatIsWrongWithTheCommand) {
  record(3, 3);
  const auto expect_refused = [&](const Answer& answer, const std::string& sentence) {
    EXPECT_EQ(answer.exit_code, 2);
    EXPECT_EQ(answer.err.substr(0, answer.err.find('\n')), "cgroup-memory-manager: " + sentence);
    EXPECT_EQ(answer.out, "");
  };
  expect_refused(ask({"archive", "export", "--format", "html"}), "--format = \"html\": expected csv, ndjson or sqlite");
  expect_refused(ask({"archive", "export", "--format", "sqlite"}),
                 "--format sqlite writes a file: name one that is not there yet with --output");
  expect_refused(program({"archive"}), "archive: expected: export");
}

}  // namespace
}  // namespace cgmm::test
