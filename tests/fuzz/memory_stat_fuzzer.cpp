// SPDX-License-Identifier: Apache-2.0
// Any bytes as memory.stat, of v1 and of v2: nothing is made up, nothing that is there is missed, and what can't be
// right is the one documented exception.

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "kernel/memory_stat.hpp"
#include "kernel/parse.hpp"
#include "require.hpp"

namespace {

using cgmm::core::Counter;
using cgmm::core::Gauge;
using cgmm::core::MemorySample;
using cgmm::kernel::KeyedNumbers;
using cgmm::kernel::Number;

/// The lines "KEY DIGITS" read a second time, in the plainest way.
std::multimap<std::string, std::string, std::less<>> plain_lines(std::string_view text) {
  std::multimap<std::string, std::string, std::less<>> lines;
  cgmm::fuzz::for_each_line(text, [&](std::string_view line) {
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos) lines.emplace(line.substr(0, space), line.substr(space + 1));
  });
  return lines;
}

std::string without_zeros(const std::string& digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1));
}

/// Looks the key up, and checks that a line has its number.
Number checked(std::string_view text, std::string_view key) {
  const Number number = KeyedNumbers(text)(key);
  const auto lines = plain_lines(text);
  const auto [begin, end] = lines.equal_range(key);
  REQUIRE(begin == end || !number.is_absent());
  REQUIRE(!(number.value && number.is_no_number));
  if (!number.value) return number;
  REQUIRE(*number.value <= std::uint64_t{INT64_MAX});
  REQUIRE(std::any_of(begin, end, [&](const auto& line) {
    return !line.second.empty() && without_zeros(line.second) == std::to_string(*number.value);
  }));
  return number;
}

void check_sum(const MemorySample& sample, Gauge whole, const Number& part) {
  REQUIRE(!part.is_no_number || sample.gauges.is_no_number(whole));
  if (part.value && sample.gauges.has(whole)) REQUIRE(*sample.gauges[whole] >= *part.value);
}

void check_whole(const MemorySample& sample, Gauge gauge, const Number& number) {
  REQUIRE(sample.gauges[gauge] == number.value && sample.gauges.is_no_number(gauge) == number.is_no_number);
}

void check_message(const std::string& what) { REQUIRE(what == "is empty" || what == "ends in the middle of a line"); }

void check_v1(std::string_view text) {
  const auto stat = [&](std::string_view key) { return checked(text, key); };
  const MemorySample sample = cgmm::kernel::v1::sample_of(stat);
  check_whole(sample, Gauge::file, stat("total_cache").is_absent() ? stat("cache") : stat("total_cache"));
  REQUIRE(sample.counters[Counter::pgfault] ==
          (stat("total_pgfault").is_absent() ? stat("pgfault") : stat("total_pgfault")).value);
  check_sum(sample, Gauge::dirty, stat("total_dirty"));
  check_sum(sample, Gauge::dirty, stat("total_writeback"));
}

void check_v2(std::string_view text) {
  const auto stat = [&](std::string_view key) { return checked(text, key); };
  const MemorySample sample = cgmm::kernel::v2::sample_of(stat);
  check_whole(sample, Gauge::file, stat("file"));
  check_whole(sample, Gauge::shmem, stat("shmem"));
  check_sum(sample, Gauge::dirty, stat("file_dirty"));
  check_sum(sample, Gauge::dirty, stat("file_writeback"));
  if (!stat("kernel").is_absent()) {
    check_whole(sample, Gauge::kernel, stat("kernel"));
  } else {
    for (const char* part : {"slab", "kernel_stack", "pagetables", "percpu", "sock"}) {
      check_sum(sample, Gauge::kernel, stat(part));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = cgmm::fuzz::text_of(data, size);
  for (const auto check : {check_v1, check_v2}) {
    try {
      check(text);
    } catch (const cgmm::kernel::MalformedFile& error) {
      check_message(error.what());
    }
  }
  return 0;
}
