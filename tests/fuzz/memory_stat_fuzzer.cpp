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
std::optional<std::uint64_t> checked(std::string_view text, std::string_view key) {
  const auto number = KeyedNumbers(text)(key);
  const auto lines = plain_lines(text);
  const auto [begin, end] = lines.equal_range(key);
  REQUIRE(number.has_value() == (begin != end));
  if (!number) return number;
  REQUIRE(*number <= std::uint64_t{INT64_MAX});
  REQUIRE(std::any_of(begin, end, [&](const auto& line) {
    return !line.second.empty() && without_zeros(line.second) == std::to_string(*number);
  }));
  return number;
}

void check_sum(const MemorySample& sample, Gauge whole, std::optional<std::uint64_t> part) {
  if (part) REQUIRE(sample.gauges.value_or(whole, 0) >= *part);
}

void check_message(const std::string& what) {
  REQUIRE(what == "is empty" || what == "ends in the middle of a line" || what.starts_with("line "));
  REQUIRE(what.size() < 200);
}

void check_v1(std::string_view text) {
  const auto stat = [&](std::string_view key) { return checked(text, key); };
  const MemorySample sample = cgmm::kernel::v1::sample_of(stat);
  REQUIRE(sample.gauges[Gauge::file] == (stat("total_cache") ? stat("total_cache") : stat("cache")));
  REQUIRE(sample.counters[Counter::pgfault] == (stat("total_pgfault") ? stat("total_pgfault") : stat("pgfault")));
  check_sum(sample, Gauge::dirty, stat("total_dirty"));
  check_sum(sample, Gauge::dirty, stat("total_writeback"));
}

void check_v2(std::string_view text) {
  const auto stat = [&](std::string_view key) { return checked(text, key); };
  const MemorySample sample = cgmm::kernel::v2::sample_of(stat);
  REQUIRE(sample.gauges[Gauge::file] == stat("file"));
  REQUIRE(sample.gauges[Gauge::shmem] == stat("shmem"));
  check_sum(sample, Gauge::dirty, stat("file_dirty"));
  check_sum(sample, Gauge::dirty, stat("file_writeback"));
  if (stat("kernel")) {
    REQUIRE(sample.gauges[Gauge::kernel] == stat("kernel"));
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
