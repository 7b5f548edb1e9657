// SPDX-License-Identifier: Apache-2.0
#pragma once

// From a host's name to its addresses, in bounded time. One thread.

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "net/wait.hpp"

namespace cgmm::net {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// At least one, in the order in which they are to be tried. A numeric address needs no look-up. Throws
/// HttpError(resolve), (timeout) or (stopped).
std::vector<Address> resolve(const std::string& host, std::uint16_t port, const Patience& patience);

}  // namespace cgmm::net
