// SPDX-License-Identifier: Apache-2.0
// `live` on a terminal of tmux: keys go in, and the screens that come out are compared with what is on record.
#include <signal.h>

#include "cli/cli_test.hpp"
#include "support/tmux.hpp"

namespace cgmm::test {
namespace {

/// A service and two containers, one of them with a hostile name. Two hours of made samples before the real ones, a
/// minute apart; an OOM kill an hour ago, and a reclaim.
class Live : public CliTest {
 protected:
  Live() {
    cgroups().put("/system.slice/db.service", v1_files(kBelow));
    cgroups().put("/web", v1_files(kOver));
    cgroups().put("/evil\n\x1b[31mred", v1_files(kBelow));
  }
  void SetUp() override {
    if (!Tmux::is_installed()) GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: tmux is not installed";
    scan();
    SQLite::Database db(database(), SQLite::OPEN_READWRITE, 5000);
    db.exec(
        "UPDATE scan SET scan_id = 1000; UPDATE sample SET scan_id = 1000;"
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120) "
        "INSERT INTO scan (scan_id, started_at_us, duration_us, cgroup_count, error_count, late_us, interval_us) "
        "SELECT 1000 - i, started_at_us - i * 60000000, duration_us, cgroup_count, 0, 0, 60000000 FROM n, scan "
        "WHERE scan_id = 1000;"
        "INSERT INTO sample (scan_id, cgroup_id, usage_kib, file_kib, shmem_kib) "
        "SELECT sc.scan_id, s.cgroup_id, s.usage_kib - (1000 - sc.scan_id) * 100, 1000, 0 FROM scan sc, sample s "
        "WHERE sc.scan_id < 1000 AND s.scan_id = 1000;"
        "UPDATE cgroup SET first_seen_at_us = (SELECT min(started_at_us) FROM scan);"
        "UPDATE cgroup_limit SET changed_at_us = (SELECT min(started_at_us) FROM scan);"
        "INSERT INTO oom_kill (oom_kill_id, cgroup_id, killed_at_us, source, scope, victim_comm, victim_pid, "
        "kill_count) "
        "SELECT 16, cgroup_id, (SELECT started_at_us FROM scan WHERE scan_id = 940) + 5000000, 'kernel_log', 'cgroup', "
        "'nginx', 4711, 1 FROM cgroup WHERE path = '/web'");
  }

