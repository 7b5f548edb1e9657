// SPDX-License-Identifier: Apache-2.0
#include "daemon/fault.hpp"

#include <spdlog/spdlog.h>

#include "base/text.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kTellAgainAfter_us = 5'000'000;
constexpr int kCleanPasses = 3;

}  // namespace

void Fault::tell(std::int64_t at_us, const char* kind, const std::string& detail) {
  if (!name_.empty()) queue_.push(core::ServiceEvent{at_us, kind, detail, name_});
}

void Fault::begin(std::int64_t at_us, const std::string& detail, const std::string& hint) {
  spdlog::log(weight_ == Weight::error ? spdlog::level::err : spdlog::level::warn, "{}{}",
              base::escape_for_terminal(detail), is_on() ? "" : hint);
  tell(at_us, "fault_begin", detail);
  if (!is_on()) began_at_us_ = at_us;
}

void Fault::meet(std::int64_t at_us, std::int64_t steady_us, const std::string& detail, const std::string& hint) {
  if (is_on() && (detail == met_ || steady_us < tell_again_at_us_)) return;
  tell_again_after_us_ = is_on() ? 2 * tell_again_after_us_ : kTellAgainAfter_us;
  tell_again_at_us_ = steady_us + tell_again_after_us_;
  met_ = detail;
  begin(at_us, detail, hint);
}

void Fault::end(std::int64_t at_us, const std::string& detail) {
  worst_count_ = 0;
  if (!is_on()) return;
  began_at_us_.reset();
  spdlog::log(weight_ == Weight::error ? spdlog::level::warn : spdlog::level::info, "{}",
              base::escape_for_terminal(detail));
  tell(at_us, "fault_end", detail);
}

void Fault::follow(std::int64_t at_us, bool fails, const std::string& begins, const std::string& ends) {
  if (!fails) {
    end(at_us, ends);
  } else if (!is_on()) {
    begin(at_us, begins);
  }
}

void Fault::after_pass(std::int64_t at_us, std::int64_t count, const std::string& begins, const std::string& ends) {
  if (count == 0) {
    if (is_on() && ++clean_passes_ >= kCleanPasses) end(at_us, ends);
    return;
  }
  clean_passes_ = 0;
  if (is_on() && count < 2 * worst_count_) return;
  worst_count_ = count;
  begin(at_us, begins);
}

}  // namespace cgmm::daemon
