// SPDX-License-Identifier: Apache-2.0
// What a scan costs beside what the kernel itself takes for it: 200, 1000 and 10 000 real cgroups, the kernel's floor, the sampler
// and the whole service in turns, so that their ratios are fair. `bench/run` builds and starts it. It never fails for what it
// measures.
//
// In every period of 10 s: caches cold; the service scans; caches cold; the floor, then the floor hot; caches cold; the sampler,
// then the sampler hot.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "benchmark.hpp"
#include "caches.hpp"
#include "containers.hpp"
#include "daemon/clock.hpp"
#include "daemon/sampler.hpp"
#include "figures.hpp"
#include "floor.hpp"
#include "kernel/hierarchy.hpp"
#include "process.hpp"
#include "recording.hpp"
#include "service.hpp"
#include "stop.hpp"
#include "work_directory.hpp"

namespace {

namespace fs = std::filesystem;
using namespace cgmm;
using namespace cgmm::bench;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kReadBeforeScan_us = 700'000;  // a period of the service ends so long before a scan
constexpr std::int64_t kIdleBeforeScan_us = 20'000;   // from cold caches to the scan
constexpr std::int64_t kPassesAfterScan_us = 3 * kSecond;
constexpr int kHotPasses = 2;
constexpr int kHotScans = 8;
constexpr double kRustScan_ms = 231;  // the Rust program's scan of 1000 containers, which stores nothing

/// Which numbers of containers, and how many periods of each.
struct Plan {
  int periods = 5;
  std::vector<std::size_t> sizes;
  bool is_whole = false;
};

Plan plan_of(const std::vector<std::string>& arguments) {
  Plan plan;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool is_periods = arguments[i] == "--periods" && i + 1 < arguments.size();
    const long number = std::atol(arguments[is_periods ? ++i : i].c_str());
    if (number <= 0) throw std::runtime_error("usage: bench/run [--periods N] [CONTAINERS...]");
    if (is_periods) plan.periods = static_cast<int>(number);
    else plan.sizes.push_back(static_cast<std::size_t>(number));
  }
  plan.is_whole = plan.sizes.empty();
  if (plan.is_whole) plan.sizes = {200, 1000, 10'000};
  return plan;
}

/// What was measured with one number of containers. Times in nanoseconds of CPU unless they say otherwise.
struct Cost {
  std::size_t containers = 0;
  Measured floor_cold, floor_hot, sampler_cold, sampler_hot, service_cold, service_hot;
  std::map<std::string, Measured> threads;  // of the service, cold
  Measured switches;
  std::int64_t start_us = 0, stop_us = 0;
  std::int64_t largest_rss_bytes = 0, rss_bytes = 0, pinned_bytes = 0;
  double held_file_bytes = 0;
  Recorded recorded;

  double us_each(const Measured& measured) const { return measured.median() / 1000 / static_cast<double>(containers); }
};

void say(std::size_t containers, const std::string& what) {
  std::fprintf(stderr, "%zu containers: %s\n", containers, what.c_str());
}

Worker::Pass prepare_sampler(const fs::path& parent) {
  const auto sampler =
      std::make_shared<daemon::Sampler>(kernel::open_hierarchy(parent), kernel::Watch::automatic, core::Policy{},
                                        std::unordered_map<core::CgroupId, std::uint64_t>{});
  const auto last = std::make_shared<std::optional<daemon::Sampler::Result>>();
  const auto scan = [sampler, last] { *last = sampler->scan(daemon::wall_now_us()); };
  scan();
  return scan;
}

/// What a service takes from one call to the next.
class Periods {
 public:
  explicit Periods(const Service& service) : service_(service) { end_into(nullptr); }

  void end(Cost& cost) { end_into(&cost); }
  double total_ns() const { return total_ns_; }

 private:
  void end_into(Cost* cost) {
    const auto now = cpu_ns_by_thread(service_.pid());
    const std::int64_t switches = context_switches(service_.pid());
    total_ns_ = 0;
    for (const auto& [name, ns] : now) {
      const auto taken = static_cast<double>(ns - cpu_ns_[name]);
      total_ns_ += taken;
      if (cost != nullptr) cost->threads[name].add(taken);
    }
    if (cost != nullptr) {
      cost->service_cold.add(total_ns_);
      cost->switches.add(static_cast<double>(switches - switches_));
    }
    cpu_ns_ = now;
    switches_ = switches;
  }

