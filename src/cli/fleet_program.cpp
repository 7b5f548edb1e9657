// SPDX-License-Identifier: Apache-2.0

// `ship`, `fleet`, `serve` and `live` in the program cgroup-memory-manager: it becomes cgroup-memory-manager-fleet,
// which knows HTTP, TLS and ncurses. That would cost the service, which needs none of them, a few MB.

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "cli/commands.hpp"

namespace cgmm::cli {
namespace {

/// Looked for beside this program, then in PATH.
[[noreturn]] void become_fleet_program(const Options& options) {
  const std::string name = "cgroup-memory-manager-fleet";
  std::vector<std::string> arguments = options.arguments;
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) ::execv((self.parent_path() / name).c_str(), argv.data());
  ::execvp(name.c_str(), argv.data());
  throw std::runtime_error("this needs the program " + name + ", which can't be started: " +
                           std::generic_category().message(errno) + "; install it beside " + self.string());
}

}  // namespace

int ship(const Options& options) { become_fleet_program(options); }
int fleet(const Options& options) { become_fleet_program(options); }
int serve(const Options& options) { become_fleet_program(options); }
int live(const Options& options) { become_fleet_program(options); }

}  // namespace cgmm::cli
