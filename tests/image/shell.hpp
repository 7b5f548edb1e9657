// SPDX-License-Identifier: Apache-2.0
#pragma once

// Other people's programs (buildah, tar, node), run to their end by the shell.

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace cgmm::test {

struct Ran {
  int exit_code = 0;
  std::string said;  // on either stream
};

inline Ran run_shell(const std::string& command) {
  FILE* const pipe = ::popen(("exec 2>&1; " + command).c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("popen");
  Ran ran;
  std::array<char, 4096> block{};
  for (std::size_t got = 0; (got = ::fread(block.data(), 1, block.size(), pipe)) > 0;)
    ran.said.append(block.data(), got);
  const int status = ::pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

/// What it said; throws with that when it failed.
inline std::string must_run(const std::string& command) {
  Ran ran = run_shell(command);
  if (ran.exit_code != 0)
    throw std::runtime_error(command + ": exit code " + std::to_string(ran.exit_code) + "\n" + ran.said);
  return std::move(ran.said);
}

inline bool is_installed(const std::string& program) { return run_shell("command -v " + program).exit_code == 0; }

}  // namespace cgmm::test
