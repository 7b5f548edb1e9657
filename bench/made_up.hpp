// SPDX-License-Identifier: Apache-2.0
#pragma once

// Numbers of containers that nobody has run. busy_row is one that allocates, reads and writes all the time: every
// number is another one in each scan. A test of recording with idle containers would flatter, for a 0 takes no byte on
// disk. Lifelike is more like what is on nodes: six in ten do next to nothing, three work steadily, one works hard;
// numbers go up and down from where they were, and usage is the sum of its parts.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>

#include "core/records.hpp"

namespace cgmm::bench {

/// A row with all that cgroup v2 tells of one that is not short of memory.
inline core::ScanRow busy_row(const core::CgroupRef& cgroup, std::minstd_rand& random) {
  using core::Counter;
  using core::Gauge;
  constexpr std::uint64_t kMiB = 1 << 20;
  constexpr std::uint64_t kPage = 4096;
  core::ScanRow row{.cgroup = cgroup, .gauges = {}, .increases = {}, .oom_kills_total = 0};
  const auto pages = [&](std::uint64_t up_to_bytes) { return random() % up_to_bytes / kPage * kPage; };
  for (const Gauge gauge : {Gauge::usage, Gauge::anon, Gauge::file}) row.gauges.set(gauge, pages(200 * kMiB));
  for (const Gauge gauge : {Gauge::shmem, Gauge::inactive_file, Gauge::active_file, Gauge::dirty, Gauge::kernel}) {
    row.gauges.set(gauge, pages(20 * kMiB));
  }
  row.gauges.set(Gauge::swap, 0);
  row.gauges.set(Gauge::slab_reclaimable, pages(20 * kMiB));
  row.gauges.set(Gauge::slab_unreclaimable, pages(2 * kMiB));
  row.increases.set(Counter::pgfault, random() % 5000);
  for (const Counter counter : {Counter::pgmajfault, Counter::refault_file}) row.increases.set(counter, random() % 200);
  for (const Counter counter : {Counter::refault_anon, Counter::pgscan, Counter::pgsteal, Counter::limit_hits,
                                Counter::oom_kills, Counter::psi_some_us, Counter::psi_full_us, Counter::low_events,
                                Counter::high_events, Counter::oom_events, Counter::oom_group_kills})
    row.increases.set(counter, 0);
  return row;
}

class Lifelike {
 public:
  /// What it does goes by its number.
  explicit Lifelike(std::uint64_t number)
      : random_(static_cast<unsigned>(number + 1)),
        work_(number % 10 < 6   ? 0
              : number % 10 < 9 ? 1
                                : 2) {
    anon_ = 5000 + below(60'000), inactive_ = 1000 + below(30'000), active_ = 500 + below(20'000);
    shmem_ = below(10), kernel_ = 300 + below(2000), reclaimable_ = 200 + below(3000),
    unreclaimable_ = 100 + below(500);
    level_ = 50 + below(2000);
  }

  core::ScanRow row(const core::CgroupRef& cgroup) {
    core::Counters more;
    for (std::size_t i = 0; i < core::Counters::kSize; ++i) more.set(static_cast<core::Counter>(i), 0);
    double dirty = 0;
    work_ == 0 ? idle(more, dirty) : work_ == 1 ? steady(more, dirty) : hard(more, dirty);
    for (double* const part : {&anon_, &inactive_, &active_, &kernel_, &reclaimable_, &unreclaimable_})
      *part = std::clamp(*part, 50.0, 120'000.0);
    using core::Gauge;
    core::ScanRow row{.cgroup = cgroup, .gauges = {}, .increases = more, .oom_kills_total = 0};
    const auto set = [&](Gauge gauge, double pages) {
      row.gauges.set(gauge, static_cast<std::uint64_t>(pages) * 4096);
      return static_cast<double>(static_cast<std::uint64_t>(pages));
    };
    const double file =
        set(Gauge::inactive_file, inactive_) + set(Gauge::active_file, active_) + set(Gauge::shmem, shmem_);
    const double charged_ahead = work_ == 0 ? 32 : below(64);  // by the kernel, for each processor
    set(Gauge::usage, set(Gauge::anon, anon_) + set(Gauge::file, file) + set(Gauge::kernel, kernel_) + charged_ahead);
    set(Gauge::dirty, dirty), set(Gauge::swap, 0);
    set(Gauge::slab_reclaimable, reclaimable_), set(Gauge::slab_unreclaimable, unreclaimable_);
    return row;
  }

 private:
  double below(unsigned bound) { return static_cast<double>(random_() % bound); }
  double some(double about) { return std::normal_distribution<double>(0, about)(random_); }
  bool happens(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }
  static std::uint64_t count(double number) { return static_cast<std::uint64_t>(std::max(number, 0.0)); }

  void idle(core::Counters& more, double& dirty) {
    if (happens(.1)) anon_ += some(10);
    if (happens(.05)) inactive_ += some(3);
    for (double* const part : {&kernel_, &reclaimable_, &unreclaimable_}) *part += happens(.02) ? some(2) : 0;
    if (happens(.3)) more.set(core::Counter::pgfault, count(below(30)));
    if (happens(.03)) dirty = below(8);
  }
  void steady(core::Counters& more, double& dirty) {
    if (happens(.7)) anon_ += some(40);
    if (happens(.4)) inactive_ += std::abs(some(12));
    if (happens(.02)) inactive_ *= .8;
    if (happens(.1)) active_ += some(4);
    for (double* const part : {&kernel_, &reclaimable_, &unreclaimable_}) *part += happens(.3) ? some(4) : 0;
    more.set(core::Counter::pgfault, count(level_ / 4 + some(level_ / 16)));
    if (happens(.02)) more.set(core::Counter::pgmajfault, count(below(5)));
    if (happens(.4)) dirty = std::abs(some(20));
  }
  void hard(core::Counters& more, double& dirty) {
    anon_ += some(400), inactive_ += some(500), active_ += some(150);
    kernel_ += some(20), reclaimable_ += some(40), unreclaimable_ += some(12);
    more.set(core::Counter::pgfault, count(level_ + some(level_ / 5)));
    dirty = std::abs(some(300));
    if (!happens(.2)) return;
    const double refaults = std::abs(some(300)), looked_at = refaults + std::abs(some(500)),
                 waited_us = std::abs(some(5000));
    more.set(core::Counter::refault_file, count(refaults));
    more.set(core::Counter::pgmajfault, count(refaults / 8));
    more.set(core::Counter::pgscan, count(looked_at));
    more.set(core::Counter::pgsteal, count(looked_at * .9));
    more.set(core::Counter::psi_some_us, count(waited_us));
    more.set(core::Counter::psi_full_us, count(waited_us * .7));
  }

  std::minstd_rand random_;
  int work_;
  double anon_ = 0, inactive_ = 0, active_ = 0, shmem_ = 0, kernel_ = 0, reclaimable_ = 0, unreclaimable_ = 0;  // pages
  double level_ = 0;
};

}  // namespace cgmm::bench
