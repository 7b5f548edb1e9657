// SPDX-License-Identifier: Apache-2.0
#include "policy/measure.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <stdexcept>

#include "stop.hpp"

namespace cgmm::bench::policy {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSecond_us = 1'000'000;
constexpr std::int64_t kSpread_us = 500'000;  // the longest time from one operation to the next
constexpr const char *kTaken = "pgsteal_kswapd", *kDrops = "drop_pagecache";
constexpr double kFullLimit = 400.0 * (1 << 20);
constexpr std::int64_t kPatience_s = 900;  // for everything to be read for the first time

/// Of a process and the children that it has waited for: what it had read from a disk, or had the kernel read ahead.
std::int64_t read_bytes_of(pid_t pid) {
  std::ifstream io("/proc/" + std::to_string(pid) + "/io");
  std::string key;
  for (std::int64_t value = 0; io >> key >> value;) {
    if (key == "read_bytes:") return value;
  }
  throw std::runtime_error("this kernel does not say what a process reads from a disk (/proc/PID/io)");
}

/// A number of /proc/vmstat, of the whole machine.
std::int64_t vmstat(const std::string& name) {
  std::ifstream stream("/proc/vmstat");
  std::string key;
  for (std::int64_t value = 0; stream >> key >> value;) {
    if (key == name) return value;
  }
  return 0;
}

/// One workload under one policy: its cgroup and its process.
class Cell {
 public:
  Cell(const Settings& settings, const Ground& ground, const Start& start, const Workload& workload,
       std::size_t policy_number, const fs::path& parent)
      : version_(ground.version()), cgroup_(ground.make(parent, workload.name, settings.limit_bytes())) {
    const std::string& policy = settings.policies[policy_number];
    result_.workload = workload.name;
    result_.policy = policy;
    // The same under every policy.
    const std::uint64_t seed = std::hash<std::string>()(result_.workload);
    Job::Place place{.directory = settings.directory / policy / workload.name,
                     .limit_bytes = settings.limit_bytes(),
                     .pace = settings.pace > 0 ? settings.pace : settings.scale,
                     .heap = settings.heap,
                     .run_s = settings.minutes * 60,
                     .seed = seed,
                     .offset_us = kSpread_us * static_cast<std::int64_t>(policy_number) /
                                  static_cast<std::int64_t>(settings.policies.size())};
    result_.seconds = place.run_s - static_cast<double>(place.offset_us) / 1e6;
    child_ = std::make_unique<Child>(cgroup_, [&, place] {
      Job job(place, start, *seen_);
      workload.run(job);
      return 0;
    });
  }

  bool is_ready() const {
    check_alive();
    return seen_->is_ready;
  }

  void begin() {
    read_before_ = read_bytes_of(child_->pid());
    cpu_before_us_ = process_cpu_us(child_->pid());
    refaulted_before_ = memory_of(cgroup_, version_).refaulted_pages;
  }

  void sample() { result_.usage_bytes.push_back(usage_of(cgroup_, version_)); }

  Result end() {
    check_alive();
    result_.read_bytes = read_bytes_of(child_->pid()) - read_before_;
    result_.cpu_us = process_cpu_us(child_->pid()) - cpu_before_us_;
    const std::int64_t refaulted = memory_of(cgroup_, version_).refaulted_pages;
    if (refaulted >= 0) result_.refaulted_bytes = (refaulted - refaulted_before_) * ::sysconf(_SC_PAGESIZE);
    const Histogram& latency = seen_->latency;
    result_.operations = latency.count();
    result_.mean_ns = latency.mean_ns();
    result_.median_ns = latency.quantile_ns(0.5);
    result_.p99_ns = latency.quantile_ns(0.99);
    result_.p999_ns = latency.quantile_ns(0.999);
    result_.most_ns = static_cast<double>(latency.most_ns());
    return result_;
  }

 private:
  void check_alive() const {
    if (!child_->is_running()) {
      throw std::runtime_error("the workload " + result_.workload + " under " + result_.policy + " has ended");
    }
  }

