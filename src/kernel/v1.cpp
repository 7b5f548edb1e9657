// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <utility>

#include "kernel/controller.hpp"
#include "kernel/parse.hpp"

namespace cgmm::kernel {
namespace {

using core::Counter;
using core::Gauge;

/// The keys of memory.stat that are used; each total_ directly before the same without.
enum class Stat : std::uint8_t {
  total_cache,
  cache,
  total_shmem,
  shmem,
  total_rss,
  rss,
  total_inactive_file,
  inactive_file,
  total_active_file,
  active_file,
  total_dirty,
  dirty,
  total_writeback,
  writeback,
  total_swap,
  swap,
  total_pgfault,
  pgfault,
  total_pgmajfault,
  pgmajfault,
  total_workingset_refault_file,
  workingset_refault_file,
  total_workingset_refault_anon,
  workingset_refault_anon,
  hierarchical_memory_limit,
  count_
};
constexpr KeyTable<Stat> kStat({"total_cache",
                                "cache",
                                "total_shmem",
                                "shmem",
                                "total_rss",
                                "rss",
                                "total_inactive_file",
                                "inactive_file",
                                "total_active_file",
                                "active_file",
                                "total_dirty",
                                "dirty",
                                "total_writeback",
                                "writeback",
                                "total_swap",
                                "swap",
                                "total_pgfault",
                                "pgfault",
                                "total_pgmajfault",
                                "pgmajfault",
                                "total_workingset_refault_file",
                                "workingset_refault_file",
                                "total_workingset_refault_anon",
                                "workingset_refault_anon",
                                "hierarchical_memory_limit"});

enum class OomControl : std::uint8_t { oom_kill, count_ };
constexpr KeyTable<OomControl> kOomControl({"oom_kill"});

enum Slot : std::size_t { kUsage = 1, kFailcnt, kOomControlFile, kKmem, kLimit };

std::optional<std::uint64_t> hierarchical(const core::Values<Stat>& stat, Stat total) {
  if (stat.has(total)) return stat[total];
  return stat[static_cast<Stat>(static_cast<std::uint8_t>(total) + 1)];
}

core::MemorySample sample_of(const core::Values<Stat>& stat) {
  core::MemorySample sample;
  sample.gauges.set(Gauge::file, hierarchical(stat, Stat::total_cache));
  sample.gauges.set(Gauge::shmem, hierarchical(stat, Stat::total_shmem));
  sample.gauges.set(Gauge::anon, hierarchical(stat, Stat::total_rss));
  sample.gauges.set(Gauge::inactive_file, hierarchical(stat, Stat::total_inactive_file));
  sample.gauges.set(Gauge::active_file, hierarchical(stat, Stat::total_active_file));
  sample.gauges.set(Gauge::swap, hierarchical(stat, Stat::total_swap));
  for (const Stat part : {Stat::total_dirty, Stat::total_writeback}) {
    if (const auto bytes = hierarchical(stat, part)) sample.gauges.add(Gauge::dirty, *bytes);
  }
  sample.counters.set(Counter::pgfault, hierarchical(stat, Stat::total_pgfault));
  sample.counters.set(Counter::pgmajfault, hierarchical(stat, Stat::total_pgmajfault));
  sample.counters.set(Counter::refault_file, hierarchical(stat, Stat::total_workingset_refault_file));
  sample.counters.set(Counter::refault_anon, hierarchical(stat, Stat::total_workingset_refault_anon));
  return sample;
}

class V1Controller final : public Controller {
 public:
  using Controller::Controller;

  std::optional<Reading> read_files(Cgroup& cgroup, bool /*v1 has no pressure by cgroup*/) override {
    const auto stat = read_stat(cgroup, kStat);
    if (!stat) {
      if (!cgroup.still_there()) return std::nullopt;
      throw std::system_error(ENOENT, std::system_category(), cgroup.path_of("memory.stat"));
    }
    if (!hierarchical(*stat, Stat::total_cache)) {
      throw MalformedFile(cgroup.path_of("memory.stat") + ": has no \"cache\"");
    }
    Reading reading{.sample = sample_of(*stat), .hierarchical_limit_bytes = {}, .problem = {}};
    if (const auto limit = (*stat)[Stat::hierarchical_memory_limit]; limit && *limit < kNoLimitFrom) {
      reading.hierarchical_limit_bytes = limit;
    }
    core::MemorySample& sample = reading.sample;
    use_file(cgroup, kUsage, "memory.usage_in_bytes", reading.problem,
             [&](std::string_view text) { sample.gauges.set(Gauge::usage, parse_number_file(text)); });
    use_file(cgroup, kKmem, "memory.kmem.usage_in_bytes", reading.problem,
             [&](std::string_view text) { sample.gauges.set(Gauge::kernel, parse_number_file(text)); });
    use_file(cgroup, kFailcnt, "memory.failcnt", reading.problem,
             [&](std::string_view text) { sample.counters.set(Counter::limit_hits, parse_number_file(text)); });
    use_file(cgroup, kOomControlFile, "memory.oom_control", reading.problem, [&](std::string_view text) {
      sample.counters.set(Counter::oom_kills, parse_keyed(text, kOomControl)[OomControl::oom_kill]);
    });
    return reading;
  }

  core::Limits read_limits(Cgroup& cgroup, const Reading& reading) override {
    core::Limits limits;
    std::string problem;  // a limit that can't be read counts as none
    use_file(cgroup, kLimit, "memory.limit_in_bytes", problem,
             [&](std::string_view text) { limits.limit_bytes = parse_limit_file(text); });
    if (memory_bytes() > 0) limits.effective_limit_bytes = memory_bytes();
    for (const auto& limit : {limits.limit_bytes, reading.hierarchical_limit_bytes}) {
      if (limit) limits.effective_limit_bytes = std::min(*limit, limits.effective_limit_bytes.value_or(*limit));
    }
    return limits;
  }

  core::ReclaimMethod method() const override { return core::ReclaimMethod::force_empty; }
  const char* reclaim_file() const override { return "memory.force_empty"; }
  bool can_reclaim(const Cgroup& cgroup) const override { return cgroup.has_file(reclaim_file()); }

  std::error_code reclaim(const Cgroup& cgroup, std::uint64_t /*all or nothing*/) override {
    return cgroup.write(reclaim_file(), "1");
  }
};

}  // namespace

std::unique_ptr<Controller> make_v1_controller(const Hierarchy& hierarchy) {
  return std::make_unique<V1Controller>(hierarchy);
}

}  // namespace cgmm::kernel
