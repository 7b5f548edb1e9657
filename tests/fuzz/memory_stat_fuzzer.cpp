// SPDX-License-Identifier: Apache-2.0
// Any bytes as memory.stat, of v1 and of v2: nothing is made up, nothing that is there is missed, and what can't be
// right is the one documented exception.

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "kernel/memory_stat.hpp"
#include "require.hpp"

namespace {

using cgmm::core::Counter;
using cgmm::core::Gauge;
using cgmm::core::MemorySample;

/// The lines "KEY DIGITS" read a second time, in the plainest way: the last one of a key counts.
std::map<std::string, std::string, std::less<>> plain_lines(std::string_view text) {
  std::map<std::string, std::string, std::less<>> lines;
  cgmm::fuzz::for_each_line(text, [&](std::string_view line) {
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos) lines[std::string(line.substr(0, space))] = line.substr(space + 1);
  });
  return lines;
}

std::string without_zeros(const std::string& digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1));
}

template <class Key>
void check(std::string_view text, const cgmm::kernel::KeyTable<Key>& table, const cgmm::core::Values<Key>& values) {
  const auto lines = plain_lines(text);
  std::size_t present = 0;
  for (const auto& [name, number] : lines) {
    const auto key = table.find(name);
    if (!key) continue;
    ++present;
    REQUIRE(values.has(*key));
    REQUIRE(std::to_string(*values[*key]) == without_zeros(number));
    REQUIRE(*values[*key] <= std::uint64_t{INT64_MAX});
  }
  REQUIRE(values.size() == present);
}

void check_sum(const MemorySample& sample, Gauge whole, std::optional<std::uint64_t> part) {
  if (part) REQUIRE(sample.gauges.value_or(whole, 0) >= *part);
}

void check_message(const std::string& what) {
  REQUIRE(what == "is empty" || what == "ends in the middle of a line" || what.starts_with("line "));
  REQUIRE(what.size() < 200);
}

template <class Key, class Check>
void read_as(std::string_view text, const cgmm::kernel::KeyTable<Key>& table, Check check_sample) {
  try {
    const auto values = cgmm::kernel::parse_keyed(text, table);
    check(text, table, values);
    check_sample(values);
  } catch (const cgmm::kernel::MalformedFile& error) {
    check_message(error.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = cgmm::fuzz::text_of(data, size);
  read_as(text, cgmm::kernel::v1::kStat, [](const auto& stat) {
    using cgmm::kernel::v1::Stat;
    const MemorySample sample = cgmm::kernel::v1::sample_of(stat);
    REQUIRE(sample.gauges[Gauge::file] == (stat.has(Stat::total_cache) ? stat[Stat::total_cache] : stat[Stat::cache]));
    REQUIRE(sample.counters[Counter::pgfault] ==
            (stat.has(Stat::total_pgfault) ? stat[Stat::total_pgfault] : stat[Stat::pgfault]));
    check_sum(sample, Gauge::dirty, stat[Stat::total_dirty]);
    check_sum(sample, Gauge::dirty, stat[Stat::total_writeback]);
  });
  read_as(text, cgmm::kernel::v2::kStat, [](const auto& stat) {
    using cgmm::kernel::v2::Stat;
    const MemorySample sample = cgmm::kernel::v2::sample_of(stat);
    REQUIRE(sample.gauges[Gauge::file] == stat[Stat::file]);
    REQUIRE(sample.gauges[Gauge::shmem] == stat[Stat::shmem]);
    check_sum(sample, Gauge::dirty, stat[Stat::file_dirty]);
    check_sum(sample, Gauge::dirty, stat[Stat::file_writeback]);
    if (stat.has(Stat::kernel)) {
      REQUIRE(sample.gauges[Gauge::kernel] == stat[Stat::kernel]);
    } else {
      for (const Stat part : {Stat::slab, Stat::kernel_stack, Stat::pagetables, Stat::percpu, Stat::sock}) {
        check_sum(sample, Gauge::kernel, stat[part]);
      }
    }
  });
  return 0;
}
