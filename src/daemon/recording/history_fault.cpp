// SPDX-License-Identifier: Apache-2.0
#include "daemon/recording/history_fault.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "daemon/clock.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kTellAgainAfter_us = 5'000'000;  // and then less and less often

}  // namespace

void HistoryFault::begin(const std::string& why) {
  why_ = why;
  const std::int64_t now_us = steady_now_us();
  const bool is_new = !is_on();
  if (!is_new && (why == told_why_ || now_us < tell_again_at_us_)) return;
  told_why_ = why;
  tell_again_after_us_ = is_new ? kTellAgainAfter_us : 2 * tell_again_after_us_;
  tell_again_at_us_ = now_us + tell_again_after_us_;
  if (is_new) began_at_us_ = wall_now_us();
  queue_.push(core::ServiceEvent{wall_now_us(), "fault_begin", "history can't be written: " + why, "history"});
  spdlog::error("the history can't be written: {}{}", base::escape_for_terminal(why),
                is_new ? "; scans wait in memory, reclaim goes on, trying again every few seconds" : "");
}

void HistoryFault::end() {
  const RecordQueue::Refused refused = queue_.take_refused();
  const bool is_lossless = refused.scans == 0 && refused.others == 0;
  if (!is_on() && is_lossless) return;
  const std::int64_t now_us = wall_now_us();
  const std::string lost =
      std::to_string(refused.scans) + " scans and " + std::to_string(refused.others) + " other records were lost";
  if (is_on()) {
    const std::string done = done_.empty() ? "" : "; " + std::exchange(done_, {});
    spdlog::warn("the history can be written again after {}; {}{}", base::format_duration_us(now_us - began_at_us_),
                 lost, base::escape_for_terminal(done));
    queue_.push(core::ServiceEvent{now_us, "fault_end", "history can be written again; " + lost + done, "history"});
  }
  if (!is_lossless) queue_.push(core::ServiceEvent{now_us, "gap", lost + " while the history could not be written"});
  began_at_us_ = 0;
}

}  // namespace cgmm::daemon
