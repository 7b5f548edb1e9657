// SPDX-License-Identifier: Apache-2.0
#pragma once

// What systemd is told (Type=notify): one datagram a message to $NOTIFY_SOCKET. By hand, because that is all there is
// to it, and libsystemd would be one more library on every node. Without $NOTIFY_SOCKET nothing is told. One thread.

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/fd.hpp"
#include "base/unix_address.hpp"

namespace cgmm::daemon {

class Notifier {
 public:
  /// The three variables of the environment; nullptr: not set. `own_pid` is compared with WATCHDOG_PID.
  struct Environment {
    const char* socket = nullptr;         // NOTIFY_SOCKET
    const char* watchdog_usec = nullptr;  // WATCHDOG_USEC
    const char* watchdog_pid = nullptr;   // WATCHDOG_PID: whose watchdog it is; not set: everybody's
    std::int64_t own_pid = 0;
  };
  static Environment environment();

  explicit Notifier(const Environment& environment);

  /// Whether anybody listens.
  bool is_wanted() const { return static_cast<bool>(fd_); }
  /// How often WATCHDOG=1 is expected at least; nullopt: not at all.
  std::optional<std::int64_t> watchdog_us() const { return watchdog_us_; }

  /// Lines such as "READY=1". Never waits: false when it could not be told now.
  bool tell(std::string_view lines) const;

 private:
  base::Fd fd_;
  std::optional<base::UnixAddress> address_;
  std::optional<std::int64_t> watchdog_us_;
};

}  // namespace cgmm::daemon
