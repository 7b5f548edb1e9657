// SPDX-License-Identifier: Apache-2.0
#pragma once

// The Debian package, and scripts that may find that this machine can't do what they are for.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/program.hpp"

namespace cgmm::test {

/// Where systemd.package leaves it for systemd.node.
inline std::filesystem::path package_directory() { return std::filesystem::path{CGMM_SYSTEMD_OUT_DIR} / "package"; }
inline std::filesystem::path package_file() {
  if (!std::filesystem::exists(package_directory())) return {};
  for (const auto& entry : std::filesystem::directory_iterator(package_directory())) {
    if (entry.path().extension() == ".deb") return entry.path();
  }
  return {};
}

struct ScriptRun {
  int status = 77;  // 77: it can't be done on this machine
  std::string said = CGMM_SYSTEMD_SKIP;
};

/// Runs a script of the project with these arguments, unless nothing of this is for this build.
inline ScriptRun run_script(const std::string& script, const std::vector<std::string>& arguments,
                            const Environment& more = {}) {
  ScriptRun run;
  if (!run.said.empty()) return run;
  std::filesystem::create_directories(CGMM_SYSTEMD_OUT_DIR);
  const auto log =
      std::filesystem::path{CGMM_SYSTEMD_OUT_DIR} / (std::filesystem::path(script).filename().string() + ".log");
  std::filesystem::remove(log);
  ChildProcess child = ChildProcess::fork_off([&] {
    redirect_to({log, log});
    for (const auto& [name, value] : more) ::setenv(name.c_str(), value.c_str(), 1);
    const std::string path = CGMM_SOURCE_DIR "/" + script;
    std::vector<char*> argv{const_cast<char*>(path.c_str())};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execv(path.c_str(), argv.data());
    return 127;
  });
  run.status = child.wait_for_exit(std::chrono::minutes{25}).value_or(-1);
  run.said = content_of(log);
  return run;
}

/// What stands after the last newline but a final one: the reason of a skip.
inline std::string last_line(std::string text) {
  text.erase(text.find_last_not_of('\n') + 1);
  return text.substr(text.rfind('\n') + 1);
}

inline std::string tail_of(const std::string& text) {
  constexpr std::size_t kBytes = 4000;
  return text.substr(text.size() > kBytes ? text.size() - kBytes : 0);
}

}  // namespace cgmm::test
