// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether the other side of a TCP connection is still there.

#include <chrono>

namespace cgmm::net {

/// The kernel ends the connection if the other side says nothing for that long (its machine is off, say), and not after
/// a quarter of an hour; also where nothing is sent to it.
void expect_signs_of_life(int fd, std::chrono::milliseconds time);

/// Whether the other side has closed its end, also where what it sent before was not read yet.
bool is_left(int fd);

}  // namespace cgmm::net
