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

/// Sends datagrams to $NOTIFY_SOCKET.
class Notifier {
 public:
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
  /// How often WATCHDOG=1 is expected at least; nullopt: not at all.
  std::optional<std::int64_t> watchdog_us() const { return watchdog_us_; }

  /// Lines such as "READY=1". False: they could not be sent now.
  bool tell(std::string_view lines) const;

 private:
  base::Fd fd_;
  std::optional<base::UnixAddress> address_;
  std::optional<std::int64_t> watchdog_us_;
};

/// Decides what the service manager is told.
class Manager {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  explicit Manager(const Notifier::Environment& environment) : notifier_(environment) {}

  bool is_there() const { return notifier_.is_wanted(); }
  bool awaits_ready() const { return is_there() && !is_ready_told_; }
  std::optional<std::int64_t> watchdog_us() const { return notifier_.watchdog_us(); }

  /// Tells what is new. Returns by when it must be called again. Instants are of the steady clock.
  std::int64_t tell(const LiveStatus& status, const core::Stuck& stuck, std::int64_t now_us);

  void reloading(std::int64_t now_us);
  void reloaded();
  void stopping() { notifier_.tell("STOPPING=1"); }

 private:
  bool send(const std::string& words);
  void tell_ready(const LiveStatus& status, const core::Stuck& stuck);
  void tell_status(const LiveStatus& status);
  void feed_watchdog(const core::Stuck& stuck, std::int64_t now_us);

  Notifier notifier_;
  bool is_refused_ = false;  // something, since tell() began
  bool is_ready_told_ = false;
  std::int64_t next_feed_at_us_ = 0;
  std::string status_told_;
};

}  // namespace cgmm::daemon
