// SPDX-License-Identifier: Apache-2.0
#pragma once

// CGMM_PROGRAM run to its end, with what it said on either stream. The environment is the test's own, but for
// what changes what the program says.

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::test {

using Environment = std::vector<std::pair<std::string, std::string>>;

struct Streams {
  std::filesystem::path out;  // appended to
  std::filesystem::path err;  // may be the same
};

/// Has what this process says from now on, and what it becomes, go there; for a child.
inline void redirect_to(const Streams& streams) {
  const auto redirect = [](const std::filesystem::path& file, int to) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(fd, to);
    ::close(fd);
  };
  redirect(streams.out, STDOUT_FILENO);
  redirect(streams.err, STDERR_FILENO);
}

/// Becomes `program`; for a child. Returns only when that fails.
inline int become(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                  const Streams& streams, const Environment& more) {
  redirect_to(streams);
  for (const char* const name : {"RUST_LOG", "JOURNAL_STREAM", "NO_COLOR"}) ::unsetenv(name);
  for (const auto& [name, value] : more) ::setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  return 127;
}
inline int become_program(const std::vector<std::string>& arguments, const Streams& streams, const Environment& more) {
  return become(CGMM_PROGRAM, arguments, streams, more);
}

inline std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

struct Answer {
  int exit_code = 0;
  std::string out;
  std::string err;
};

/// Waits for its end; throws when that does not come.
inline Answer run_program(const std::vector<std::string>& arguments, const Environment& more = {},
                          std::chrono::milliseconds deadline = std::chrono::seconds{30}) {
  const TempDir files;
  const Streams streams{files.path() / "out", files.path() / "err"};
  ChildProcess child = ChildProcess::fork_off([&] { return become_program(arguments, streams, more); });
  const auto exit_code = child.wait_for_exit(deadline);
  Answer answer{exit_code.value_or(-1), content_of(streams.out), content_of(streams.err)};
  if (!exit_code) throw std::runtime_error("the program does not end; it said:\n" + answer.out + answer.err);
  return answer;
}

}  // namespace cgmm::test
