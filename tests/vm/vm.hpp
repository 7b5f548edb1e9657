// SPDX-License-Identifier: Apache-2.0
#pragma once

// A virtual machine that has run a scenario, and what it left: files that the guest wrote (the kernel's own
// numbers among them) and the program's histories. It is booted by the first test that asks for it, once a
// process. One thread.

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/child_process.hpp"
#include "support/program.hpp"

namespace cgmm::test {

struct VmRun {
  std::filesystem::path out;  // what the script "boot" left
  int status = 0;             // of that script: 77 when no VM can be had here
  std::string said;           // by it
};

/// Boots it, or says how that went before. `name` is the name of its directory in the build tree.
inline const VmRun& vm_run(const std::string& name, const std::string& kernel, const std::string& scenario) {
  static std::map<std::string, VmRun> runs;
  if (const auto found = runs.find(name); found != runs.end()) return found->second;
  VmRun run{.out = std::filesystem::path{CGMM_VM_OUT_DIR} / name};
  const std::string not_here = CGMM_VM_SKIP;
  if (!not_here.empty()) {
    run.status = 77;
    run.said = not_here;
    return runs.emplace(name, run).first->second;
  }
  std::filesystem::create_directories(run.out);
  const auto log = run.out / "boot.log";
  std::filesystem::remove(log);
  ChildProcess boot = ChildProcess::fork_off([&] {
    redirect_to({log, log});
    const std::string script = CGMM_VM_SOURCE_DIR "/boot";
    ::execl(script.c_str(), script.c_str(), kernel.c_str(), scenario.c_str(), CGMM_PROGRAM, CGMM_VM_WORKLOAD,
            run.out.c_str(), nullptr);
    return 127;
  });
  run.status = boot.wait_for_exit(std::chrono::seconds{600}).value_or(-1);
  run.said = content_of(log);
  return runs.emplace(name, run).first->second;
}

/// The numbers of one cgroup as the kernel had them at one moment, read by the guest (its function
/// "snapshot").
class KernelNumbers {
 public:
  explicit KernelNumbers(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// Of a file that holds one number.
  std::int64_t number(const std::string& file) const { return std::stoll(content(file)); }
  /// Of a file of keys and values.
  std::int64_t number(const std::string& file, const std::string& key) const {
    std::istringstream words(content(file));
    for (std::string word, value; words >> word >> value;) {
      if (word == key) return std::stoll(value);
    }
    throw std::runtime_error((directory_ / file).string() + " has no " + key);
  }
  std::string content(const std::string& file) const {
    if (!std::filesystem::exists(directory_ / file)) {
      throw std::runtime_error("the guest left no " + (directory_ / file).string());
    }
    return content_of(directory_ / file);
  }

 private:
  std::filesystem::path directory_;
};

/// A history of the program, as it was when the VM powered off.
class History {
 public:
  explicit History(const std::filesystem::path& file)
      : db_(file, SQLite::OPEN_READWRITE) {}  // replays a WAL left behind

  /// The first value of a query, NULL being 0; throws where there is no row, so that nothing is proved by
  /// nothing.
  std::int64_t number(const std::string& sql) const {
    SQLite::Statement query(db_, sql);
    if (!query.executeStep()) throw std::runtime_error("no row: " + sql);
    return query.getColumn(0).getInt64();
  }
  std::string text(const std::string& sql) const {
    SQLite::Statement query(db_, sql);
    if (!query.executeStep()) throw std::runtime_error("no row: " + sql);
    return query.getColumn(0).getString();
  }

 private:
  SQLite::Database db_;
};

inline ::testing::AssertionResult nearly_equal(std::int64_t a, std::int64_t b, std::int64_t tolerance) {
  if (std::abs(a - b) <= tolerance) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << a << " and " << b << " differ by more than " << tolerance;
}

class VmTest : public ::testing::Test {
 protected:
  /// To be called first, by SetUp.
  void use(const VmRun& run) {
    run_ = &run;
    if (run.status == 77) {
      std::string reason = run.said.substr(0, run.said.find_last_not_of('\n') + 1);
      if (const auto line = reason.rfind('\n'); line != std::string::npos) reason.erase(0, line + 1);
      GTEST_SKIP() << "\n*** SKIPPED, NOTHING WAS TESTED: " << reason << " ***";
    }
    if (run.status != 0) {
      const std::string console = content_of(run.out / "console.log");
      FAIL() << run.said << "The console said at last:\n"
             << console.substr(console.size() > kTailBytes ? console.size() - kTailBytes : 0);
    }
  }

  std::string result(const std::string& file) const { return content_of(run_->out / "results" / file); }
  std::filesystem::path result_path(const std::string& file) const { return run_->out / "results" / file; }
  bool has_result(const std::string& file) const { return std::filesystem::exists(run_->out / "results" / file); }
  /// Name and path of the containers that the guest made.
  std::map<std::string, std::string> cgroups() const {
    std::istringstream words(result("cgroups"));
    std::map<std::string, std::string> paths;
    for (std::string name, path; words >> name >> path;) paths[name] = path;
    return paths;
  }
  /// The SQL condition for such a container's rows.
  std::string of(const History& db, const std::string& cgroup) const {
    return " WHERE cgroup_id = " +
           std::to_string(db.number("SELECT cgroup_id FROM cgroup WHERE path = '" + cgroups().at(cgroup) + "'"));
  }

  History history(const std::string& name) const { return History(run_->out / "results" / name / "history.db"); }
  KernelNumbers kernel(const std::string& cgroup, const std::string& moment) const {
    return KernelNumbers(run_->out / "results" / "kernel" / (cgroup + "." + moment));
  }

 private:
  static constexpr std::size_t kTailBytes = 4000;
  const VmRun* run_ = nullptr;
};

}  // namespace cgmm::test
