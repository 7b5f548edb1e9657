// SPDX-License-Identifier: Apache-2.0
// The Python of docs/queries.md, as it stands there, with Debian's pandas.
#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

constexpr const char* kPython = "/usr/bin/python3";

class Pandas : public CliTest {
 protected:
  Pandas() { cgroups().put("/web", v1_files(kOver)); }

  Answer python(const std::string& code) const {
    const Streams streams{file("python.out"), file("python.err")};
    ChildProcess child = ChildProcess::fork_off(
        [&] { return become(kPython, {"-W", "error::FutureWarning", "-c", code}, streams, {}); });
    const int exit_code = child.wait_for_exit(std::chrono::seconds{60}).value_or(-1);
    return {exit_code, content_of(streams.out), content_of(streams.err)};
  }

  static std::string replaced(std::string text, const std::string& old, const std::string& with) {
    const std::size_t at = text.find(old);
    if (at == std::string::npos) {
      ADD_FAILURE() << old << " is not in:\n" << text;
      return text;
    }
    return text.replace(at, old.size(), with);
  }

  /// With a check after each line that reads kills, and this history in the place of the real one.
  std::string shown_in_docs() const {
    const std::string page = content_of(CGMM_SOURCE_DIR "/docs/queries.md");
    constexpr std::string_view kBegin = "```python\n";
    const std::size_t begin = page.find(kBegin) + kBegin.size();
    std::istringstream lines(page.substr(begin, page.find("```", begin) - begin));
    std::string code = "import os; os.chdir('" + file("").string() + "')\n";
    for (std::string line; std::getline(lines, line);) {
      code += line + "\n";
      if (line.starts_with("kills =")) {
        code += "assert list(kills.cause) == ['anon_growth'] and kills.killed_at.dt.tz is not None, kills.dtypes\n";
      }
    }
    code += "assert len(samples) == 3 and samples.index.tz is not None and (samples.usage_bytes > 0).all(), samples\n";
    code = replaced(code, "/var/lib/cgroup-memory-manager/history.db", database().string());
    return replaced(code, "shop/web-7d9c5b8f6d-x2x4z/app", "/web");
  }
};

TEST_F(Pandas, ReadsAnswersAndTheHistoryAsTheDocsSay) {
  if (python("import pandas").exit_code != 0) {
    GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: there is no pandas (Debian package python3-pandas) ***";
  }
  scan(/*cycles=*/3);
  SQLite::Database(database(), SQLite::OPEN_READWRITE, 5000)
      .exec(
          "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm, cause) "
          "SELECT cgroup_id, (SELECT max(started_at_us) FROM scan), 'kernel_log', 'cgroup', 'python3', 'anon_growth' "
          "FROM cgroup WHERE path = '/web'");
  for (const std::string format : {"json", "ndjson", "csv"}) {
    EXPECT_EQ(ask({"report", "oom_kills", "--format", format, "--output", file("kills." + format)}).exit_code, 0);
  }
  const Answer answer = python(shown_in_docs());
  EXPECT_EQ(answer.exit_code, 0) << answer.out << answer.err;
}

}  // namespace
}  // namespace cgmm::test
