// SPDX-License-Identifier: Apache-2.0
#include "core/sample.hpp"

namespace cgmm::core {

GaugesKib::GaugesKib(const Gauges& gauges) : present_(static_cast<std::uint16_t>(gauges.present())) {
  for (std::size_t i = 0; i < kib_.size(); ++i) {
    const std::uint64_t kib = gauges.value_or(static_cast<Gauge>(i), 0) / 1024;
    kib_[i] = static_cast<std::uint32_t>(kib);
    holds_all_ = holds_all_ && kib_[i] == kib;
  }
}

Gauges GaugesKib::bytes() const {
  Gauges gauges;
  for (std::size_t i = 0; i < kib_.size(); ++i) gauges.set(static_cast<Gauge>(i), std::uint64_t{kib_[i]} * 1024);
  gauges.keep_only(present_);
  return gauges;
}

Counters increase(const Counters& before, const Counters& after) {
  Counters result;
  for (std::size_t i = 0; i < Counters::kSize; ++i) {
    const auto counter = static_cast<Counter>(i);
    const auto from = before[counter];
    const auto to = after[counter];
    if (from && to && *to >= *from) result.set(counter, *to - *from);
  }
  return result;
}

}  // namespace cgmm::core