  kernel::Version version_;
  fs::path cgroup_;
  Result result_;
  Shared<Seen> seen_;
  std::unique_ptr<Child> child_;
  std::int64_t read_before_ = 0, cpu_before_us_ = 0, refaulted_before_ = 0;
};

/// The cgroups of a run go with it, after all processes in them.
struct Parents {
  std::vector<fs::path> paths;
  ~Parents() {
    for (const fs::path& path : paths) Ground::remove(path);
  }
};

void wait_until_ready(const std::vector<std::unique_ptr<Cell>>& cells) {
  std::size_t ready = 0;
  for (std::int64_t waited_s = 0; ready < cells.size(); ++waited_s) {
    if (waited_s > kPatience_s) throw std::runtime_error("a workload was not ready in a quarter of an hour");
    wait_for(kSecond_us);
    for (ready = 0; ready < cells.size() && cells[ready]->is_ready();) ++ready;
  }
}

/// The programs' own files: histories and logs.
fs::path make_empty(const fs::path& directory) {
  fs::remove_all(directory);
  fs::create_directories(directory);
  return directory;
}

std::vector<char> content_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::uint64_t bytes_of(const Workload::File& file, const Settings& settings, std::size_t program_bytes) {
  auto bytes = static_cast<std::uint64_t>(file.share * static_cast<double>(settings.limit_bytes()));
  if (file.is_program) bytes = std::max<std::uint64_t>(bytes, program_bytes);
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

}  // namespace

std::uint64_t Settings::limit_bytes() const { return static_cast<std::uint64_t>(kFullLimit * scale) / kBlock * kBlock; }

const Result& Run::of(const std::string& workload, const std::string& policy) const {
  for (const Result& result : results) {
    if (result.workload == workload && result.policy == policy) return result;
  }
  throw std::logic_error("there is no result of " + workload + " under " + policy);
}

void check_room(const Settings& settings) {
  struct ::statfs disk{};
  if (::statfs(settings.directory.c_str(), &disk) != 0) {
    throw std::system_error(errno, std::system_category(), settings.directory);
  }
  constexpr auto kTmpfs = 0x01021994, kRamfs = static_cast<int>(0x858458f6);
  if (static_cast<int>(disk.f_type) == kTmpfs || static_cast<int>(disk.f_type) == kRamfs) {
    throw std::runtime_error(settings.directory.string() + " is in memory; --dir must be on a disk");
  }
  double files_bytes = 0;
  for (const Workload* workload : settings.workloads) {
    for (const Workload::File& file : workload->files) files_bytes += static_cast<double>(bytes_of(file, settings, 0));
    files_bytes += static_cast<double>(settings.limit_bytes());  // logs
  }
  const auto policies = static_cast<double>(settings.policies.size());
  if (files_bytes * policies > 0.8 * static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_bsize)) {
    throw std::runtime_error("the disk has no room for the files; take a smaller --scale");
  }
  std::ifstream meminfo("/proc/meminfo");
  std::string key;
  double available_kib = 0;
  while (meminfo >> key && key != "MemAvailable:") {
  }
  meminfo >> available_kib;
  const double limits_bytes = policies * static_cast<double>(settings.workloads.size() * settings.limit_bytes());
  if (limits_bytes > 0.8 * available_kib * 1024) {
    throw std::runtime_error("the limits together are more than this machine's memory; take a smaller --scale");
  }
}

std::string read_ahead(const fs::path& directory) {
  struct ::stat status{};
  if (::stat(directory.c_str(), &status) != 0) return "?";
  std::ifstream stream("/sys/class/bdi/" + std::to_string(major(status.st_dev)) + ":" +
                       std::to_string(minor(status.st_dev)) + "/read_ahead_kb");
  std::string kib;
  return stream >> kib ? kib : "?";
}

void make_files(const Settings& settings) {
  const std::vector<char> program = content_of("/proc/self/exe");
  for (const std::string& policy : settings.policies) {
    for (const Workload* workload : settings.workloads) {
      const fs::path directory = settings.directory / policy / workload->name;
      fs::create_directories(directory);
      for (const Workload::File& file : workload->files) {
        if (fs::exists(directory / file.name)) continue;
        make_file(directory / file.name, bytes_of(file, settings, program.size()),
                  file.is_program ? std::span<const char>(program) : std::span<const char>());
      }
    }
  }
}

Run run_all(const Settings& settings, Ground& ground) {
  for (const auto& entry : fs::recursive_directory_iterator(settings.directory)) {
    if (entry.is_regular_file()) forget_file(entry.path());  // what the run before has left
  }
  const Shared<Start> start;
  Parents parents;
  std::vector<std::string> names;
  for (const Workload* workload : settings.workloads) names.emplace_back(workload->name);
  for (const std::string& policy : settings.policies) parents.paths.push_back(ground.make_parent(policy));
  std::vector<std::unique_ptr<Cell>> cells;
  for (const Workload* workload : settings.workloads) {
    for (std::size_t i = 0; i < parents.paths.size(); ++i) {
      cells.push_back(std::make_unique<Cell>(settings, ground, *start, *workload, i, parents.paths[i]));
    }
  }
  wait_until_ready(cells);
  for (const auto& cell : cells) cell->begin();

  const std::int64_t taken_before = vmstat(kTaken), drops_before = vmstat(kDrops);
  const std::int64_t began_us = daemon::steady_now_us();
  start->at_us = began_us;
  std::vector<std::unique_ptr<Policy>> policies;
  for (std::size_t i = 0; i < parents.paths.size(); ++i) {
    const fs::path own = make_empty(settings.directory / "programs" / settings.policies[i]);
    policies.push_back(start_policy(settings.policies[i],
                                    {ground, parents.paths[i], names, own, settings.limit_bytes()}, settings.programs));
  }
  Run run;
  run.seconds = settings.minutes * 60;
  for (std::int64_t second = 1; static_cast<double>(second) <= run.seconds; ++second) {
    wait_until(began_us + second * kSecond_us);
    for (const auto& cell : cells) cell->sample();
    for (const auto& policy : policies) policy->check();
  }
  run.taken_bytes = (vmstat(kTaken) - taken_before) * ::sysconf(_SC_PAGESIZE);
  run.drops = vmstat(kDrops) - drops_before;
  for (const auto& cell : cells) run.results.push_back(cell->end());
  for (const auto& policy : policies) run.policy_cpu_us.push_back(policy->cpu_us());
  for (std::size_t i = 0; i < policies.size(); ++i) {
    for (const auto& [workload, done] : policies[i]->stop()) {
      for (Result& result : run.results) {
        if (result.workload == workload && result.policy == settings.policies[i]) result.done = done;
      }
    }
  }
  return run;
}

}  // namespace cgmm::bench::policy
