// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/notify.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "base/text.hpp"
#include "base/time.hpp"

namespace cgmm::daemon {
namespace {

std::optional<std::int64_t> positive_number(const char* text) {
  const std::string_view digits = text == nullptr ? "" : text;
  const char* const end = digits.data() + digits.size();
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  return error == std::errc{} && stop == end && number > 0 ? std::optional(number) : std::nullopt;
}

}  // namespace

Notifier::Environment Notifier::environment() {
  return {.socket = std::getenv("NOTIFY_SOCKET"),
          .watchdog_usec = std::getenv("WATCHDOG_USEC"),
          .watchdog_pid = std::getenv("WATCHDOG_PID"),
          .own_pid = ::getpid()};
}

Notifier::Notifier(const Environment& environment) {
  if (environment.socket == nullptr || *environment.socket == '\0') return;
  const std::string_view name = environment.socket;
  address_ = name.starts_with('/') || name.starts_with('@') ? base::UnixAddress::of(name) : std::nullopt;
  if (!address_) {
    spdlog::warn("NOTIFY_SOCKET = {}: expected a path or an abstract name; the service manager is told nothing",
                 base::escape_for_terminal(name));
    return;
  }
  fd_ = base::Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const bool is_our_watchdog =
      environment.watchdog_pid == nullptr || positive_number(environment.watchdog_pid) == environment.own_pid;
  if (fd_ && is_our_watchdog) watchdog_us_ = positive_number(environment.watchdog_usec);
}

bool Notifier::send(std::string_view lines) const {
  if (!fd_) return false;
  const ssize_t sent =
      ::sendto(fd_.get(), lines.data(), lines.size(), MSG_NOSIGNAL, address_->get(), address_->length());
  return sent == static_cast<ssize_t>(lines.size());
}

std::int64_t Notifier::tell(const LiveStatus& status, const core::Stuck& stuck, std::int64_t now_us) {
  if (!is_wanted()) return kNever;
  bool is_told = tell_ready(status, stuck);
  is_told = tell_status(status) && is_told;
  is_told = feed_watchdog(stuck, now_us) && is_told;
  const std::int64_t next_us = next_feed_at_us_ > now_us ? next_feed_at_us_ : kNever;
  return is_told ? next_us : std::min(next_us, now_us + base::kSecond_us);
}

/// When the first scan is on record; or made, where the history can't be written: neither a full nor a hanging disk
/// must keep a node from being protected.
bool Notifier::tell_ready(const LiveStatus& status, const core::Stuck& stuck) {
  if (is_ready_told_) return true;
  const bool without_history =
      stuck.recorder || std::ranges::find(status.faults, "history", &RecordQueue::Fault::name) != status.faults.end();
  const RecordQueue::Progress& progress = status.progress;
  if (progress.scans_recorded_count == 0 && !(without_history && progress.scans_made_count > 0)) return true;
  is_ready_told_ = send("READY=1");
  return is_ready_told_;
}

bool Notifier::tell_status(const LiveStatus& status) {
  std::string line = in_one_line(status);
  if (line == status_told_) return true;
  if (!send("STATUS=" + line)) return false;
  status_told_ = std::move(line);
  return true;
}

bool Notifier::feed_watchdog(const core::Stuck& stuck, std::int64_t now_us) {
  if (!watchdog_us_ || now_us < next_feed_at_us_ || !stuck.protects()) return true;
  if (!send("WATCHDOG=1")) return false;
  next_feed_at_us_ = now_us + *watchdog_us_ / 2;
  return true;
}

/// Only once it is ready: what follows is READY=1 again.
void Notifier::reloading(std::int64_t now_us) const {
  if (is_ready_told_) send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_us));
}

void Notifier::reloaded() const {
  if (is_ready_told_) send("READY=1");
}

}  // namespace cgmm::daemon
