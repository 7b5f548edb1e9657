// SPDX-License-Identifier: Apache-2.0
#include "daemon/fault.hpp"

#include <spdlog/spdlog.h>

#include "base/text.hpp"

namespace cgmm::daemon {

void Fault::begin(std::int64_t at_us, const std::string& detail) {
  is_on_ = true;
  spdlog::warn("{}", base::escape_for_terminal(detail));
  queue_.push(core::ServiceEvent{at_us, "fault_begin", detail, name_});
}

void Fault::end(std::int64_t at_us, const std::string& detail) {
  if (!is_on_) return;
  is_on_ = false;
  spdlog::info("{}", base::escape_for_terminal(detail));
  queue_.push(core::ServiceEvent{at_us, "fault_end", detail, name_});
}

void Fault::tell(std::int64_t at_us, const FaultLog::Message& message) {
  if (message.text.empty()) return;
  message.is_end ? end(at_us, message.text) : begin(at_us, message.text);
}

}  // namespace cgmm::daemon
