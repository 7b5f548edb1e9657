// SPDX-License-Identifier: Apache-2.0
#pragma once

// The address of a Unix socket, as the system calls want it. Plain data.

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>

namespace cgmm::base {

class UnixAddress {
 public:
  /// Of a path; or of an abstract name, which is in no directory and begins with '@'. nullopt: too long for the kernel.
  static std::optional<UnixAddress> of(std::string_view name) {
    UnixAddress made;
    if (name.empty() || name.size() >= sizeof made.address_.sun_path) return std::nullopt;
    made.address_.sun_family = AF_UNIX;
    std::memcpy(made.address_.sun_path, name.data(), name.size());
    const bool is_abstract = name.front() == '@';
    if (is_abstract) made.address_.sun_path[0] = '\0';
    made.length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (is_abstract ? 0 : 1));
    return made;
  }

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  socklen_t length() const { return length_; }

 private:
  sockaddr_un address_{};
  socklen_t length_ = 0;
};

}  // namespace cgmm::base
