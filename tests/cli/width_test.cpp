// SPDX-License-Identifier: Apache-2.0
// Whatever is shown to a person fits the width; what goes to a pipe is whole.
#include <sstream>

#include "cli/cli_test.hpp"

namespace cgmm::test {
namespace {

/// Of the texts here, which have no wide characters.
std::size_t columns_of(const std::string& line) {
  return static_cast<std::size_t>(
      std::ranges::count_if(line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

const std::string kDeep =
    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1f0c2a3b_7d5e_4c1f_9a41.slice/" +
    std::string(64, 'c') + ".scope";

class Width : public CliTest {
 protected:
  Width() {
    cgroups().put(kDeep, v1_files(kOver));
    cgroups().put("/" + std::string(200, 'n'), v1_files(kOver));
    scan(/*cycles=*/3);
    SQLite::Database db(database(), SQLite::OPEN_READWRITE, 5000);
    db.exec(
        "INSERT INTO oom_kill (cgroup_id, killed_at_us, source, scope, victim_comm, victim_pid, anon_rss_bytes, cause) "
        "SELECT max(cgroup_id), (SELECT max(started_at_us) FROM scan), 'kernel_log', 'cgroup', 'python3', 12, 1048576, "
        "'anon_growth' FROM cgroup");
  }

  static const std::vector<std::vector<std::string>>& commands() {
    static const std::vector<std::vector<std::string>> all{{"report"},
                                                           {"report", "--list"},
                                                           {"report", "cgroups"},
                                                           {"report", "oom_kills"},
                                                           {"history", "*"},
                                                           {"incident"},
                                                           {"incident", "show", "latest"},
                                                           {"check"},
                                                           {"status"},
                                                           {"query", "SELECT * FROM v_reclaim"}};
    return all;
  }
};

TEST_F(Width, HoldsEveryLine) {
  for (auto command : commands()) {
    for (const std::size_t width : {40U, 80U, 120U, 200U}) {
      auto arguments = command;
      arguments.insert(arguments.end(), {"--width", std::to_string(width)});
      const Answer answer = ask(arguments);
      EXPECT_FALSE(answer.out.empty()) << command.front() << ": " << answer.err;
      std::istringstream lines(answer.out);
      for (std::string line; std::getline(lines, line);) {
        const bool is_rule = line.starts_with("    ") && line.find(" = ") != std::string::npos;  // to be pasted
        EXPECT_TRUE(is_rule || columns_of(line) <= width) << command.front() << " at " << width << ":\n" << line;
      }
    }
  }
}

TEST_F(Width, IsThatOfTheTablesInAPipeAndWithWide) {
  const std::vector<std::string> query{"query", "SELECT path, 1 AS one FROM v_cgroup"};
  const Answer in_pipe = ask(query);
  EXPECT_NE(in_pipe.out.find(kDeep), std::string::npos) << in_pipe.out;
  EXPECT_EQ(ask({query[0], query[1], "--wide", "--width", "40"}).out, in_pipe.out);
  const Answer narrow = ask({query[0], query[1], "--width", "40"});
  EXPECT_EQ(narrow.out.find(kDeep), std::string::npos) << narrow.out;
  EXPECT_NE(narrow.out.find("(--wide shows long names whole)"), std::string::npos) << narrow.out;
  std::istringstream lines(ask({"report"}).out);
  for (std::string line; std::getline(lines, line) && !line.starts_with("OOM kills by workload");) {
    EXPECT_LE(columns_of(line), std::size_t{80}) << line;
  }
}

TEST_F(Width, IsBetween40And1000) {
  for (const std::string bad : {"39", "1001", "0", "-1", "x", ""}) {
    const Answer answer = ask({"status", "--width", bad});
    EXPECT_EQ(answer.exit_code, 2) << bad;
    EXPECT_NE(answer.err.find("40 to 1000"), std::string::npos) << answer.err;
  }
}

}  // namespace
}  // namespace cgmm::test
