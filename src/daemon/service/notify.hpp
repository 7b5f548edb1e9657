// SPDX-License-Identifier: Apache-2.0
#pragma once

// What systemd is told (Type=notify), and when: that the service is ready, its status in a line, and that it is alive.
// By hand, because libsystemd would be one more library on every node. Nothing waits. One thread.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/unix_address.hpp"
#include "core/progress.hpp"
#include "daemon/service/live_status.hpp"

namespace cgmm::daemon {

/// The service manager, told by datagrams to $NOTIFY_SOCKET.
class Notifier {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  /// Variables of the environment; nullptr: not set.
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
  bool awaits_ready() const { return is_wanted() && !is_ready_told_; }
  /// How often WATCHDOG=1 is expected at least; nullopt: not at all.
  std::optional<std::int64_t> watchdog_us() const { return watchdog_us_; }

  /// Tells what is new. Returns by when it must be called again. Instants are of the steady clock.
  std::int64_t tell(const LiveStatus& status, const core::Stuck& stuck, std::int64_t now_us);
  void reloading(std::int64_t now_us) const;
  void reloaded() const;
  void stopping() const { send("STOPPING=1"); }

  /// Lines such as "READY=1". False: they can't be sent now.
  bool send(std::string_view lines) const;

 private:
  // False: it could not be sent.
  bool tell_ready(const LiveStatus& status, const core::Stuck& stuck);
  bool tell_status(const LiveStatus& status);
  bool feed_watchdog(const core::Stuck& stuck, std::int64_t now_us);

  base::Fd fd_;
  std::optional<base::UnixAddress> address_;
  std::optional<std::int64_t> watchdog_us_;
  bool is_ready_told_ = false;
  std::int64_t next_feed_at_us_ = 0;
  std::string status_told_;
};

}  // namespace cgmm::daemon
