// SPDX-License-Identifier: Apache-2.0
// What a scan costs beside what the kernel itself takes for it: 110, 250, 1000 and 10 000 real containers, all with a
// limit, busy and then idle; the kernel's floor, the sampler and the whole service in turns, so that their ratios are
// fair. `bench/run` builds and starts it. It never fails for what it measures.
//
// In every period of 10 s: caches cold; the service scans; caches cold; the floor, then the floor hot; caches cold; the
// sampler, then the sampler hot.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmark.hpp"
#include "caches.hpp"
#include "containers.hpp"
#include "cost.hpp"
#include "daemon/clock.hpp"
#include "daemon/sampling/sampler.hpp"
#include "figures.hpp"
#include "floor.hpp"
#include "kernel/hierarchy.hpp"
#include "peers.hpp"
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
constexpr int kIdlePeriods = 3;  // they are beside the busy ones only
constexpr char kScan = 's';
constexpr std::size_t kWithPeers = 1000;

/// Which numbers of containers, and how many periods of each.
struct Plan {
  int periods = 5;
  std::vector<std::size_t> sizes;
  fs::path peers;  // where they are unpacked; empty: none is measured
};

Plan plan_of(const std::vector<std::string>& arguments) {
  Plan plan;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--peers" && i + 1 < arguments.size()) {
      plan.peers = arguments[++i];
      continue;
    }
    const bool is_periods = arguments[i] == "--periods" && i + 1 < arguments.size();
    const long number = std::atol(arguments[is_periods ? ++i : i].c_str());
    if (number <= 0) throw std::runtime_error("usage: bench/run [--periods N] [CONTAINERS...]");
    if (is_periods) plan.periods = static_cast<int>(number);
    else plan.sizes.push_back(static_cast<std::size_t>(number));
  }
  if (plan.sizes.empty()) plan.sizes = {110, 250, 1000, 10'000};
  return plan;
}

void say(std::size_t containers, const std::string& what) {
  std::fprintf(stderr, "%zu containers: %s\n", containers, what.c_str());
}

Worker::Pass prepare_sampler(const fs::path& parent) {
  const auto sampler = std::make_shared<daemon::Sampler>(kernel::open_hierarchy(parent), core::Policy{});
  const auto act = [sampler](char) { sampler->scan(daemon::wall_now_us()); };
  act(kScan);  // which opens them all
  return act;
}

/// What a service takes from one call of end() to the next.
class Period {
 public:
  explicit Period(const Service& service) : service_(service) { end(); }

  void end() {
    const auto cpu_ns = cpu_ns_by_thread(service_.pid());
    const std::int64_t switches = context_switches(service_.pid());
    total_ns = 0;
    for (const auto& [name, ns] : cpu_ns) {
      by_thread_ns[name] = static_cast<double>(ns - cpu_ns_[name]);
      total_ns += by_thread_ns[name];
    }
    switch_count = static_cast<double>(switches - switches_);
    cpu_ns_ = cpu_ns;
    switches_ = switches;
  }

  std::map<std::string, double> by_thread_ns;
  double total_ns = 0;
  double switch_count = 0;

 private:
  const Service& service_;
  std::map<std::string, std::int64_t> cpu_ns_;
  std::int64_t switches_ = 0;
};

template <class Pass>
void cold_then_hot(Caches& caches, Pass pass, Measured& cold, Measured& hot) {
  caches.thrash();
  wait_for(kIdleBeforeScan_us);
  cold.add(static_cast<double>(pass()));
  for (int i = 0; i < kHotPasses; ++i) hot.add(static_cast<double>(pass()));
}

