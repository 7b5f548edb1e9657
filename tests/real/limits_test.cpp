// SPDX-License-Identifier: Apache-2.0
// A service that has little of what it needs on a node with a thousand cgroups: it samples all of them, or ends with a
// sentence.
#include <sys/resource.h>

#include "real/real_test.hpp"

namespace cgmm::test {
namespace {

constexpr int kCgroups = 1000;

class Limits : public RealTest {
 protected:
  void SetUp() override {
    RealTest::SetUp();
    if (IsSkipped()) return;
    for (int i = 0; i < kCgroups; ++i) tree().make("tree/" + std::to_string(i));
  }
  /// For some scans. `prepare` is called in the child.
  template <class Prepare>
  int run(const std::string& name, Prepare prepare) {
    const std::vector<std::string> arguments{
        "--config", config(),   "--parent", tree().dir() / "tree", "--database", file(name + ".db"), "--interval",
        "1s",       "--cycles", "3"};
    auto service = ChildProcess::fork_off([&] {
      prepare();
      return become_program(arguments, {said(name), said(name)}, {});
    });
    return service.wait_for_exit().value_or(-1);
  }
  std::filesystem::path said(const std::string& name) const { return file(name + ".log"); }
  /// The cgroups of the last scan, if none of them was in error.
  std::int64_t sampled(const std::string& name) const {
    try {
      const SQLite::Database db(file(name + ".db"), SQLite::OPEN_READONLY, 5000);
      SQLite::Statement query(db, "SELECT cgroup_count FROM scan WHERE error_count = 0 ORDER BY scan_id DESC LIMIT 1");
      return query.executeStep() ? query.getColumn(0).getInt64() : 0;
    } catch (const SQLite::Exception&) {
      return 0;
    }
  }
};

TEST_F(Limits, OfDescriptorsLeaveEnoughForTheServiceItself) {
  int ran_count = 0;
  const std::vector<rlim_t> limits{8, 16, 24, 32, 48, 64, 80, 96, 128, 256};
  for (const rlim_t limit : limits) {
    const std::string name = "nofile" + std::to_string(limit);
    const int exit_code = run(name, [=] {
      const rlimit descriptors{limit, limit};
      ::setrlimit(RLIMIT_NOFILE, &descriptors);
    });
    const std::string text = content_of(said(name));
    if (exit_code == 0) {
      ++ran_count;
      EXPECT_EQ(sampled(name), kCgroups) << limit << ": " << text;
    } else {
      EXPECT_EQ(exit_code, 1) << limit;
      EXPECT_NE(text.find("cgroup-memory-manager: "), std::string::npos) << limit << ": " << text;
    }
  }
  EXPECT_GE(ran_count, 6) << "so few are needed only for the service itself";
}

TEST_F(Limits, SixteenMebibytesAreEnough) {
  const auto own = tree().make("own", 16 * kMiB);
  const int exit_code = run("memory", [&] { write_cgroup_file(own / "cgroup.procs", "0"); });
  EXPECT_EQ(exit_code, 0) << content_of(said("memory"));
  EXPECT_EQ(sampled("memory"), kCgroups) << content_of(said("memory"));
}

}  // namespace
}  // namespace cgmm::test
