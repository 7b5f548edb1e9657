// SPDX-License-Identifier: Apache-2.0
#include "daemon/service/reloader.hpp"

#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/time.hpp"
#include "base/units.hpp"
#include "daemon/resources.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kLong_us = 5 * base::kSecond_us;
constexpr int kBetweenSignals_ms = 10;  // one that comes right before the system call is lost

}  // namespace

void Reloader::begin() {
  if (is_under_way()) {
    again_ = true;
    return;
  }
  began_at_us_ = clocks_.steady();
  thread_ = std::jthread([this] {
    name_this_thread("reload");
    try {
      reload_();
    } catch (...) {  // not even what is wrong could be said, for want of memory: the settings stay as they were
    }
    over_.raise();
  });
}

int Reloader::ms_until_look() const {
  if (!is_under_way() || fault_.is_on()) return std::numeric_limits<int>::max();
  return static_cast<int>(std::clamp<std::int64_t>(began_at_us_ + kLong_us - clocks_.steady(), 0, kLong_us) / 1000 + 1);
}

bool Reloader::look() {
  if (!is_under_way()) return false;
  if (!over_.take()) {
    const std::int64_t waited_us = clocks_.steady() - began_at_us_;
    if (waited_us >= kLong_us && !fault_.is_on())
      fault_.begin(clocks_.wall(), "the configuration has not been read for " + base::format_duration_us(waited_us) +
                                       ": its disk, or that of the parent, hangs; the settings stay as they were");
    return false;
  }
  thread_.join();
  fault_.end(clocks_.wall(), "the configuration is not waited for any more");
  if (!std::exchange(again_, false)) return true;
  begin();
  return false;
}

bool Reloader::interrupt(std::chrono::steady_clock::time_point give_up_at) {
  pollfd over{over_.fd(), POLLIN, 0};
  while (is_under_way() && ::poll(&over, 1, kBetweenSignals_ms) == 0) {
    if (std::chrono::steady_clock::now() >= give_up_at) return false;
    pthread_kill(thread_.native_handle(), kWakeSignal);
  }
  return true;
}

}  // namespace cgmm::daemon
