// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>

#include "kernel/controller.hpp"
#include "kernel/force_empty.hpp"
#include "kernel/memory_stat.hpp"
#include "kernel/parse.hpp"
#include "kernel/timed_write.hpp"

namespace cgmm::kernel {
namespace {

using core::Counter;
using core::Gauge;

enum Slot : std::size_t { kKmem = 2, kPeak, kFailcnt, kOomControlFile, kLimit, kHierarchy };
constexpr const char* kUsageFile = "memory.usage_in_bytes";
constexpr const char* kAnyText = "1";  // the kernel does not look at it

std::int64_t steady_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

class V1Controller final : public Controller {
 public:
  using Controller::Controller;

  /// All counters are the cgroup's own, and there is no memory.pressure.
  std::optional<Reading> read(Cgroup& cgroup, const ReadOptions& options) override {
    const Cgroup::Visit visit(cgroup);
    Reading reading;
    core::MemorySample& sample = reading.sample;
    const bool is_there = use_stat(cgroup, [&](std::string_view text) {
      const KeyedNumbers stat(text);
      sample = v1::sample_of(std::ref(stat));
      if (!sample.gauges.has(Gauge::file) && !sample.gauges.is_no_number(Gauge::file))
        throw MalformedFile("has no \"cache\"");
      note_no_numbers(stat, "memory.stat", reading);
      read_hierarchical_limit(stat, reading);
    });
    if (!is_there) return std::nullopt;  // its files are removed a moment before its directory is
    put(sample.gauges, Gauge::usage, read_number(cgroup, kUsageSlot, kUsageFile, reading));
    if (options.with_oom_control) read_oom_control(cgroup, reading);
    put(sample.gauges, Gauge::kernel, read_number(cgroup, kKmem, "memory.kmem.usage_in_bytes", reading));
    if (options.with_peak)
      put(sample.gauges, Gauge::peak, read_number(cgroup, kPeak, "memory.max_usage_in_bytes", reading));
    reading.has_no_new_hits = has_no_new_hits(options, reading);
    if (!reading.has_no_new_hits)
      put(sample.counters, Counter::limit_hits, read_number(cgroup, kFailcnt, "memory.failcnt", reading));
    return reading;
  }

  std::optional<std::uint64_t> read_usage(Cgroup& cgroup) override {
    Reading ignored;  // the next scan reads the same file
    return read_number(cgroup, kUsageSlot, kUsageFile, ignored).value;
  }

  core::Limits read_limits(Cgroup& cgroup, const Reading& reading, std::string& problem) override {
    core::Limits limits;
    if (reading.hierarchical_limit_bytes != kUnlimited) {  // which is the smallest of its own and all above
      limits.limit_bytes = read_limit(cgroup, kLimit, "memory.limit_in_bytes", problem);
      if (is_no_limit(limits.limit_bytes.value_or(0))) limits.limit_bytes.reset();
    }
    const std::uint64_t limit_bytes =
        std::min(limits.limit_bytes.value_or(kUnlimited), reading.hierarchical_limit_bytes.value_or(kUnlimited));
    limits.effective_limit_bytes = within_memory(limit_bytes == kUnlimited ? std::nullopt : std::optional(limit_bytes));
    return limits;
  }

  /// Since 5.11 always. Before, where nobody (systemd does) has set it at the root, each directory has its own setting.
  bool includes_those_below(Cgroup& cgroup) override {
    if (!root_includes_) root_includes_ = read_at("", "memory.use_hierarchy") != "0\n";
    Reading ignored;
    return *root_includes_ || read_number(cgroup, kHierarchy, "memory.use_hierarchy", ignored).value != 0U;
  }

  core::ReclaimMethod method() const override { return core::ReclaimMethod::force_empty; }
  const char* reclaim_file() const override { return "memory.force_empty"; }

