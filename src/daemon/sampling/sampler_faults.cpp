// SPDX-License-Identifier: Apache-2.0
#include "daemon/sampling/sampler_faults.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "base/time.hpp"
#include "base/units.hpp"

namespace cgmm::daemon {
namespace {

constexpr std::int64_t kGrace_us = 5 * base::kSecond_us;  // a reclaim that was told to end may still take this long
constexpr std::int64_t kEven_us = 2 * base::kSecond_us;   // a clock that is set to where it was
constexpr std::int64_t kEndsAfter_us = 10 * base::kMinute_us;

}  // namespace

void SamplerFaults::after_scan(const PassResult& result, std::int64_t now_us) {
  const bool has_parent = result.parent_error.empty();
  parent_.after_pass(now_us, has_parent ? 0 : 1,
                     "the directory of the tracked cgroups can't be read: " + result.parent_error,
                     "the directory of the tracked cgroups can be read again");
  if (!has_parent) return;
  cgroups_.after_pass(
      now_us, result.scan.error_count,
      "cgroups that can't be read: " + std::to_string(result.scan.error_count) + ", the first: " + result.first_error,
      "all cgroups can be read again");
  after_scan(result.untold, now_us);
  max_cgroups_.after_pass(now_us, result.left_out_count,
                          std::to_string(result.left_out_count) + " cgroups are over max_cgroups and left out, " +
                              std::to_string(result.crowd_count) + " of them below " + result.crowd,
                          "no cgroup is over max_cgroups any more");
  without_watch_.follow(now_us, result.unwatched_count > 0,
                        std::to_string(result.unwatched_count) +
                            " directories can't be watched for changes and are listed in every scan, which costs more: "
                            "raise fs.inotify.max_user_watches, of which half is taken at most",
                        "all directories are watched for changes again");
}

void SamplerFaults::after_scan(const Untold& untold, std::int64_t now_us) {
  constexpr std::size_t kNamed = 5;
  std::string values;
  std::int64_t most = 0;
  std::size_t left = kNamed;
  for (const auto& [name, value] : untold.no_numbers) {
    most = std::max(most, value.cgroup_count);
    if (left-- == 0) break;
    values += (values.empty() ? "" : "; ") + name + " in " + base::counted(value.cgroup_count, "cgroup") +
              ", the first: " + value.first;
  }
  if (untold.no_numbers.size() > kNamed)
    values += "; and " + std::to_string(untold.no_numbers.size() - kNamed) + " other values";
  kernel_numbers_.after_pass(now_us, most,
                             "values of the kernel that are no number are not recorded, the others are: " + values,
                             "all values of the kernel are numbers again");
  const std::string whose = untold.are_containers ? "container" : "cgroup";
  memory_controller_.after_pass(now_us, untold.without_controller_count,
                                base::counted(untold.without_controller_count, whose + " has", whose + "s have") +
                                    " no memory controller: not recorded, the first: " + untold.without_controller,
                                "all cgroups have the memory controller again, or are gone");
}

/// A fault ends when the wall clock has run evenly for ten minutes, or is set to where it would be had nobody set it.
void SamplerFaults::follow_clocks(const Clocks& clocks) {
  const ClockSteps::Seen seen = clock_steps_.look(clocks);
  if (seen.slept_us > 0) {
    const std::string slept = "the machine slept for " + base::format_duration_us(seen.slept_us);
    spdlog::info("{}", slept);
    queue_.push(core::ServiceEvent{clocks.wall(), "gap", slept});
  }
  set_by_us_ += seen.set_by_us;
  if (seen.set_by_us != 0) set_at_us_ = clocks.boot();
  const bool is_even =
      seen.set_by_us != 0 ? std::abs(set_by_us_) <= kEven_us : clocks.boot() - set_at_us_ >= kEndsAfter_us;
  if (clock_.is_on() && is_even) {
    clock_.end(clocks.wall(), "the wall clock is even again: set to where it was, or not set for ten minutes");
    set_by_us_ = 0;
  } else if (seen.set_by_us != 0) {
    const std::string by = base::format_duration_us(std::abs(set_by_us_));
    clock_.begin(clocks.wall(), set_by_us_ > 0
                                    ? "the wall clock was set forth by " + by
                                    : "the wall clock was set back by " + by +
                                          ": what is recorded from now on has instants that are on record already");
  }
}

/// A reclaim that a signal does not end can't be helped from here.
void SamplerFaults::follow_reclaimer(const Clocks& clocks, std::int64_t reclaim_timeout_us) {
  const Asking asking = board_.asking();
  if (asking.since_us != hangs_since_us_) hang_.end(clocks.wall(), "the kernel has answered, reclaims go on");
  if (hang_.is_on() || asking.since_us == 0) return;
  const std::int64_t waited_us = clocks.steady() - asking.since_us;
  if (waited_us < reclaim_timeout_us + kGrace_us) return;
  hangs_since_us_ = asking.since_us;
  hang_.begin(clocks.wall(), "a reclaim of " + asking.path + " has been waiting for the kernel for " +
                                 base::format_duration_us(waited_us) +
                                 " and can't be interrupted: until it answers, nothing is reclaimed");
}

}  // namespace cgmm::daemon
