// SPDX-License-Identifier: Apache-2.0
// A log that nobody reads: a container's shim that hangs, a terminal that was stopped, a full pipe.
#include "cli/cli_test.hpp"
#include "support/full_pipe.hpp"

namespace cgmm::test {
namespace {

using std::chrono::seconds;

class UnreadLog : public CliTest {
 protected:
  UnreadLog() { cgroups().put("/over", v1_files(kOver)); }

  ChildProcess start_unread(const std::string& parent) const {
    const std::vector<std::string> arguments{CGMM_PROGRAM, "--config",   config(), "--parent",    parent, "--database",
                                             database(),   "--interval", "100ms",  "--log-level", "debug"};
    return ChildProcess::fork_off([&] {
      pipe_.become_standard_error();
      std::vector<char*> argv;
      for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
      argv.push_back(nullptr);
      ::execv(CGMM_PROGRAM, argv.data());
      return 127;
    });
  }

  FullPipe pipe_;
};

TEST_F(UnreadLog, HoldsNeitherTheScansNorAReclaimNorTheStop) {
  auto service = start_unread(cgroups().root());
  EXPECT_TRUE(wait_for_scans(3));
  EXPECT_TRUE(eventually([&] { return !cgroups().file("/over", "memory.force_empty").empty(); }));
  cgroups().put("/new", v1_files(kBelow));
  EXPECT_TRUE(eventually([&] { return number_so_far("SELECT count(*) FROM v_sample WHERE path = '/new'") > 0; }));
  service.signal(SIGUSR1);
  EXPECT_TRUE(wait_for_scans(3));
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(seconds{2}), 0);
  EXPECT_EQ(event_count("stop"), 1);
}

TEST_F(UnreadLog, HoldsNoFatalErrorEither) {
  auto service = start_unread("/proc/nowhere");
  EXPECT_EQ(service.wait_for_exit(), 2);
}

TEST_F(UnreadLog, WhoReadsAgainGetsTheNewestMessages) {
  auto service = start_unread(cgroups().root());
  EXPECT_TRUE(wait_for_scans(3));
  pipe_.read_all();
  std::string said;
  EXPECT_TRUE(eventually([&] { return (said += pipe_.read_all()).find(" debug: scan: ") != std::string::npos; }));
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_for_exit(), 0);
  EXPECT_NE((said += pipe_.read_all()).find(" info: stopped after "), std::string::npos) << said;
}

}  // namespace
}  // namespace cgmm::test
