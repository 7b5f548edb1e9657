// SPDX-License-Identifier: Apache-2.0
#include "net/wait.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fd.hpp"

namespace cgmm::net {

Woken wait_for(int fd, short events, const Patience& patience) {
  std::array<pollfd, 2> polled{{{fd, events, 0}, {patience.stop_fd, POLLIN, 0}}};
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(patience.end - std::chrono::steady_clock::now()).count();
    const int count = ::poll(polled.data(), polled.size(), static_cast<int>(std::clamp<long>(left, 0, 3'600'000)));
    if (count < 0 && errno != EINTR) base::throw_errno(errno, "poll");
    if (count < 0) continue;
    if (polled[1].revents != 0) return Woken::stopped;
    if (polled[0].revents != 0) return Woken::ready;
    if (left <= 0) return Woken::timeout;
  }
}

}  // namespace cgmm::net
