// SPDX-License-Identifier: Apache-2.0
#include "stop.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include "daemon/clock.hpp"

namespace cgmm::bench {
namespace {

volatile sig_atomic_t stopped = 0;

void handle(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;  // no SA_RESTART: whoever waits is to find out
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
}

}  // namespace

void note_signals() {
  handle([](int) { stopped = 1; });
  ::signal(SIGPIPE, SIG_IGN);
}

void forget_signals() {
  handle(SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void check_stop() {
  if (stopped != 0) throw Stopped();
}

void wait_until(std::int64_t at_us) {
  const timespec at{at_us / 1'000'000, at_us % 1'000'000 * 1000};
  do check_stop();
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) != 0);
}

void wait_for(std::int64_t us) { wait_until(daemon::steady_now_us() + us); }

}  // namespace cgmm::bench
