// SPDX-License-Identifier: Apache-2.0
#include "net/peer.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

namespace cgmm::net {

void expect_signs_of_life(int fd, std::chrono::milliseconds time) {
  const int most_ms = static_cast<int>(time.count()), on = 1;
  const int idle_s = std::max(most_ms / 2000, 1), between_s = std::max(most_ms / 6000, 1);
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &most_ms, sizeof most_ms);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_s, sizeof between_s);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

bool is_left(int fd) {
  pollfd end{fd, POLLRDHUP, 0};
  return ::poll(&end, 1, 0) > 0;
}

}  // namespace cgmm::net
