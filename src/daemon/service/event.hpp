// SPDX-License-Identifier: Apache-2.0
#pragma once

// Something that happens once and that poll() can wait for. Any thread.

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "base/fd.hpp"

namespace cgmm::daemon {

/// The descriptor that the call `name` has returned. Throws std::system_error where that is an error.
inline base::Fd checked(int fd, const char* name) {
  if (fd < 0) throw std::system_error(errno, std::system_category(), name);
  return base::Fd(fd);
}

class Event {
 public:
  /// Throws std::system_error.
  Event() : fd_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {}

  void raise() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = ::write(fd_.get(), &one, sizeof one);  // refused: it is raised already
  }
  /// Readable from then on.
  int fd() const { return fd_.get(); }

 private:
  base::Fd fd_;
};

}  // namespace cgmm::daemon
