// SPDX-License-Identifier: Apache-2.0
#include "kernel/timed_write.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/time.hpp"

namespace cgmm::kernel {
namespace {

/// All but the timer's, and but those that tell of an error in the program: such a signal can't wait.
sigset_t those_that_wait() {
  sigset_t signals;
  sigfillset(&signals);
  for (const int one : {tick_signal(), SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
    sigdelset(&signals, one);
  return signals;
}

thread_local volatile std::sig_atomic_t is_ticked = 0;

/// For the whole process, and for ever: a tick must not find the default, which is to end the process.
void handle_ticks() {
  [[maybe_unused]] static const int handled = [] {
    struct sigaction nothing{};
    nothing.sa_handler = [](int) { is_ticked = 1; };
    return sigaction(tick_signal(), &nothing, nullptr);  // no SA_RESTART: the write returns EINTR
  }();
}

}  // namespace

int tick_signal() { return SIGRTMIN + 1; }

TimedWrites::TimedWrites() {
  handle_ticks();
  struct sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = tick_signal();
  event._sigev_un._tid = ::gettid();  // glibc 2.36 has no other name for it
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) error_ = {errno, std::system_category()};
  const sigset_t waiting = those_that_wait();
  pthread_sigmask(SIG_SETMASK, &waiting, &before_);
}

/// A tick that has come is handled when timer_delete() returns, at the latest.
TimedWrites::~TimedWrites() {
  if (!error_) ::timer_delete(timer_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::error_code TimedWrites::write(int fd, std::string_view text, std::int64_t after_us) {
  is_ticked = 0;
  set(after_us);
  errno = EINTR;  // this thread was kept from running meanwhile
  const bool is_written = is_ticked == 0 && ::write(fd, text.data(), text.size()) >= 0;
  const int error = errno;
  set(0);
  return is_written ? std::error_code{} : std::error_code{error, std::system_category()};
}

bool TimedWrites::is_interrupted() const {
  sigset_t pending;
  sigpending(&pending);
  for (int one = 1; one < NSIG; ++one)
    if (sigismember(&pending, one) == 1 && sigismember(&before_, one) == 0) return true;
  return false;
}

/// 0 stops it. It repeats, because a tick right before the write has no effect.
void TimedWrites::set(std::int64_t after_us) {
  constexpr long kRepeatEvery_ns = 100'000;
  struct itimerspec spec{};
  spec.it_value = {.tv_sec = after_us / base::kSecond_us, .tv_nsec = after_us % base::kSecond_us * 1000};
  spec.it_interval.tv_nsec = after_us > 0 ? kRepeatEvery_ns : 0;
  ::timer_settime(timer_, 0, &spec, nullptr);
}

}  // namespace cgmm::kernel
