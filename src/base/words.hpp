// SPDX-License-Identifier: Apache-2.0
#pragma once

// Numbers with their nouns. Pure: any thread.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace cgmm::base {

/// "60 433": groups of three from five digits on.
std::string grouped(std::int64_t number);

/// "1 cgroup", "60 433 cgroups"; a plural that does not end in "s" is given: "2 processes".
std::string counted_of(std::int64_t number, std::string_view singular, std::string_view plural);
template <std::integral Number>
std::string counted(Number number, std::string_view singular, std::string_view plural = {}) {
  return counted_of(static_cast<std::int64_t>(number), singular, plural);
}

}  // namespace cgmm::base
