// SPDX-License-Identifier: Apache-2.0
#pragma once

// What systemd would be told: the socket that NOTIFY_SOCKET names, and the messages that come to it. One thread.

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>

namespace cgmm::test {

class NotifySocket {
 public:
  /// A path, or '@' and a name.
  explicit NotifySocket(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
      throw std::system_error(errno, std::generic_category(), name);
    }
  }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;
  ~NotifySocket() { ::close(fd_); }

  /// The next message; nullopt when none comes in this time.
  std::optional<std::string> next(std::chrono::milliseconds time = std::chrono::seconds{30}) {
    pollfd ready{fd_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(time.count())) != 1) return std::nullopt;
    std::string message(8192, '\0');
    const ssize_t length = ::recv(fd_, message.data(), message.size(), 0);
    message.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    return message;
  }

  /// The next message that begins with this; those before it are dropped.
  std::optional<std::string> next_with(const std::string& begin,
                                       std::chrono::milliseconds time = std::chrono::seconds{30}) {
    const auto give_up_at = std::chrono::steady_clock::now() + time;
    for (;;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(give_up_at - std::chrono::steady_clock::now());
      const auto message = next(std::max(left, std::chrono::milliseconds{0}));
      if (!message || message->starts_with(begin)) return message;
    }
  }

 private:
  int fd_;
};

}  // namespace cgmm::test
