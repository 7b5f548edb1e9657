// SPDX-License-Identifier: Apache-2.0
// Any bytes as memory.events, memory.oom_control, a file that holds one number, and one that holds a limit.

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "kernel/parse.hpp"
#include "require.hpp"

namespace {

using cgmm::kernel::MalformedFile;

enum class Events : std::uint8_t { max, oom_kill, count_ };  // as v2.cpp and v1.cpp look for them
constexpr cgmm::kernel::KeyTable<Events> kEvents({"max", "oom_kill"});

void check_message(const std::string& what) { REQUIRE(!what.empty() && what.size() < 200); }

void check_events(std::string_view text) {
  try {
    const auto events = cgmm::kernel::parse_keyed(text, kEvents);
    std::array<std::optional<std::string>, 2> last;
    cgmm::fuzz::for_each_line(text, [&](std::string_view line) {
      if (line.starts_with("max ")) last[0] = line.substr(4);
      if (line.starts_with("oom_kill ")) last[1] = line.substr(9);
    });
    for (const Events key : {Events::max, Events::oom_kill}) {
      const auto& line = last[static_cast<std::size_t>(key)];
      REQUIRE(events.has(key) == line.has_value());
      if (line) REQUIRE(line->ends_with(std::to_string(*events[key])));
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
    const std::uint64_t number = cgmm::kernel::parse_number_file(text);
    REQUIRE(fits(digits) && std::to_string(number) == digits);
  } catch (const MalformedFile& error) {
    REQUIRE(!fits(digits));
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
              (fits(digits) && std::stoull(digits) >= cgmm::kernel::kNoLimitFrom));
    }
  } catch (const MalformedFile& error) {
    REQUIRE(!fits(digits));
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
