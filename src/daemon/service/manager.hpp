// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the service manager (systemd) is told and when: that the service is ready, its status in a line, and that it is
// alive. Never waits. One thread.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "core/progress.hpp"
#include "daemon/service/live_status.hpp"
#include "daemon/service/notify.hpp"

namespace cgmm::daemon {

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
  std::int64_t status_told_at_scan_ = -1;
  std::size_t faults_told_ = 0;
};

}  // namespace cgmm::daemon
