// SPDX-License-Identifier: Apache-2.0
// Any bytes as memory.events, memory.oom_control, a file that holds one number, and one that holds a limit.

#include <cstdint>
#include <string>

#include "kernel/parse.hpp"
#include "require.hpp"

namespace {

using cgmm::kernel::MalformedFile;

void check_message(const std::string& what) { REQUIRE(!what.empty() && what.size() < 200); }

void check_events(std::string_view text) {
  try {
    const cgmm::kernel::KeyedNumbers events(text);
    for (const std::string key : {"max", "oom_kill"}) {
      const auto number = events(key);
      bool is_there = false;
      bool is_the_same = false;
      cgmm::fuzz::for_each_line(text, [&](std::string_view line) {
        if (!line.starts_with(key + " ")) return;
        is_there = true;
        is_the_same = is_the_same || (number.value && line.ends_with(std::to_string(*number.value)));
      });
      REQUIRE(!is_there || !number.is_absent());
      REQUIRE(number.value.has_value() == is_the_same || number.is_no_number);
    }
  } catch (const MalformedFile& error) {
    check_message(error.what());
  }
}

/// Digits with nothing but white space around them; "" when it is something else.
std::string digits_of(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  text = text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
  if (text.find_first_not_of("0123456789") != std::string_view::npos) return {};
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size() - 1));
  return std::string(text);
}

bool fits(const std::string& digits) {
  constexpr std::string_view kMost = "9223372036854775807";
  return !digits.empty() && (digits.size() < kMost.size() || (digits.size() == kMost.size() && digits <= kMost));
}

void check_number(std::string_view text) {
  const std::string digits = digits_of(text);
  try {
    const cgmm::kernel::Number number = cgmm::kernel::parse_number_file(text);
    REQUIRE(number.value.has_value() == fits(digits) && number.is_no_number == !fits(digits));
    REQUIRE(!number.value || std::to_string(*number.value) == digits);
  } catch (const MalformedFile& error) {
    REQUIRE(text.empty());
    check_message(error.what());
  }
}

void check_limit(std::string_view text) {
  const std::string digits = digits_of(text);
  try {
    const auto limit = cgmm::kernel::parse_limit_file(text);
    if (limit) {
      REQUIRE(*limit < cgmm::kernel::kNoLimitFrom && std::to_string(*limit) == digits);
    } else {
      REQUIRE(text.find("max") != std::string_view::npos ||
              (!digits.empty() && (!fits(digits) || std::stoull(digits) >= cgmm::kernel::kNoLimitFrom)));
    }
  } catch (const MalformedFile& error) {
    REQUIRE(digits.empty());
    check_message(error.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = cgmm::fuzz::text_of(data, size);
  check_events(text);
  check_number(text);
  check_limit(text);
  return 0;
}
