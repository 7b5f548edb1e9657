// SPDX-License-Identifier: Apache-2.0
#pragma once

// Runs this program's own subcommands, each in a process of its own: whatever a history is like, it can't end or fill
// the server. They have bounds of their own for time and memory; these hold besides.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace cgmm::serve {

struct ProgramBounds {
  std::size_t most_bytes = std::size_t{16} << 20;  // of its answer
  std::chrono::milliseconds most_time{35'000};
  int stop_fd = -1;                 // readable: it is killed
  std::function<bool()> is_wanted;  // false: it is killed, some time later; empty: it always is
};

struct ProgramAnswer {
  enum class End : unsigned char {
    exited,
    too_big,
    too_slow,
    killed,  // by a signal, or to stop
  };
  End end = End::exited;
  int exit_code = 0;
  std::string out;
  std::string err;  // the begin of it
};

/// Waits for its end. It is killed after `most_time`, once `stop_fd` is readable, or where nobody wants the answer any
/// more. Throws std::system_error where it can't be started.
ProgramAnswer run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                          const ProgramBounds& bounds);

}  // namespace cgmm::serve
