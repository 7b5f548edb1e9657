// SPDX-License-Identifier: Apache-2.0
#pragma once

// A pipe that takes nothing more until somebody reads it: what a log is whose reader does not read.

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "support/pipe.hpp"

namespace cgmm::test {

class FullPipe {
 public:
  FullPipe() {
    ::fcntl(pipe_[1].get(), F_SETFL, O_NONBLOCK);
    while (::write(pipe_[1].get(), "\n", 1) == 1) ++filled_bytes_;
    ::fcntl(pipe_[1].get(), F_SETFL, 0);  // whoever writes from now on waits
    ::fcntl(pipe_[0].get(), F_SETFL, O_NONBLOCK);
  }

  /// For a child.
  void become_standard_error() const { ::dup2(pipe_[1].get(), STDERR_FILENO); }
  /// For the parent, once the child has it.
  void close_writing_end() { static_cast<void>(Fd(std::move(pipe_[1]))); }

  /// What can be read now, without what it was filled with.
  std::string read_all() {
    std::string text;
    char some[4096];
    for (ssize_t got = 0; (got = ::read(pipe_[0].get(), some, sizeof some)) > 0;) {
      text.append(some, static_cast<std::size_t>(got));
    }
    const std::size_t filling = std::min(filled_bytes_, text.size());
    filled_bytes_ -= filling;
    return text.substr(filling);
  }

 private:
  Pipe pipe_ = make_pipe();
  std::size_t filled_bytes_ = 0;
};

}  // namespace cgmm::test
