// SPDX-License-Identifier: Apache-2.0
#pragma once

// The service with `parent = "auto"`, in a mount namespace in which the test's own directory is all of the hierarchy.

#include <sched.h>
#include <sys/mount.h>

#include <set>

#include "real/real_test.hpp"

namespace cgmm::test {

class RealAuto : public RealTest {
 protected:
  void SetUp() override {
    RealTest::SetUp();
    if (IsSkipped()) return;
    auto child = ChildProcess::fork_off([&] { return enter() ? 0 : 1; });
    if (child.wait_for_exit() != 0)
      GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: a mount namespace can't be had here ***";
  }
  bool enter() {
    const std::filesystem::path mount = v1_memory_mount().value();
    return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount(tree().dir().c_str(), mount.c_str(), nullptr, MS_BIND, nullptr) == 0;
  }
  ChildProcess start_auto(const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"--config", config(), "--database", database()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return ChildProcess::fork_off([&] { return enter() ? become_program(arguments, {log(), log()}, {}) : 1; });
  }
  std::set<std::string> texts(const std::string& query) const {
    SQLite::Database db(database(), SQLite::OPEN_READONLY);
    SQLite::Statement rows(db, query);
    std::set<std::string> result;
    while (rows.executeStep()) result.insert(rows.getColumn(0).getString());
    return result;
  }
};

}  // namespace cgmm::test
