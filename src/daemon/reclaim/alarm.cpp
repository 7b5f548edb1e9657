// SPDX-License-Identifier: Apache-2.0
#include "daemon/reclaim/alarm.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kSecond_us = 1'000'000;
constexpr long kRepeatEvery_ns = 50'000'000;

}  // namespace

Alarm::Alarm(int signal) {
  struct sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = signal;
  event._sigev_un._tid = ::gettid();  // glibc 2.36 has no other name for it
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) {
    throw std::system_error(errno, std::system_category(), "timer_create");
  }
}

Alarm::~Alarm() { ::timer_delete(timer_); }

void Alarm::set(std::int64_t after_us) {
  struct itimerspec spec{};
  if (after_us > 0) {
    spec.it_value = {.tv_sec = after_us / kSecond_us, .tv_nsec = after_us % kSecond_us * 1000};
    spec.it_interval.tv_nsec = kRepeatEvery_ns;
  }
  ::timer_settime(timer_, 0, &spec, nullptr);
}

}  // namespace cgmm::daemon
