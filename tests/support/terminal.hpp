// SPDX-License-Identifier: Apache-2.0
#pragma once

// CGMM_PROGRAM with a terminal of this size as its standard output, and what the terminal was sent.

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "support/program.hpp"

namespace cgmm::test {

struct TerminalSize {
  unsigned short rows = 1000;
  unsigned short columns = 80;
};

inline Answer run_on_terminal(const std::vector<std::string>& arguments, const TerminalSize& size,
                              const Environment& more = {}) {
  const int ours = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (ours < 0 || ::grantpt(ours) != 0 || ::unlockpt(ours) != 0)
    throw std::runtime_error("there is no terminal to be had");
  const std::string name = ::ptsname(ours);
  const int theirs = ::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  const struct winsize window{.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
  if (theirs < 0 || ::ioctl(theirs, TIOCSWINSZ, &window) != 0) throw std::runtime_error("the terminal can't be opened");
  const TempDir files;
  const auto err = files.path() / "err";
  ChildProcess child = ChildProcess::fork_off([&] {
    ::setsid();
    for (const char* const variable : {"LC_ALL", "LC_CTYPE", "PAGER", "LESS"}) ::unsetenv(variable);
    ::setenv("TERM", "xterm", 1);
    ::setenv("LANG", "C.UTF-8", 1);
    return become_program(arguments, {name, err}, more);
  });
  ::close(theirs);
  std::string out;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(ours, buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(got));
  ::close(ours);
  const auto exit_code = child.wait_for_exit();
  if (!exit_code) throw std::runtime_error("the program does not end; it said:\n" + out);
  for (std::size_t at = 0; (at = out.find("\r\n", at)) != std::string::npos;) out.erase(at, 1);
  return {*exit_code, out, content_of(err)};
}

}  // namespace cgmm::test
