// SPDX-License-Identifier: Apache-2.0
// Cgroup names that nobody wants to see raw: recorded byte by byte, and harmless wherever they are shown.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <regex>
#include <set>
#include <system_error>

#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

struct Hostile {
  std::string path;   // as the kernel has it
  std::string shown;  // in CSV and JSON, "" where that is the same
};

std::string repeated(std::string_view text, int count) {
  std::string result;
  for (; count > 0; --count) result += text;
  return result;
}

/// Over 4096 bytes: no such path can be opened at once.
std::string long_path() {
  std::string path;
  for (int i = 0; i < 18; ++i) path += "/" + std::string(240, static_cast<char>('a' + i));
  return path;
}

std::vector<Hostile> hostile_paths() {
  return {
      {"/new\nline\n2026-01-01T00:00:00.000Z error: forged", ""},
      {"/double\"quote\"\"", ""},
      {"/single'quote", ""},
      {"/comma,semicolon;", ""},
      {"/<script>alert(1)</script>", ""},
      {"/-rf", ""},
      {"/=1+1", ""},
      {"/|pipe|\\|", ""},
      {"/\x1b[31mred\x1b]0;title\x07", ""},
      {"/c1\xc2\x9b"
       "31m",
       ""},
      {"/invalid\xff\xfe", "/invalid\\xff\\xfe"},
      {"/" + std::string(255, 'x'), ""},
      {"/" + std::string(255, '\xfd'), "/" + repeated("\\xfd", 255)},
      {long_path(), ""},
  };
}

/// Step by step, because the path may be longer than one that can be opened.
void make_cgroup(const std::string& root, const std::string& path, const Files& files) {
  int directory = ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const auto check = [&](int result, const std::string& what) {
    if (result < 0 && errno != EEXIST) throw std::system_error(errno, std::generic_category(), what);
    return result;
  };
  for (std::size_t at = 1; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, end - at);
    check(::mkdirat(directory, name.c_str(), 0755), name);
    const int below = check(::openat(directory, name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), name);
    ::close(directory);
    directory = below;
    at = end + 1;
  }
  for (const auto& [name, content] : files) {
    const int file = check(::openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644), name);
    check(static_cast<int>(::write(file, content.data(), content.size())), name);
    ::close(file);
  }
  ::close(directory);
}

class HostileNames : public CliTest {
 protected:
  HostileNames() {
    for (const Hostile& one : hostile_paths()) {
      make_cgroup(cgroups().root(), one.path, v1_files(kOver));
      recorded_.insert(one.path);
      shown_.insert(one.shown.empty() ? one.path : one.shown);
    }
    said_ = scan(/*cycles=*/2, {"--log-level", "trace"}).err;
  }

  static const std::vector<std::vector<std::string>>& commands() {
    static const std::vector<std::vector<std::string>> all{{"report"},
                                                           {"report", "cgroups"},
                                                           {"report", "reclaims"},
                                                           {"report", "slowest"},
                                                           {"history", "*"},
                                                           {"history", "<script>"},
                                                           {"history", "xxxxxx"},
                                                           {"query", "SELECT * FROM v_reclaim"},
                                                           {"query", "SELECT path, inode FROM v_cgroup"}};
    return all;
  }
  std::string output(std::vector<std::string> command, const std::string& format) const {
    command.insert(command.end(), {"--format", format});
    const Answer answer = ask(command);
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
    EXPECT_TRUE(is_utf8(answer.out)) << command.front() << " as " << format;
    return answer.out;
  }

  std::set<std::string> recorded_, shown_;
  std::string said_;
};

TEST_F(HostileNames, AreRecordedByteByByteAndReclaimed) {
  ASSERT_GT(long_path().size(), std::size_t{4096});
  std::set<std::string> found;
  const SQLite::Database db(database(), SQLite::OPEN_READONLY, 5000);
  SQLite::Statement query(db, "SELECT CAST(c.path AS BLOB) FROM reclaim r JOIN cgroup c USING (cgroup_id)");
  while (query.executeStep()) found.insert(query.getColumn(0).getString());
  EXPECT_EQ(found, recorded_);
  EXPECT_EQ(number("SELECT count(*) FROM sample"), static_cast<std::int64_t>(2 * recorded_.size()));
  EXPECT_EQ(number("SELECT max(error_count) FROM scan"), 0);
}

