// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <stdexcept>

namespace cgmm::test {

/// While it lives, this process can open only so many descriptors more.
class FewDescriptors {
 public:
  explicit FewDescriptors(unsigned count) {
    const int lowest_free = ::dup(STDERR_FILENO);
    ::close(lowest_free);
    rlimit few{};
    if (lowest_free < 0 || ::getrlimit(RLIMIT_NOFILE, &usual_) != 0) throw std::runtime_error("no descriptors");
    few = {.rlim_cur = static_cast<rlim_t>(lowest_free) + count, .rlim_max = usual_.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) throw std::runtime_error("setrlimit");
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &usual_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit usual_{};
};

}  // namespace cgmm::test