  std::error_code reclaim(Cgroup& cgroup, std::uint64_t bytes) override {
    took_all_because_.clear();
    if (bytes == kEverything) return cgroup.write(reclaim_file(), kAnyText);
    const base::Fd file = cgroup.open_to_write(reclaim_file());
    if (!file) return {errno, std::system_category()};
    std::optional<TimedWrites> writes(std::in_place);
    took_all_because_ = writes->error();
    if (took_all_because_) {
      writes.reset();  // no more signals are held back
      return cgroup.write(reclaim_file(), kAnyText);
    }
    return force_empty({.write = [&](auto after_us) { return writes->write(file.get(), kAnyText, after_us); },
                        .usage_bytes = [&] { return read_usage(cgroup); },
                        .is_interrupted = [&] { return writes->is_interrupted(); },
                        .now_us = steady_us},
                       pace_, bytes);
  }

  std::error_code took_all_because() const override { return took_all_because_; }

 private:
  /// A charge is refused only if usage with it is over the limit, and the kernel charges no more than a huge page at a
  /// time. So there was none while the peak stayed two huge pages below. A peak that has fallen was reset.
  bool has_no_new_hits(const ReadOptions& options, const Reading& reading) const {
    if (!options.no_hits || options.no_hits->hierarchical_limit_bytes != reading.hierarchical_limit_bytes) return false;
    if (!options.no_hits->peak_bytes) return true;
    const auto peak = reading.sample.gauges[Gauge::peak];
    return peak && *peak >= *options.no_hits->peak_bytes && *peak < kNoLimitFrom &&
           *peak + 2 * huge_page_bytes_ < *reading.hierarchical_limit_bytes;
  }

  void read_oom_control(Cgroup& cgroup, Reading& reading) {
    use_file(cgroup, kOomControlFile, "memory.oom_control", reading.problem, [&](std::string_view text) {
      const KeyedNumbers control(text);
      const auto is_disabled = control("oom_kill_disable").value;
      const auto is_under_oom = control("under_oom").value;
      if (is_disabled && is_under_oom) reading.sample.stands_still = *is_disabled != 0 && *is_under_oom != 0;
      reading.may_stand_still = is_disabled != 0U;
      put(reading.sample.counters, Counter::oom_kills, control("oom_kill"));
      note_no_numbers(control, "memory.oom_control", reading);
    });
  }

  /// Linux 3.13 to 3.18 wrote 2^64-1 for none: not relied upon, the cgroup's own limit is read then.
  void read_hierarchical_limit(const KeyedNumbers& stat, Reading& reading) const {
    const auto text = stat.text_of("hierarchical_memory_limit");
    if (!text) return;
    const Number limit = parse_limit(*text);
    if (limit.is_no_number) {
      reading.no_numbers.push_back({"memory.stat", "hierarchical_memory_limit", quoted(*text)});
    } else if (limit.value || parse_number(*text)) {
      reading.hierarchical_limit_bytes = limit.value && !is_no_limit(*limit.value) ? *limit.value : kUnlimited;
    }
  }

  /// The files have no word for it: it is the largest number of pages. On a 32-bit kernel that is 2^31 - 1, which a
  /// 64-bit kernel may also have as a limit. But only a 64-bit one can have more memory than that (a 32-bit one has
  /// 1 TiB at most), and without more memory such a limit is none either.
  bool is_no_limit(std::uint64_t bytes) const {
    constexpr std::uint64_t kMostPages = std::numeric_limits<std::int32_t>::max();
    constexpr std::array<std::uint64_t, 3> kPageBytes{4 << 10, 16 << 10, 64 << 10};
    const bool is_most = std::ranges::any_of(kPageBytes, [&](auto page) { return bytes == kMostPages * page; });
    return bytes >= kNoLimitFrom || (is_most && memory_bytes() < bytes);
  }

  /// A page of page table entries, of 8 bytes each.
  const std::uint64_t page_bytes_ = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t huge_page_bytes_ = page_bytes_ / 8 * page_bytes_;
  std::optional<bool> root_includes_;
  std::error_code took_all_because_;
  Pace pace_;
};

}  // namespace

std::unique_ptr<Controller> make_v1_controller(const Hierarchy& hierarchy) {
  return std::make_unique<V1Controller>(hierarchy);
}

}  // namespace cgmm::kernel
