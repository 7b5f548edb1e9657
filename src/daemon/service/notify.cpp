// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/notify.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/text.hpp"

namespace cgmm::daemon {
namespace {

std::optional<std::int64_t> number_in(const char* text) {
  if (text == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, number);
  if (error != std::errc{} || stop != end || number <= 0) return std::nullopt;
  return number;
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
      environment.watchdog_pid == nullptr || number_in(environment.watchdog_pid) == environment.own_pid;
  if (fd_ && is_our_watchdog) watchdog_us_ = number_in(environment.watchdog_usec);
}

bool Notifier::tell(std::string_view lines) const {
  if (!fd_) return false;
  const ssize_t told =
      ::sendto(fd_.get(), lines.data(), lines.size(), MSG_NOSIGNAL, address_->get(), address_->length());
  return told == static_cast<ssize_t>(lines.size());
}

}  // namespace cgmm::daemon
