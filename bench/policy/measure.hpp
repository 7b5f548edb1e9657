// SPDX-License-Identifier: Apache-2.0
#pragma once

// One run: all workloads under all policies, beside each other, for some minutes.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "policy/ground.hpp"
#include "policy/policies.hpp"
#include "policy/workloads.hpp"

namespace cgmm::bench::policy {

struct Settings {
  std::vector<const Workload*> workloads;
  std::vector<std::string> policies;  // the first is what the others are compared with
  Programs programs;
  std::filesystem::path directory;  // for files, on a disk
  double scale = 0.25;              // 1: a limit of 400 MiB
  double pace = 0;                  // of the operations; 0: in proportion to the limit
  // Of each workload's limit. The kernel remembers what it has evicted in proportion to what a cgroup still holds, so
  // this decides whether anybody can know of refaults after all cache was dropped at once.
  double heap = 0.15;
  double minutes = 8;

  std::uint64_t limit_bytes() const;
};

/// One workload under one policy in one run.
struct Result {
  std::string workload, policy;
  std::vector<std::uint64_t> usage_bytes;  // once a second
  std::int64_t read_bytes = 0;             // from the disk
  std::int64_t refaulted_bytes = -1;       // -1: not counted by this kernel
  std::uint64_t operations = 0;
  double seconds = 0;  // for which it ran
  double mean_ns = 0, median_ns = 0, p99_ns = 0, p999_ns = 0, most_ns = 0;
  std::int64_t cpu_us = 0;  // of the workload
  Done done;
};

struct Run {
  double seconds = 0;
  // What others do to the whole machine; both are 0 in a run that counts.
  std::int64_t taken_bytes = 0;  // by the kernel, because memory was short
  std::int64_t drops = 0;        // of all page cache, by whoever asked for it (drop_caches)
  std::vector<Result> results;
  std::vector<std::int64_t> policy_cpu_us;  // in the order of the policies

  const Result& of(const std::string& workload, const std::string& policy) const;
};

/// What this machine lacks for it, as a sentence: the run would not be about policies but about a full disk or memory.
void check_room(const Settings& settings);
/// What the kernel reads ahead on the disk of a directory, in KiB; "?" where it does not say.
std::string read_ahead(const std::filesystem::path& directory);
/// Makes all files; those that are there are left. Throws Stopped.
void make_files(const Settings& settings);
Run run_all(const Settings& settings, Ground& ground);

}  // namespace cgmm::bench::policy
