// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/signals.hpp"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon/service/event.hpp"

namespace cgmm::daemon {
namespace {

sigset_t awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int one : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, one);
  return signals;
}

}  // namespace

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

}  // namespace cgmm::daemon