TEST_F(HostileNames, DoNotReachTheLogRaw) {
  EXPECT_TRUE(is_utf8(said_));
  EXPECT_FALSE(has_control(said_));
  const std::regex line("20[0-9-]+T[0-9:.]+Z (trace|debug|info|warning): [^\n]*");
  std::istringstream lines(said_);
  int count = 0;
  for (std::string one; std::getline(lines, one); ++count) {
    EXPECT_TRUE(one.size() > 1000 || std::regex_match(one, line)) << one;
    EXPECT_FALSE(one.starts_with("2026-01-01")) << "a forged line";
  }
  EXPECT_GT(count, 20);
}

TEST_F(HostileNames, AreWholeInCsvAndInJson) {
  std::set<std::string> in_csv, in_json;
  const auto rows = parse_csv(output({"query", "SELECT path FROM v_cgroup"}, "csv"));
  for (std::size_t i = 1; i < rows.size(); ++i) in_csv.insert(rows[i][0]);
  for (const auto& row : rows_of({"query", "SELECT path FROM v_cgroup"})) in_json.insert(row["path"]);
  EXPECT_EQ(in_csv, shown_);
  EXPECT_EQ(in_json, shown_);
}

TEST_F(HostileNames, LeaveTextWithoutControlCharacters) {
  for (const auto& command : commands()) EXPECT_FALSE(has_control(output(command, "text")));
}

TEST_F(HostileNames, LeaveMarkdownWithoutMarkupAndWithAsManyCellsInEachRow) {
  for (const auto& command : commands()) {
    const std::string markdown = output(command, "markdown");
    EXPECT_FALSE(has_control(markdown));
    EXPECT_EQ(markdown.find("<script"), std::string::npos) << markdown;
    std::istringstream lines(markdown);
    std::size_t cells = 0;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("| ")) {
        cells = 0;
        EXPECT_FALSE(line.starts_with("/") || line.starts_with("2026")) << "a name broke out of its row: " << line;
        continue;
      }
      std::size_t bars = 0;
      for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\') ++i;  // what follows is itself
        else if (line[i] == '|') ++bars;
      }
      if (cells == 0) cells = bars;
      EXPECT_EQ(bars, cells) << line;
    }
  }
}

TEST_F(HostileNames, LeaveAPageThatIsWellFormedAndRunsNothing) {
  for (const auto& command : commands()) {
    const std::string html = output(command, "html");
    EXPECT_FALSE(has_control(html));
    EXPECT_EQ(activity_of(Html(html)), "") << command.front();
  }
}

TEST_F(HostileNames, LeaveCsvWithAsManyFieldsInEachLine) {
  for (const auto& command : commands()) {
    const auto rows = parse_csv(output(command, "csv"));
    ASSERT_GE(rows.size(), std::size_t{2}) << command.front();
    for (const CsvRow& row : rows) EXPECT_EQ(row.size(), rows.front().size()) << row.front();
  }
}

TEST_F(HostileNames, LeaveJsonThatParses) {
  for (const auto& command : commands()) {
    const std::string json = output(command, "json");
    EXPECT_TRUE(nlohmann::json::accept(json)) << command.front();
    EXPECT_FALSE(has_control(json));
  }
}

TEST_F(HostileNames, CanBeAskedForByTheirPath) {
  for (const std::string path : {"/new\nline*", "/double\"quote\"\"", "/single'quote", "/comma,semicolon;",
                                 "/<script>alert(1)</script>", "/-rf", "/=1+1", "/invalid\xff\xfe"}) {
    EXPECT_EQ(rows_of({"history", path}).size(), std::size_t{2}) << path;
    EXPECT_EQ(rows_of({"report", "cgroups", "--cgroup", path}).size(), std::size_t{1}) << path;
  }
}

TEST_F(HostileNames, AreHarmlessInAnErrorToo) {
  const Answer answer = ask({"history", "no\x1b[31m\xff\nsuch"});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_EQ(answer.err.substr(0, answer.err.find(';')),
            "cgroup-memory-manager: no samples of a cgroup that matches \"no\\x1b[31m\\xff\\nsuch\" in this "
            "window");
}

}  // namespace
}  // namespace cgmm::test
