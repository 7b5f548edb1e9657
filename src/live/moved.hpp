// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>

namespace cgmm::live {

/// The place that is so far away in a list of `count`, not beyond its ends.
inline std::size_t moved(std::size_t place, std::ptrdiff_t by, std::size_t count) {
  if (count == 0) return 0;
  const auto wanted = static_cast<std::ptrdiff_t>(place) + by;
  return static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(wanted, 0, static_cast<std::ptrdiff_t>(count) - 1));
}

}  // namespace cgmm::live
