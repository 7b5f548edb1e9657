// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

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
constexpr KeyTable<OomControl> kOomControl({"oom_kill"});

enum Slot : std::size_t { kFailcnt = 2, kOomControlFile, kKmem, kLimit };
constexpr const char* kUsageFile = "memory.usage_in_bytes";

class V1Controller final : public Controller {
 public:
  using Controller::Controller;

  std::optional<Reading> read_files(Cgroup& cgroup, const Extent& extent) override {
    auto found =
        read_stat_and_usage(cgroup, kStat, kUsageFile, extent, [](Reading& reading, const core::Values<Stat>& stat) {
          if (!hierarchical(stat, Stat::total_cache)) throw MalformedFile("has no \"cache\"");
          reading.sample = sample_of(stat);
          const auto limit = stat[Stat::hierarchical_memory_limit];
          if (limit) reading.hierarchical_limit_bytes = *limit < kNoLimitFrom ? *limit : kUnlimited;
        });
    if (!found) {
      if (!cgroup.still_there()) return std::nullopt;
      throw std::system_error(ENOENT, std::system_category(), cgroup.path_of("memory.stat"));
    }
    if (found->is_as_before) return found;
    Reading& reading = *found;
    core::MemorySample& sample = reading.sample;
    if (extent.with_kills) {
      use_file(cgroup, kOomControlFile, "memory.oom_control", reading.problem, [&](std::string_view text) {
        sample.counters.set(Counter::oom_kills, parse_keyed(text, kOomControl)[OomControl::oom_kill]);
      });
    }
    if (extent.is_quick) return found;
    use_file(cgroup, kKmem, "memory.kmem.usage_in_bytes", reading.problem,
             [&](std::string_view text) { sample.gauges.set(Gauge::kernel, parse_number_file(text)); });
    use_file(cgroup, kFailcnt, "memory.failcnt", reading.problem,
             [&](std::string_view text) { sample.counters.set(Counter::limit_hits, parse_number_file(text)); });
    if (extent.marks != nullptr && !reading.problem.empty()) *extent.marks = {};
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
    if (memory_bytes() > 0) limits.effective_limit_bytes = memory_bytes();
    for (const auto& limit : {limits.limit_bytes, reading.hierarchical_limit_bytes}) {
      if (limit && *limit != kUnlimited)
        limits.effective_limit_bytes = std::min(*limit, limits.effective_limit_bytes.value_or(*limit));
    }
    return limits;
  }

  bool stat_shows_kernel_memory() const override { return false; }

  /// It is counted up to the root. The file is held open, and opened anew where its directory was made anew.
  std::optional<std::uint64_t> kernel_bytes_of_parent() override {
    for (int tries = 0; tries < 2; ++tries) {
      if (!parents_kmem_)
        parents_kmem_ =
            base::Fd(::open((parent() + "/memory.kmem.usage_in_bytes").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
      const ssize_t got = parents_kmem_ ? ::pread(parents_kmem_.get(), buffer().data(), buffer().size(), 0) : -1;
      if (got > 0 && buffer()[static_cast<std::size_t>(got) - 1] == '\n') {
        return parse_number({buffer().data(), static_cast<std::size_t>(got) - 1});
      }
      parents_kmem_.reset();
    }
    return std::nullopt;
  }

  bool stat_shows_limits() const override { return true; }
  core::ReclaimMethod method() const override { return core::ReclaimMethod::force_empty; }
  const char* reclaim_file() const override { return "memory.force_empty"; }
  bool can_reclaim(const Cgroup& cgroup) const override { return cgroup.has_file(reclaim_file()); }

  std::error_code reclaim(const Cgroup& cgroup, std::uint64_t /*all or nothing*/) override {
    return cgroup.write(reclaim_file(), "1");
  }

 private:
  base::Fd parents_kmem_;
};

}  // namespace

std::unique_ptr<Controller> make_v1_controller(const Hierarchy& hierarchy) {
  return std::make_unique<V1Controller>(hierarchy);
}

}  // namespace cgmm::kernel
