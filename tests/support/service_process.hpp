// SPDX-License-Identifier: Apache-2.0
#pragma once

// The program itself, started as an operator would, with what it says kept in a file. It is killed and waited
// for when this object goes.

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/child_process.hpp"
#include "support/program.hpp"

namespace cgmm::test {

class ServiceProcess {
 public:
  /// Starts CGMM_PROGRAM with these arguments; what it says (both streams) goes to `log`, after what is
  /// there.
  ServiceProcess(const std::vector<std::string>& arguments, std::filesystem::path log, const Environment& more = {})
      : log_(std::move(log)),
        child_(ChildProcess::fork_off([&] { return become_program(arguments, {log_, log_}, more); })) {}

  pid_t pid() const { return child_.pid(); }
  bool running() { return child_.running(); }
  void signal(int number) const { child_.signal(number); }
  void kill() { child_.kill(); }
  std::optional<int> wait_for_exit(std::chrono::milliseconds deadline = std::chrono::seconds{30}) {
    return child_.wait_for_exit(deadline);
  }

  std::string output() const { return content_of(log_); }

 private:
  std::filesystem::path log_;
  ChildProcess child_;
};

}  // namespace cgmm::test