  std::vector<std::string> arguments(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all{"live", "--config", config(), "--database", database()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  /// The time of a made scan, as it is shown.
  std::string time_of(int scan_id) const {
    return text(
        "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', started_at_us / 1000000, 'unixepoch') FROM scan WHERE scan_id = " +
        std::to_string(scan_id));
  }
  static std::string first_line(const std::string& screen) { return screen.substr(0, screen.find('\n')); }
};

TEST_F(Live, GoesBackToAKillItsIncidentAndForthToNow) {
  const Tmux tmux(arguments(), {});
  ASSERT_TRUE(tmux.shows("follows")) << tmux.screen();
  EXPECT_NE(first_line(tmux.screen()).find(time_of(1000)), std::string::npos) << tmux.screen();
  EXPECT_NE(tmux.screen().find("/system.slice/db.service"), std::string::npos) << tmux.screen();
  tmux.press({"T"});
  EXPECT_TRUE(tmux.shows(time_of(999) + "  paused")) << tmux.screen();
  tmux.press({"O"});
  ASSERT_TRUE(tmux.shows("OOM kill of /web: Enter shows the incident")) << tmux.screen();
  EXPECT_NE(first_line(tmux.screen()).find(time_of(940)), std::string::npos) << tmux.screen();
  tmux.press({"Enter"});
  ASSERT_TRUE(tmux.shows("OOM kill 16 at ")) << tmux.screen();
  EXPECT_NE(tmux.screen().find("nginx (pid 4711)"), std::string::npos) << tmux.screen();
  const std::string top = tmux.screen();
  tmux.press({"Down", "Down"});
  EXPECT_TRUE(eventually([&] { return tmux.screen() != top; }));
  tmux.press({"q", "J"});
  ASSERT_TRUE(tmux.shows("Back by")) << tmux.screen();
  tmux.type("30m");
  tmux.press({"Enter"});
  EXPECT_TRUE(tmux.shows(time_of(910))) << tmux.screen();
  tmux.press({"End"});
  EXPECT_TRUE(tmux.shows("follows")) << tmux.screen();
  tmux.press({"q"});
  EXPECT_TRUE(tmux.shows("ended with 0")) << tmux.screen();
}

TEST_F(Live, HomeIsTheOldestSampleOnAnyTerminal) {
  for (const char* const term : {"tmux-256color", "xterm", "vt100"}) {
    const Tmux tmux(arguments(), {.term = term});
    ASSERT_TRUE(tmux.shows("follows")) << tmux.screen();
    tmux.press({"Home"});
    EXPECT_TRUE(tmux.shows(time_of(880) + "  paused")) << term << '\n' << tmux.screen();
    tmux.press({"End"});
    EXPECT_TRUE(tmux.shows(time_of(1000) + "  follows")) << term << '\n' << tmux.screen();
  }
}

TEST_F(Live, HomeIsTheFirstHourWhereSamplesAreGone) {
  SQLite::Database(database(), SQLite::OPEN_READWRITE, 5000)
      .exec(
          "INSERT INTO sample_hour (hour_at_us, cgroup_id, sample_count, usage_avg_kib, usage_max_kib) "
          "SELECT started_at_us / 3600000000 * 3600000000 - 36000000000, cgroup_id, 60, 5120, 6000 "
          "FROM scan, cgroup WHERE scan_id = 1000");
  const Tmux tmux(arguments(), {});
  ASSERT_TRUE(tmux.shows("follows")) << tmux.screen();
  tmux.press({"Home"});
  EXPECT_TRUE(tmux.shows("paused, averages of an hour")) << tmux.screen();
  EXPECT_TRUE(tmux.shows("5.0 MiB")) << tmux.screen();
}

TEST_F(Live, BeginsAtTheTimeThatIsAskedFor) {
  const Tmux tmux(arguments({"--at", time_of(950)}), {});
  EXPECT_TRUE(tmux.shows(time_of(949) + "  paused")) << "the last one before the whole second: " << tmux.screen();
}

TEST_F(Live, SortsFiltersAndMakesATree) {
  const Tmux tmux(arguments(), {.columns = 120, .rows = 30});
  ASSERT_TRUE(tmux.shows(">usage")) << tmux.screen();
  tmux.press({"s"});
  EXPECT_TRUE(tmux.shows("<usage"));
  tmux.press({"/"});
  tmux.type("DB");
  EXPECT_TRUE(tmux.shows_no("/web")) << tmux.screen();
  tmux.press({"Enter", "Tab"});
  EXPECT_TRUE(tmux.shows("- /system.slice")) << tmux.screen();
  EXPECT_TRUE(tmux.shows("    /db.service")) << tmux.screen();
  tmux.press({"G", "Enter"});
  EXPECT_TRUE(tmux.shows("limit 100.0 MiB")) << tmux.screen();
  EXPECT_TRUE(tmux.shows("usage")) << tmux.screen();
  EXPECT_TRUE(tmux.shows("No rule is for it")) << tmux.screen();
}

TEST_F(Live, FollowsNewScans) {
  const Tmux tmux(arguments(), {});
  ASSERT_TRUE(tmux.shows("3 cgroups")) << tmux.screen();
  cgroups().put("/new-one", v1_files(kBelow));
  scan();
  EXPECT_TRUE(tmux.shows("4 cgroups")) << tmux.screen();
  EXPECT_TRUE(tmux.shows("/new-one")) << tmux.screen();
}

TEST_F(Live, FitsTheTerminalWhateverItsSize) {
  const Tmux tmux(arguments(), {.columns = 300, .rows = 80});
  ASSERT_TRUE(tmux.shows("trend")) << tmux.screen();
  ASSERT_TRUE(tmux.shows("refaulted")) << tmux.screen();
  tmux.resize(80, 24);
  EXPECT_TRUE(tmux.shows_no("refaulted")) << tmux.screen();
  EXPECT_TRUE(tmux.shows("t T sample")) << tmux.screen();
  tmux.resize(20, 5);
  EXPECT_TRUE(eventually([&] { return first_line(tmux.screen()).size() <= 20; })) << tmux.screen();
  tmux.resize(100, 30);
  EXPECT_TRUE(tmux.shows("/system.slice/db.service")) << tmux.screen();
}

TEST_F(Live, DoesWithoutColoursAndWithoutUtf8) {
  for (const Tmux::Terminal& terminal :
       {Tmux::Terminal{.term = "vt100", .locale = "C"}, Tmux::Terminal{.locale = "C", .more = "NO_COLOR=1"}}) {
    const Tmux tmux(arguments(), terminal);
    ASSERT_TRUE(tmux.shows("follows")) << tmux.screen();
    tmux.press({"O"});
    ASSERT_TRUE(tmux.shows("OOM kill of /web")) << tmux.screen();
    const std::string screen = tmux.screen(/*is_raw=*/true);
    EXPECT_TRUE(std::ranges::all_of(screen, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) << screen;
    for (const char* const colour : {"\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"})
      EXPECT_EQ(screen.find(colour), std::string::npos) << screen;
  }
}

TEST_F(Live, HostileNamesDoNotReachTheTerminal) {
  const Tmux tmux(arguments(), {});
  ASSERT_TRUE(tmux.shows("/evil\\n\\x1b[31mred")) << tmux.screen();
  tmux.press({"/"});
  tmux.type("evil");
  tmux.press({"Enter", "Enter"});
  EXPECT_TRUE(tmux.shows("q: back to the list")) << tmux.screen();
  EXPECT_TRUE(tmux.shows("/evil\\n\\x1b[31mred")) << tmux.screen();
}

TEST_F(Live, LeavesTheTerminalAsItWasWhenItIsEnded) {
  for (const std::string how : {"SIGTERM", "C-c", "q"}) {
    const Tmux tmux(arguments(), {});
    ASSERT_TRUE(tmux.shows("follows")) << tmux.screen();
    if (how == "SIGTERM") {
      ASSERT_GT(tmux.pid(), 0);
      ::kill(tmux.pid(), SIGTERM);
    } else {
      tmux.press({how});
    }
    ASSERT_TRUE(tmux.shows("ended with ")) << tmux.screen();
    EXPECT_TRUE(eventually([&] { return tmux.screen().find("\necho") != std::string::npos; })) << tmux.screen();
    EXPECT_NE(tmux.screen().find("before"), std::string::npos) << "what was there is there again: " << tmux.screen();
  }
}

TEST_F(Live, ReadsACopyOfTheHistory) {
  ask({"history", "backup", file("copy.db")});
  const Tmux tmux({"live", "--config", config(), "--database", file("copy.db")}, {});
  EXPECT_TRUE(tmux.shows("/system.slice/db.service")) << tmux.screen();
}

TEST_F(Live, SaysWhatIsWrongWithTheTerminal) {
  const Answer pipe = program(arguments());
  EXPECT_EQ(pipe.exit_code, 2);
  EXPECT_NE(pipe.err.find("must be a terminal"), std::string::npos) << pipe.err;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"no-such-terminal", "nothing is known of terminals of the kind TERM=no-such-terminal"},
      {"dumb", "can't show a screen"},
      {"", "TERM is not set"}};
  for (const auto& [term, said] : cases) {
    const Tmux tmux(arguments(), {.columns = 200, .term = term});
    EXPECT_TRUE(tmux.shows(said)) << tmux.screen();
    EXPECT_TRUE(tmux.shows("ended with 2")) << tmux.screen();
  }
}

TEST_F(Live, SaysWhatIsWrongWithTheHistoryOrTheTime) {
  const Tmux none({"live", "--config", config(), "--database", file("none.db")}, {.columns = 200});
  EXPECT_TRUE(none.shows("ended with 1")) << none.screen();
  const Tmux when(arguments({"--at", "yesterday"}), {.columns = 200});
  EXPECT_TRUE(when.shows("--at = \"yesterday\": expected")) << when.screen();
  EXPECT_TRUE(when.shows("ended with 2")) << when.screen();
}

}  // namespace
}  // namespace cgmm::test
