// SPDX-License-Identifier: Apache-2.0
// What learning cooldowns are worth: an hour of the real reclaimer over workloads that are made up, once with the fixed
// cooldown and once with those that learn. Nobody sleeps: the clocks are ours, and so is the kernel.
//
//   cmake --build --preset release --target churning-hour && build/release/bench/churning-hour

#include <sys/stat.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/units.hpp"
#include "daemon/reclaim/reclaimer.hpp"

namespace {

using namespace cgmm;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kPage = 4096;
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kInterval = 10 * kSecond;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::uint64_t kLimit = 64 * kMiB;  // a threshold of 25 % is 16 MiB, the target 8

/// One container's page cache.
struct Cgroup {
  std::uint64_t cache_bytes = 0;
  std::uint64_t dropped_bytes = 0;  // and not read again
  std::uint64_t refaults = 0;       // pages

  void drop(std::uint64_t bytes) {
    bytes = std::min(bytes, cache_bytes);
    cache_bytes -= bytes;
    dropped_bytes += bytes;
  }
  void read_again(std::uint64_t bytes) {
    bytes = std::min(bytes, dropped_bytes);
    dropped_bytes -= bytes;
    cache_bytes += bytes;
    refaults += bytes / kPage;
  }
  void read_new(std::uint64_t bytes) { cache_bytes = std::min(cache_bytes + bytes, kLimit); }
};

/// What happens in it in one interval that begins at `at_us`.
struct Workload {
  const char* name;
  std::function<void(Cgroup&, std::int64_t at_us)> live;
  bool counts_refaults = true;
};

const std::vector<Workload> kWorkloads = {
    {"reads the same 40 MiB all the time", [](Cgroup& c, auto) { c.read_again(kLimit); }},
    {"the same, on a kernel that counts no refaults", [](Cgroup& c, auto) { c.read_again(kLimit); }, false},
    {"reads the same 40 MiB, slowly", [](Cgroup& c, auto) { c.read_again(2 * kMiB); }},
    {"reads new files, 4 MiB/s", [](Cgroup& c, auto) { c.read_new(40 * kMiB); }},
    {"reads new files, 0.1 MiB/s", [](Cgroup& c, auto) { c.read_new(kMiB); }},
    {"the same for half an hour, then new files",
     [](Cgroup& c, std::int64_t at_us) { at_us < kHour / 2 ? c.read_again(kLimit) : c.read_new(10 * kMiB); }},
    {"a third the same, the rest new",
     [](Cgroup& c, auto) {
       c.read_again(10 * kMiB);
       c.read_new(20 * kMiB);
     }},
};

class Kernel : public kernel::Controller {
 public:
  Kernel(const kernel::Hierarchy& hierarchy, Cgroup& cgroup, bool counts_refaults, std::int64_t& now_us)
      : Controller(hierarchy), cgroup_(cgroup), counts_refaults_(counts_refaults), now_us_(now_us) {}

  std::optional<kernel::Reading> read(kernel::Cgroup&, const kernel::ReadOptions&) override {
    kernel::Reading reading;
    reading.sample.gauges.set(core::Gauge::usage, cgroup_.cache_bytes);
    reading.sample.gauges.set(core::Gauge::file, cgroup_.cache_bytes);
    if (counts_refaults_) reading.sample.counters.set(core::Counter::refault_file, cgroup_.refaults);
    return reading;
  }
  std::optional<std::uint64_t> read_usage(kernel::Cgroup& /*unused*/) override { return std::nullopt; }
  core::Limits read_limits(kernel::Cgroup&, const kernel::Reading&, std::string&) override {
    return {.limit_bytes = kLimit, .effective_limit_bytes = kLimit, .high_bytes = {}};
  }
  core::ReclaimMethod method() const override { return core::ReclaimMethod::memory_reclaim; }
  const char* reclaim_file() const override { return "memory.reclaim"; }
  bool can_reclaim(const kernel::Cgroup&) const override { return true; }
  std::error_code reclaim(kernel::Cgroup&, std::uint64_t bytes) override {
    now_us_ += 10'000;
    cgroup_.drop(bytes);
    return {};
  }

