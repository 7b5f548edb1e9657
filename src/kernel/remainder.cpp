// SPDX-License-Identifier: Apache-2.0
#include "kernel/remainder.hpp"

#include "core/remainder.hpp"

namespace cgmm::kernel {

std::optional<Reading> read_remainder(Controller& controller, Cgroup& cgroup, const ReadOptions& options) {
  core::Remainders remainders;
  for (const core::CgroupId& id : cgroup.children()) {
    auto child = controller.open(id);
    const auto reading = child ? controller.read(*child, {.with_pressure = false}) : std::nullopt;
    if (reading) remainders.add(1, reading->sample.gauges);
  }
  auto reading = controller.read(cgroup, options);
  if (!reading) return std::nullopt;
  core::MemorySample& sample = reading->sample;
  if (controller.includes_those_below(cgroup)) sample.gauges = *remainders.of(0, sample.gauges);
  sample.mapped_bytes.reset();  // by those below
  const core::Counters counters = std::exchange(sample.counters, {});
  for (const core::Counter counter : {core::Counter::psi_some_us, core::Counter::psi_full_us,
                                      core::Counter::refault_file, core::Counter::refault_anon})
    sample.counters.set(counter, counters[counter]);
  return reading;
}

bool is_most(Controller& controller, Cgroup& cgroup, const core::Gauges& remainder) {
  const auto whole = controller.read(cgroup, {.with_pressure = false});
  return whole && core::reclaimable_cache_bytes(whole->sample.gauges) / 2 < core::reclaimable_cache_bytes(remainder);
}

}  // namespace cgmm::kernel
