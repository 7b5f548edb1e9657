// SPDX-License-Identifier: Apache-2.0
#pragma once

// The program itself, started as an operator would, with what it says kept in a file. It is killed and waited
// for when this object goes.

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/child_process.hpp"

namespace cgmm::test {

class ServiceProcess {
 public:
  using Environment = std::vector<std::pair<std::string, std::string>>;

  /// Starts CGMM_PROGRAM with these arguments; what it says (both streams) goes to `log`, after what is
  /// there.
  ServiceProcess(const std::vector<std::string>& arguments, std::filesystem::path log,
                 const Environment& more = {})
      : log_(std::move(log)), child_(ChildProcess::fork_off([&] { return become(arguments, log_, more); })) {}

  pid_t pid() const { return child_.pid(); }
  bool running() { return child_.running(); }
  void signal(int number) const { child_.signal(number); }
  void kill() { child_.kill(); }
  std::optional<int> wait_for_exit(std::chrono::milliseconds deadline = std::chrono::seconds{30}) {
    return child_.wait_for_exit(deadline);
  }

  std::string output() const {
    std::ostringstream text;
    text << std::ifstream(log_).rdbuf();
    return text.str();
  }

 private:
  static int become(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                    const Environment& more) {
    const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    ::close(fd);
    for (const auto& [name, value] : more) {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
    std::vector<char*> argv{const_cast<char*>(CGMM_PROGRAM)};
    for (const auto& argument : arguments) {
      argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    ::execv(CGMM_PROGRAM, argv.data());
    return 127;
  }

  std::filesystem::path log_;
  ChildProcess child_;
};

}  // namespace cgmm::test