 private:
  Cgroup& cgroup_;
  bool counts_refaults_;
  std::int64_t& now_us_;
};

struct Result {
  std::int64_t reclaims = 0;
  std::uint64_t read_again_bytes = 0;
  double kept_free_byte_us = 0;  // below the limit's worth of cache that there would be without reclaiming
};

Result simulate(const Workload& workload, const core::Learning& learning, const kernel::Hierarchy& hierarchy,
                std::uint64_t inode) {
  std::int64_t now_us = 1'000'000 * kSecond;
  const std::int64_t began_us = now_us;
  Cgroup cgroup{.cache_bytes = 40 * kMiB};
  daemon::RecordQueue queue;
  daemon::StatusBoard board;
  std::thread recorder([&] {
    for (auto batch = queue.take(); !batch.empty(); batch = queue.take()) queue.done(batch);
  });
  const auto clock = [&] { return now_us; };
  daemon::Reclaimer reclaimer({}, queue, board, {.wall = clock, .steady = clock, .boot = clock},
                              [&](const kernel::Hierarchy& where) {
                                return std::make_unique<Kernel>(where, cgroup, workload.counts_refaults, now_us);
                              });
  Result result;
  for (std::int64_t at_us = 0; at_us < kHour; at_us += kInterval) {
    now_us = began_us + at_us;
    core::Gauges gauges;
    gauges.set(core::Gauge::file, cgroup.cache_bytes);
    daemon::Candidates scan{.hierarchy = hierarchy, .seen_at_us = now_us, .learning = learning};
    core::MemorySample sample{.gauges = gauges, .counters = {}};
    if (workload.counts_refaults) sample.counters.set(core::Counter::refault_file, cgroup.refaults);
    scan.sightings.push_back(core::sighting_of(inode, sample));
    const core::Candidate candidate{
        .id = {"/web", inode}, .gauges = gauges, .effective_limit_bytes = kLimit, .settings = {}};
    if (core::over_threshold(gauges, kLimit, candidate.settings)) scan.cgroups.push_back(candidate);
    result.reclaims += static_cast<std::int64_t>(reclaimer.reclaim_due(scan, {}));
    result.kept_free_byte_us += static_cast<double>(kLimit - cgroup.cache_bytes) * static_cast<double>(kInterval);
    workload.live(cgroup, at_us);
  }
  result.read_again_bytes = cgroup.refaults * kPage;
  queue.close();
  recorder.join();
  return result;
}

void print(const Workload& workload, const Result& fixed, const Result& learned) {
  const double ratio =
      static_cast<double>(fixed.reclaims) / static_cast<double>(std::max<std::int64_t>(learned.reclaims, 1));
  const auto free_of = [](const Result& result) {
    return result.kept_free_byte_us / static_cast<double>(kHour) / kMiB;
  };
  std::printf("%-46s %8lld %8lld %7.1fx %11s %11s %8.1f %8.1f\n", workload.name, static_cast<long long>(fixed.reclaims),
              static_cast<long long>(learned.reclaims), ratio, base::format_bytes(fixed.read_again_bytes).c_str(),
              base::format_bytes(learned.read_again_bytes).c_str(), free_of(fixed), free_of(learned));
}

}  // namespace

int main() {
  spdlog::set_level(spdlog::level::err);
  const std::filesystem::path root =
      std::filesystem::temp_directory_path() / ("churning-hour-" + std::to_string(::getpid()));
  std::filesystem::create_directories(root / "web");
  struct stat web{};
  ::stat((root / "web").c_str(), &web);
  const kernel::Hierarchy hierarchy{.version = kernel::Version::v2, .parent = root, .root = root, .parent_path = {}};

  std::printf(
      "An hour, a scan every 10 s, cooldown 30 s; a container of 64 MiB.\n\n"
      "%-46s %26s %23s %17s\n%-46s %8s %8s %8s %11s %11s %8s %8s\n",
      "", "reclaims", "read again", "MiB free on avg.", "", "fixed", "learning", "", "fixed", "learning", "fixed",
      "learning");
  for (const Workload& workload : kWorkloads) {
    print(workload, simulate(workload, {.adaptive = false}, hierarchy, web.st_ino),
          simulate(workload, {}, hierarchy, web.st_ino));
  }
  std::filesystem::remove_all(root);
}