/// Floor, sampler and service in turns.
void measure_cold(const Playground& playground, const Containers& containers, const Service& service, Caches& caches,
                  int periods, Cost& cost) {
  Floor floor(playground.beside("floor"), playground.version(), containers);
  Worker sampler(playground.beside("sampler"), [&] { return prepare_sampler(playground.node()); });
  const auto floor_bytes = static_cast<double>(pinned_kernel_bytes(playground.beside("floor")));
  cost.held_file_bytes = floor_bytes / static_cast<double>(floor.held_files());

  std::int64_t scan_at_us = service.next_scan_at_us(daemon::steady_now_us() + 2 * kReadBeforeScan_us);
  wait_until(scan_at_us - kReadBeforeScan_us);
  Period period(service);
  for (int i = 1; i <= periods; ++i) {
    say(cost.containers, "period " + std::to_string(i) + " of " + std::to_string(periods));
    wait_until(scan_at_us - caches.thrash_us() - kIdleBeforeScan_us);
    caches.thrash();
    wait_until(scan_at_us + kPassesAfterScan_us);
    cold_then_hot(caches, [&] { return floor.pass(); }, cost.floor_cold, cost.floor_hot);
    cold_then_hot(caches, [&] { return sampler.pass(kScan); }, cost.sampler_cold, cost.sampler_hot);
    scan_at_us = service.next_scan_at_us(scan_at_us + kReadBeforeScan_us);
    if (daemon::steady_now_us() > scan_at_us - kReadBeforeScan_us)
      throw std::runtime_error("10 s are too short for so many");
    wait_until(scan_at_us - kReadBeforeScan_us);
    period.end();
    cost.service_cold.add(period.total_ns);
    cost.switches.add(period.switch_count);
    for (const auto& [name, ns] : period.by_thread_ns) cost.threads[name].add(ns);
  }
}

void measure_hot(const Service& service, Cost& cost) {
  const auto before_scan = [&] {
    wait_until(service.next_scan_at_us(daemon::steady_now_us() + kSecond / 3) - kSecond / 3);
  };
  before_scan();
  Period period(service);
  for (int i = 0; i < kHotScans; ++i) {
    before_scan();
    period.end();
    cost.service_hot.add(period.total_ns);
  }
}

Cost measure(const Playground& playground, const fs::path& directory, const fs::path& program, const Plan& plan,
             std::size_t count, Load load, Caches& caches) {
  const int periods = load == Load::busy ? plan.periods : std::min(plan.periods, kIdlePeriods);
  Cost cost{.containers = count, .load = load};
  say(count, load == Load::busy ? "making busy ones" : "making idle ones");
  const fs::path files = directory / (std::to_string(count) + (load == Load::busy ? "-busy" : "-idle"));
  fs::create_directories(files);
  const Containers containers(playground, count, load, files);
  cost.cgroups = containers.recorded_paths().size();
  Service::Options service_options{.program = program,
                                   .parent = playground.node(),
                                   .cgroup = playground.beside("service"),
                                   .directory = files / "cold"};
  {
    Service service(service_options);  // before the others: what it is the first to look up is charged to it
    cost.start_us = service.start_us();
    measure_cold(playground, containers, service, caches, periods, cost);
    cost.largest_rss_bytes = status_bytes(service.pid(), "VmHWM");
    cost.rss_bytes = status_bytes(service.pid(), "VmRSS");
    cost.anonymous_bytes = status_bytes(service.pid(), "RssAnon");
    cost.pinned_bytes = pinned_kernel_bytes(service_options.cgroup);
    cost.stop_us = service.stop();
  }
  if (load == Load::idle) return cost;
  if (count == kWithPeers && !plan.peers.empty()) cost.peers = measure_peers(plan.peers, playground, files / "peers");
  say(count, "a scan a second");
  service_options.directory = files / "hot";
  service_options.interval_us = kSecond;
  {
    Service service(service_options);
    measure_hot(service, cost);
    service.stop();
  }
  say(count, "recording");
  const fs::path recording = files / "recording";
  fs::create_directories(recording);
  const std::int64_t scans = count <= 250 ? 300 : count <= 1000 ? 150 : 20;
  cost.recorded = in_child<Recorded>({}, [&] { return record_scans(playground.node(), recording, scans); });
  return cost;
}

void run(const Options& options) {
  const Plan plan = plan_of(options.arguments);
  const std::string where_and_when = provenance(options.commit);
  const Playground playground;
  const WorkDirectory directory;
  Caches caches;
  std::vector<Cost> costs;
  for (const std::size_t count : plan.sizes) {
    for (const Load load : {Load::busy, Load::idle}) {
      costs.push_back(measure(playground, directory.path(), options.program, plan, count, load, caches));
    }
  }
  const std::string title = playground.version() == kernel::Version::v1 ? "A scan" : "A scan, cgroup v2";
  publish(options.results, title, where_and_when + ".\n\n" + table_of(costs) + "\n" + table_of(bounds_of(costs)));
  for (const Cost& cost : costs) {
    if (cost.peers.empty()) continue;
    const PeerCost own{.name = "the service", .cpu_ns = cost.service_cold, .rss_bytes = cost.rss_bytes};
    publish(options.results, "Beside other programs",
            where_and_when + ".\n" + table_of(cost.peers, own, cost.containers));
  }
}

}  // namespace

int main(int argc, char** argv) { return run_benchmark(argc, argv, run); }
