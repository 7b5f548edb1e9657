// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>

#include "kernel/controller.hpp"
#include "kernel/memory_stat.hpp"
#include "kernel/parse.hpp"

namespace cgmm::kernel {
namespace {

using core::Counter;
using core::Gauge;

enum Slot : std::size_t { kEventsFile = 2, kPressure, kSwap, kOwnEvents, kPeak, kMax, kHigh };
constexpr const char* kUsageFile = "memory.current";

/// nullopt: no limit.
std::optional<std::uint64_t> smaller(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

class V2Controller final : public Controller {
 public:
  using Controller::Controller;

  std::optional<Reading> read(Cgroup& cgroup, const ReadOptions& options) override {
    const Cgroup::Visit visit(cgroup);
    Reading reading;
    core::MemorySample& sample = reading.sample;
    const bool is_there = use_stat(cgroup, [&](std::string_view text) {
      const KeyedNumbers stat(text);
      sample = v2::sample_of(std::ref(stat));
      if (!sample.gauges.has(Gauge::file) && !sample.gauges.is_no_number(Gauge::file))
        throw MalformedFile("has no \"file\"");
      note_no_numbers(stat, "memory.stat", reading);
    });
    if (!is_there) return std::nullopt;  // or the memory controller is not enabled for it
    put(sample.gauges, Gauge::usage, read_number(cgroup, kUsageSlot, kUsageFile, reading));
    if (options.events != Events::whole) read_events(cgroup, kOwnEvents, "memory.events.local", reading);
    if (options.events != Events::own && !sample.counters.has(Counter::oom_kills))
      read_events(cgroup, kEventsFile, "memory.events", reading);
    put(sample.gauges, Gauge::swap, read_number(cgroup, kSwap, "memory.swap.current", reading));
    if (options.with_peak) put(sample.gauges, Gauge::peak, read_number(cgroup, kPeak, "memory.peak", reading));
    if (!options.with_pressure) return reading;
    use_file(cgroup, kPressure, "memory.pressure", reading.problem, [&](std::string_view text) {
      const Pressure pressure = parse_pressure(text);
      put(sample.counters, Counter::psi_some_us, pressure.some_us);
      put(sample.counters, Counter::psi_full_us, pressure.full_us);
      if (pressure.some_us.is_no_number) reading.no_numbers.push_back({"memory.pressure", "some", quoted(text)});
      if (pressure.full_us.is_no_number) reading.no_numbers.push_back({"memory.pressure", "full", quoted(text)});
    });
    return reading;
  }

  bool lacks_memory(const Cgroup& cgroup) const override {
    return cgroup.has_file("cgroup.controllers") && !cgroup.has_file("memory.stat") && cgroup.is_there();
  }

  std::optional<std::uint64_t> read_usage(Cgroup& cgroup) override {
    Reading ignored;  // the next scan reads the same file
    return read_number(cgroup, kUsageSlot, kUsageFile, ignored).value;
  }

  core::Limits read_limits(Cgroup& cgroup, const Reading& /*v2 does not tell on the way*/,
                           std::string& problem) override {
    core::Limits limits;
    limits.limit_bytes = read_limit(cgroup, kMax, "memory.max", problem);
    limits.high_bytes = read_limit(cgroup, kHigh, "memory.high", problem);
    limits.effective_limit_bytes = within_memory(smaller(limits.limit_bytes, ancestors_limit(cgroup.path())));
    return limits;
  }

  void begin_pass() override {
    ancestors_.clear();
    remembers_ancestors_ = true;
  }

  core::ReclaimMethod method() const override { return core::ReclaimMethod::memory_reclaim; }
  const char* reclaim_file() const override { return "memory.reclaim"; }

  std::error_code reclaim(Cgroup& cgroup, std::uint64_t bytes) override {
    const std::string amount = std::to_string(bytes);
    if (takes_swappiness_) {
      const std::error_code error = cgroup.write(reclaim_file(), amount + " swappiness=0");
      if (error != std::errc::invalid_argument) return error;
      takes_swappiness_ = false;  // 6.1 does not; 6.12 does
    }
    return cgroup.write(reclaim_file(), amount);
  }

 private:
  void read_events(Cgroup& cgroup, Slot slot, const char* name, Reading& reading) {
    use_file(cgroup, slot, name, reading.problem, [&](std::string_view text) {
      const KeyedNumbers events(text);
      core::Counters& counters = reading.sample.counters;
      put(counters, Counter::low_events, events("low"));
      put(counters, Counter::high_events, events("high"));
      put(counters, Counter::limit_hits, events("max"));
      put(counters, Counter::oom_events, events("oom"));
      put(counters, Counter::oom_kills, events("oom_kill"));
      put(counters, Counter::oom_group_kills, events("oom_group_kill"));
      note_no_numbers(events, name, reading);
    });
  }

  /// The smallest memory.max of the ancestors.
  std::optional<std::uint64_t> ancestors_limit(std::string path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return std::nullopt;
    path.resize(slash);
    if (const auto known = ancestors_.find(path); known != ancestors_.end()) return known->second;
    const auto smallest = smaller(ancestors_limit(path), limit_of(path));
    if (remembers_ancestors_) ancestors_.emplace(std::move(path), smallest);
    return smallest;
  }

  /// nullopt: none, as at the root, or it can't be read.
  std::optional<std::uint64_t> limit_of(const std::string& path) {
    const auto text = read_at(path, "memory.max");
    try {
      return text ? parse_limit_file(*text) : std::nullopt;
    } catch (const MalformedFile&) {
      return std::nullopt;
    }
  }

  std::unordered_map<std::string, std::optional<std::uint64_t>> ancestors_;  // path -> the smallest from there up
  bool remembers_ancestors_ = false;
  bool takes_swappiness_ = true;  // until the kernel refuses it
};

}  // namespace

std::unique_ptr<Controller> make_v2_controller(const Hierarchy& hierarchy) {
  return std::make_unique<V2Controller>(hierarchy);
}

}  // namespace cgmm::kernel
