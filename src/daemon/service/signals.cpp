// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/signals.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "base/time.hpp"

namespace cgmm::daemon {
namespace {

sigset_t awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int one : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, one);
  return signals;
}

/// The descriptor that the call `name` has returned.
base::Fd checked(int fd, const char* name) {
  if (fd < 0) throw std::system_error(errno, std::system_category(), name);
  return base::Fd(fd);
}

}  // namespace

Event::Event() : fd_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {}

void Event::raise() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(fd_.get(), &one, sizeof one);  // refused: it is raised already
}

bool Event::take() {
  std::uint64_t count = 0;
  return ::read(fd_.get(), &count, sizeof count) == sizeof count;
}

void await_signals() {
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  struct sigaction nothing{};
  nothing.sa_handler = [](int) {};
  sigaction(kWakeSignal, &nothing, nullptr);  // no SA_RESTART: a blocked call returns EINTR
  signal(SIGPIPE, SIG_IGN);
}

base::Fd open_signals() {
  const sigset_t signals = awaited_signals();
  return checked(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
}

std::optional<int> next_signal(const base::Fd& signals) {
  signalfd_siginfo info{};
  if (::read(signals.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

Alarm::Alarm() {
  struct sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = kWakeSignal;
  event._sigev_un._tid = ::gettid();  // glibc 2.36 has no other name for it
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0)
    throw std::system_error(errno, std::system_category(), "timer_create");
}

void Alarm::set(std::int64_t after_us) {
  constexpr long kRepeatEvery_ns = 50'000'000;
  struct itimerspec spec{};
  spec.it_value = {.tv_sec = after_us / base::kSecond_us, .tv_nsec = after_us % base::kSecond_us * 1000};
  spec.it_interval.tv_nsec = after_us > 0 ? kRepeatEvery_ns : 0;
  ::timer_settime(timer_, 0, &spec, nullptr);
}

}  // namespace cgmm::daemon
