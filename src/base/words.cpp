// SPDX-License-Identifier: Apache-2.0
#include "base/words.hpp"

namespace cgmm::base {

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  if (number < 10'000) return text;
  for (std::size_t at = text.size() - 3; at > 0; at = at > 3 ? at - 3 : 0) text.insert(at, " ");
  return text;
}

std::string counted_of(std::int64_t number, std::string_view singular, std::string_view plural) {
  std::string text = grouped(number).append(" ");
  if (number != 1 && !plural.empty()) return text.append(plural);
  return text.append(singular).append(number == 1 ? "" : "s");
}

}  // namespace cgmm::base
