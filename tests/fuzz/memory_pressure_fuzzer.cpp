// SPDX-License-Identifier: Apache-2.0
// Any bytes as memory.pressure: the totals are those of the last "some" and "full" lines, and a text without the first
// is none.

#include <optional>
#include <string>

#include "kernel/parse.hpp"
#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = cgmm::fuzz::text_of(data, size);
  std::optional<std::string> some, full;
  cgmm::fuzz::for_each_line(text, [&](std::string_view line) {
    if (line.starts_with("some ")) some = line;
    if (line.starts_with("full ")) full = line;
  });
  const auto ends_in = [](const std::optional<std::string>& line, std::uint64_t total_us) {
    if (!line) return false;
    const std::string digits = line->substr(line->rfind(" total=") + 7);
    const std::string number = std::to_string(total_us);
    return digits.ends_with(number) && digits.find_first_not_of('0') >= digits.size() - number.size();
  };
  try {
    const cgmm::kernel::Pressure pressure = cgmm::kernel::parse_pressure(text);
    REQUIRE(some && pressure.full_us.is_absent() == !full.has_value());
    const auto check = [&](const cgmm::kernel::Number& number, const std::optional<std::string>& line) {
      if (!number.value) return;
      REQUIRE(*number.value <= std::uint64_t{INT64_MAX});
      REQUIRE(*number.value == 0 || ends_in(line, *number.value));
    };
    check(pressure.some_us, some);
    check(pressure.full_us, full);
  } catch (const cgmm::kernel::MalformedFile& error) {
    const std::string what = error.what();
    REQUIRE(!what.empty() && what.size() < 200);
  }
  return 0;
}
