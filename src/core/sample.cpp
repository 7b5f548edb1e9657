// SPDX-License-Identifier: Apache-2.0
#include "core/sample.hpp"

namespace cgmm::core {

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
