// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernel/controller.hpp"
#include "kernel/memory_stat.hpp"
#include "kernel/parse.hpp"

namespace cgmm::kernel {
namespace {

using core::Counter;
using core::Gauge;
using v1::hierarchical;
using v1::kStat;
using v1::sample_of;
using v1::Stat;

enum class OomControl : std::uint8_t { oom_kill, count_ };
constexpr KeyTable<OomControl> kOomControl("oom_kill");

enum Slot : std::size_t { kFailcnt = 2, kOomControlFile, kKmem, kLimit };
constexpr const char* kUsageFile = "memory.usage_in_bytes";

class V1Controller final : public Controller {
 public:
  using Controller::Controller;

  std::optional<Reading> read(Cgroup& cgroup, bool /*there is no memory.pressure*/) override {
    auto found = read_stat_and_usage(cgroup, kStat, kUsageFile, [](Reading& reading, const core::Values<Stat>& stat) {
      if (!hierarchical(stat, Stat::total_cache)) throw MalformedFile("has no \"cache\"");
      reading.sample = sample_of(stat);
      const auto limit = stat[Stat::hierarchical_memory_limit];
      if (limit) reading.hierarchical_limit_bytes = *limit < kNoLimitFrom ? *limit : kUnlimited;
    });
    if (!found) return found;  // gone, or going: its files are removed a moment before its directory is
    core::MemorySample& sample = found->sample;
    use_file(cgroup, kFailcnt, "memory.failcnt", found->problem,
             [&](std::string_view text) { sample.counters.set(Counter::limit_hits, parse_number_file(text)); });
    use_file(cgroup, kOomControlFile, "memory.oom_control", found->problem, [&](std::string_view text) {
      sample.counters.set(Counter::oom_kills, parse_keyed(text, kOomControl)[OomControl::oom_kill]);
    });
    use_file(cgroup, kKmem, "memory.kmem.usage_in_bytes", found->problem,
             [&](std::string_view text) { sample.gauges.set(Gauge::kernel, parse_number_file(text)); });
    return found;
  }

  std::optional<std::uint64_t> read_usage(Cgroup& cgroup) override {
    return read_number(cgroup, kUsageSlot, kUsageFile);
  }

  core::Limits read_limits(Cgroup& cgroup, const Reading& reading, std::string& problem) override {
    core::Limits limits;
    if (reading.hierarchical_limit_bytes != kUnlimited) {  // which is the smallest of its own and all above
      use_file(cgroup, kLimit, "memory.limit_in_bytes", problem,
               [&](std::string_view text) { limits.limit_bytes = parse_limit_file(text); });
    }
    const std::uint64_t limit_bytes =
        std::min(limits.limit_bytes.value_or(kUnlimited), reading.hierarchical_limit_bytes.value_or(kUnlimited));
    limits.effective_limit_bytes = within_memory(limit_bytes == kUnlimited ? std::nullopt : std::optional(limit_bytes));
    return limits;
  }

  core::ReclaimMethod method() const override { return core::ReclaimMethod::force_empty; }
  const char* reclaim_file() const override { return "memory.force_empty"; }

  std::error_code reclaim(const Cgroup& cgroup, std::uint64_t /*all or nothing*/) override {
    return cgroup.write(reclaim_file(), "1");
  }
};

}  // namespace

std::unique_ptr<Controller> make_v1_controller(const Hierarchy& hierarchy) {
  return std::make_unique<V1Controller>(hierarchy);
}

}  // namespace cgmm::kernel