  const Service& service_;
  std::map<std::string, std::int64_t> cpu_ns_;
  std::int64_t switches_ = 0;
  double total_ns_ = 0;
};

template <class Pass>
void cold_then_hot(Caches& caches, Pass pass, Measured& cold, Measured& hot) {
  caches.thrash();
  cold.add(static_cast<double>(pass()));
  for (int i = 0; i < kHotPasses; ++i) hot.add(static_cast<double>(pass()));
}

/// Floor, sampler and service in turns.
void measure_cold(const Playground& playground, const Containers& containers, const Service& service, Caches& caches, int periods,
                  Cost& cost) {
  Floor floor(playground.beside("floor"), containers.paths());
  Worker sampler(playground.beside("sampler"), [&] { return prepare_sampler(playground.kubepods()); });
  cost.held_file_bytes = static_cast<double>(pinned_kernel_bytes(playground.beside("floor"))) / static_cast<double>(floor.held_files());

  std::int64_t scan_at_us = service.next_scan_at_us(daemon::steady_now_us() + 2 * kReadBeforeScan_us);
  wait_until(scan_at_us - kReadBeforeScan_us);
  Periods service_periods(service);
  for (int period = 1; period <= periods; ++period) {
    say(cost.containers, "period " + std::to_string(period) + " of " + std::to_string(periods));
    wait_until(scan_at_us - caches.thrash_us() - kIdleBeforeScan_us);
    caches.thrash();
    wait_until(scan_at_us + kPassesAfterScan_us);
    cold_then_hot(caches, [&] { return floor.pass(); }, cost.floor_cold, cost.floor_hot);
    cold_then_hot(caches, [&] { return sampler.pass(); }, cost.sampler_cold, cost.sampler_hot);
    scan_at_us = service.next_scan_at_us(scan_at_us + kReadBeforeScan_us);
    if (daemon::steady_now_us() > scan_at_us - kReadBeforeScan_us) throw std::runtime_error("10 s are too short for so many");
    wait_until(scan_at_us - kReadBeforeScan_us);
    service_periods.end(cost);
  }
}

void measure_hot(const Service& service, Cost& cost) {
  const auto before_scan = [&] { wait_until(service.next_scan_at_us(daemon::steady_now_us() + kSecond / 3) - kSecond / 3); };
  before_scan();
  Periods periods(service);
  Cost unused;
  for (int i = 0; i < kHotScans; ++i) {
    before_scan();
    periods.end(unused);
    cost.service_hot.add(periods.total_ns());
  }
}

Cost measure(const Playground& playground, const fs::path& directory, const fs::path& program, int periods, std::size_t count,
             Caches& caches) {
  Cost cost{.containers = count};
  say(count, "making them");
  const Containers containers(playground.kubepods(), count, directory);
  Service::Options service_options{.program = program,
                                   .parent = playground.kubepods(),
                                   .cgroup = playground.beside("service"),
                                   .directory = directory / ("cold-" + std::to_string(count))};
  {
    Service service(service_options);  // before the others: what it is the first to look up is charged to it
    cost.start_us = service.start_us();
    measure_cold(playground, containers, service, caches, periods, cost);
    cost.largest_rss_bytes = status_bytes(service.pid(), "VmHWM");
    cost.rss_bytes = status_bytes(service.pid(), "VmRSS");
    cost.pinned_bytes = pinned_kernel_bytes(service_options.cgroup);
    cost.stop_us = service.stop();
  }
  say(count, "a scan a second");
  service_options.directory = directory / ("hot-" + std::to_string(count));
  service_options.interval_us = kSecond;
  {
    Service service(service_options);
    measure_hot(service, cost);
    service.stop();
  }
  say(count, "recording");
  const fs::path recording = directory / ("recording-" + std::to_string(count));
  fs::create_directories(recording);
  const std::int64_t scans = count <= 200 ? 300 : count <= 1000 ? 150 : 20;
  cost.recorded = in_child<Recorded>({}, [&] { return record_scans(playground.kubepods(), recording, scans); });
  return cost;
}

std::string cost_table(const std::vector<Cost>& costs) {
  std::vector<std::string> head = {"median (least-most)"};
  for (const Cost& cost : costs) head.push_back(std::to_string(cost.containers) + " containers");
  Table table(head);
  const auto row = [&](const std::string& name, auto cell) {
    std::vector<std::string> cells = {name};
    for (const Cost& cost : costs) cells.push_back(cell(cost));
    table.row(cells);
  };
  const auto spread_ms = [&](const std::string& name, Measured Cost::*what) {
    row(name, [&](const Cost& cost) { return spread(cost.*what, 1e6); });
  };
  const auto ratio = [&](const std::string& name, Measured Cost::*a, Measured Cost::*b) {
    row(name, [&](const Cost& cost) { return fixed((cost.*a).median() / (cost.*b).median(), 2); });
  };
  const auto each_us = [&](const std::string& name, Measured Cost::*what) {
    row(name, [&](const Cost& cost) { return fixed(cost.us_each(cost.*what)); });
  };
  spread_ms("cold: (a) the kernel's floor, ms of CPU a scan", &Cost::floor_cold);
  spread_ms("cold: (b) the sampler, ms", &Cost::sampler_cold);
  spread_ms("cold: (c) the service, ms in 10 s", &Cost::service_cold);
  for (const char* const name : {"sampler", "recorder"}) {
    row("cold: of (c), the thread '" + std::string(name) + "', ms", [&](const Cost& cost) {
      const auto found = cost.threads.find(name);
      return found == cost.threads.end() ? "" : spread(found->second, 1e6);
    });
  }
  row("cold: (c), mean, ms", [](const Cost& cost) { return fixed(cost.service_cold.mean() / 1e6); });
  ratio("cold: (b)/(a)", &Cost::sampler_cold, &Cost::floor_cold);
  ratio("cold: (c)/(a)", &Cost::service_cold, &Cost::floor_cold);
  each_us("cold: (a) a container, us", &Cost::floor_cold);
  each_us("cold: (b) a container, us", &Cost::sampler_cold);
  each_us("cold: (c) a container, us", &Cost::service_cold);
  spread_ms("hot: (a), ms", &Cost::floor_hot);
  spread_ms("hot: (b), ms", &Cost::sampler_hot);
  spread_ms("hot: (c) in 1 s, ms", &Cost::service_hot);
  ratio("hot: (b)/(a)", &Cost::sampler_hot, &Cost::floor_hot);
  ratio("hot: (c)/(a)", &Cost::service_hot, &Cost::floor_hot);
  row("RSS at its largest, MB", [](const Cost& cost) { return fixed(static_cast<double>(cost.largest_rss_bytes) / 1e6); });
  row("RSS at the end, MB", [](const Cost& cost) { return fixed(static_cast<double>(cost.rss_bytes) / 1e6); });
  row("kernel memory pinned, MB", [](const Cost& cost) { return fixed(static_cast<double>(cost.pinned_bytes) / 1e6); });
  row("for comparison: a file that the floor holds, KB", [](const Cost& cost) { return fixed(cost.held_file_bytes / 1e3, 2); });
  row("context switches in 10 s", [](const Cost& cost) { return spread(cost.switches, 1, 0); });
  row("from exec to the first scan on record, ms", [](const Cost& cost) { return fixed(static_cast<double>(cost.start_us) / 1e3, 0); });
  row("from SIGTERM to the exit, ms", [](const Cost& cost) { return fixed(static_cast<double>(cost.stop_us) / 1e3, 0); });
  const auto recorded = [&](const std::string& name, int digits, auto figure) {
    row(name, [&](const Cost& cost) { return fixed(figure(cost.recorded), digits); });
  };
  recorded("recording: WAL a scan, KiB", 1,
           [](const Recorded& one) { return static_cast<double>(one.log_bytes) / 1024 / static_cast<double>(one.scan_count); });
  recorded("recording: checkpoints and tidying a scan, KiB", 1,
           [](const Recorded& one) { return static_cast<double>(one.checkpoint_bytes) / 1024 / static_cast<double>(one.scan_count); });
  recorded("recording: a sample on disk, bytes", 1,
           [](const Recorded& one) { return static_cast<double>(one.file_bytes) / static_cast<double>(one.sample_count); });
  recorded("recording: commits, us of CPU a sample", 2,
           [](const Recorded& one) { return static_cast<double>(one.commit_cpu_us) / static_cast<double>(one.sample_count); });
  recorded("recording: checkpoints and tidying, us of CPU a sample", 2,
           [](const Recorded& one) { return static_cast<double>(one.tidy_cpu_us) / static_cast<double>(one.sample_count); });
  recorded("recording: slowest commit, ms", 1, [](const Recorded& one) { return static_cast<double>(one.slowest_commit_us) / 1e3; });
  recorded("recording: slowest commit, ms of CPU", 1,
           [](const Recorded& one) { return static_cast<double>(one.slowest_commit_cpu_us) / 1e3; });
  recorded("recording: slowest tidying, ms", 1, [](const Recorded& one) { return static_cast<double>(one.slowest_tidy_us) / 1e3; });
  return table.text();
}

std::vector<Bound> bounds_of(const std::vector<Cost>& costs) {
  std::vector<Bound> bounds;
  const Cost* smallest = nullptr;
  for (const Cost& cost : costs) {
    const std::string at = " at " + std::to_string(cost.containers);
    const bool is_large = cost.containers >= 10'000;
    bounds.push_back({"(c)/(a) cold" + at, is_large ? 2.0 : 1.5, cost.service_cold.median() / cost.floor_cold.median(), 2});
    bounds.push_back({"(c) cold a container" + at + ", us", 25, cost.us_each(cost.service_cold)});
    if (cost.containers == 200) {
      smallest = &cost;
      const Recorded& recorded = cost.recorded;
      bounds.push_back({"WAL and checkpoints a scan" + at + ", KiB", 50,
                        static_cast<double>(recorded.log_bytes + recorded.checkpoint_bytes) / 1024 / static_cast<double>(recorded.scan_count)});
    }
    bounds.push_back({"a sample on disk" + at + ", bytes", 65,
                      static_cast<double>(cost.recorded.file_bytes) / static_cast<double>(cost.recorded.sample_count)});
    if (cost.containers == 1000) {
      bounds.push_back({"(c) cold a scan" + at + ", ms: 1/9 of the Rust program's", kRustScan_ms / 9, cost.service_cold.median() / 1e6});
    }
    if (cost.containers == 1000 || is_large) {
      bounds.push_back({"RSS at its largest" + at + ", MB", is_large ? 15.0 : 10.0, static_cast<double>(cost.largest_rss_bytes) / 1e6});
      bounds.push_back({"kernel memory pinned" + at + ", MB", is_large ? 25.0 : 10.0, static_cast<double>(cost.pinned_bytes) / 1e6});
    }
    if (is_large) {
      bounds.push_back({"exec to the first scan on record" + at + ", ms", 1000, static_cast<double>(cost.start_us) / 1e3, 0});
      bounds.push_back({"SIGTERM to the exit" + at + ", ms", 2000, static_cast<double>(cost.stop_us) / 1e3, 0});
      if (smallest != nullptr) {
        bounds.push_back({"(c) cold a container" + at + " over that at 200", 1.5,
                          cost.us_each(cost.service_cold) / smallest->us_each(smallest->service_cold), 2});
      }
    }
  }
  return bounds;
}

void run(const Options& options) {
  const Plan plan = plan_of(options.arguments);
  const std::string where_and_when = provenance(options.commit);
  const Playground playground;
  const WorkDirectory directory;
  Caches caches;
  std::vector<Cost> costs;
  for (const std::size_t count : plan.sizes) {
    costs.push_back(measure(playground, directory.path(), options.program, plan.periods, count, caches));
  }
  publish(plan.is_whole ? options.results : "",  // a part is no result
          "A scan", where_and_when + ".\n\n" + cost_table(costs) + "\n" + table_of(bounds_of(costs)));
}

}  // namespace

int main(int argc, char** argv) { return run_benchmark(argc, argv, run); }
