// SPDX-License-Identifier: Apache-2.0
#include "cost.hpp"

namespace cgmm::bench {
namespace {

double mb(std::int64_t bytes) { return static_cast<double>(bytes) / 1e6; }
double ms(std::int64_t us) { return static_cast<double>(us) / 1e3; }
double ratio(const Measured& over, const Measured& under) { return over.median() / under.median(); }
double each_us(const Cost& cost, const Measured& measured) {
  return measured.median() / 1e3 / static_cast<double>(cost.cgroups);
}

double a_scan_kib(const Recorded& recorded, std::int64_t bytes) {
  return static_cast<double>(bytes) / 1024 / static_cast<double>(recorded.scan_count);
}
double a_sample(const Recorded& recorded, std::int64_t total) {
  return static_cast<double>(total) / static_cast<double>(recorded.sample_count);
}

}  // namespace

std::string table_of(const std::vector<Cost>& costs) {
  std::vector<std::string> head = {"median (least-most)"};
  for (const Cost& cost : costs)
    head.push_back(std::to_string(cost.containers) + (cost.load == Load::busy ? " busy" : " idle"));
  Table table(head);
  const auto row = [&](const char* name, auto cell) {
    std::vector<std::string> cells = {name};
    for (const Cost& cost : costs) cells.push_back(cell(cost));
    table.row(cells);
  };
  const auto spread_row = [&](const char* name, Measured Cost::* what) {
    row(name, [&](const Cost& cost) { return (cost.*what).empty() ? "" : spread(cost.*what, 1e6); });
  };
  const auto number_row = [&](const char* name, int digits, auto number) {
    row(name, [&](const Cost& cost) { return fixed(number(cost), digits); });
  };
  const auto hot_row = [&](const char* name, Measured Cost::* what) {
    row(name,
        [&](const Cost& cost) { return (cost.*what).empty() ? "" : fixed(ratio(cost.*what, cost.floor_hot), 2); });
  };
  const auto thread_row = [&](const char* name, const char* thread) {
    row(name, [&](const Cost& cost) {
      const auto found = cost.threads.find(thread);
      return found == cost.threads.end() ? "" : spread(found->second, 1e6);
    });
  };

  spread_row("cold: (a) the kernel's floor, ms of CPU a scan", &Cost::floor_cold);
  spread_row("cold: (b) the sampler, ms a scan", &Cost::sampler_cold);
  spread_row("cold: (c) the service, ms in 10 s", &Cost::service_cold);
  number_row("cold: (c), mean, ms", 1, [](const Cost& cost) { return cost.service_cold.mean() / 1e6; });
  thread_row("cold: of (c), its sampler, ms", "sampler");
  thread_row("cold: of (c), its recorder, ms", "recorder");
  number_row("cold: (b)/(a)", 2, [](const Cost& cost) { return ratio(cost.sampler_cold, cost.floor_cold); });
  number_row("cold: (c)/(a)", 2, [](const Cost& cost) { return ratio(cost.service_cold, cost.floor_cold); });
  number_row("cold: (c), share of one core, %", 3,
             [](const Cost& cost) { return cost.service_cold.median() / 1e9 / 10 * 100; });
  number_row("cold: (a) a cgroup, us", 1, [](const Cost& cost) { return each_us(cost, cost.floor_cold); });
  number_row("cold: (b) a cgroup, us", 1, [](const Cost& cost) { return each_us(cost, cost.sampler_cold); });
  number_row("cold: (c) a cgroup, us", 1, [](const Cost& cost) { return each_us(cost, cost.service_cold); });
  spread_row("hot: (a), ms", &Cost::floor_hot);
  spread_row("hot: (b), ms", &Cost::sampler_hot);
  spread_row("hot: (c), ms in 1 s", &Cost::service_hot);
  hot_row("hot: (b)/(a)", &Cost::sampler_hot);
  hot_row("hot: (c)/(a)", &Cost::service_hot);
  number_row("RSS at its largest, in the first scan, MB", 1,
             [](const Cost& cost) { return mb(cost.largest_rss_bytes); });
  number_row("RSS after that, MB", 1, [](const Cost& cost) { return mb(cost.rss_bytes); });
  number_row("of it, what is not clean pages of files, MB", 1,
             [](const Cost& cost) { return mb(cost.anonymous_bytes); });
  number_row("kernel memory pinned, MB", 1, [](const Cost& cost) { return mb(cost.pinned_bytes); });
  number_row("the same of a file that the floor holds, KB", 2,
             [](const Cost& cost) { return cost.held_file_bytes / 1e3; });
  row("context switches in 10 s", [](const Cost& cost) { return spread(cost.switches, 1, 0); });
  number_row("from exec to the first scan on record, ms", 0, [](const Cost& cost) { return ms(cost.start_us); });
  number_row("from SIGTERM to the exit, ms", 0, [](const Cost& cost) { return ms(cost.stop_us); });
  const auto recorded_row = [&](const char* name, int digits, auto number) {
    row(name,
        [&](const Cost& cost) { return cost.recorded.scan_count == 0 ? "" : fixed(number(cost.recorded), digits); });
  };
  recorded_row("recording: WAL a scan, KiB", 1, [](const Recorded& one) { return a_scan_kib(one, one.log_bytes); });
  recorded_row("recording: checkpoints, maintenance a scan, KiB", 1,
               [](const Recorded& one) { return a_scan_kib(one, one.checkpoint_bytes); });
  recorded_row("recording: a sample on disk, bytes", 1,
               [](const Recorded& one) { return a_sample(one, one.file_bytes); });
  recorded_row("recording: commits, us of CPU a sample", 2,
               [](const Recorded& one) { return a_sample(one, one.commit_cpu_us); });
  recorded_row("recording: checkpoints, maintenance, us of CPU a sample", 2,
               [](const Recorded& one) { return a_sample(one, one.maintenance_cpu_us); });
  recorded_row("recording: slowest commit, ms", 1, [](const Recorded& one) { return ms(one.slowest_commit_us); });
  recorded_row("recording: slowest commit, ms of CPU", 1,
               [](const Recorded& one) { return ms(one.slowest_commit_cpu_us); });
  recorded_row("recording: slowest checkpoint, maintenance, ms", 1,
               [](const Recorded& one) { return ms(one.slowest_maintenance_us); });
  return table.text();
}

std::vector<Bound> bounds_of(const std::vector<Cost>& costs) {
  std::vector<Bound> bounds;
  const Cost* smallest = nullptr;
  for (const Cost& cost : costs) {
    const std::string at = " at " + std::to_string(cost.containers);
    const double over_floor = ratio(cost.service_cold, cost.floor_cold);
    if (cost.load == Load::idle) {
      bounds.push_back({"idle: (c)/(a) cold" + at, 1.2, over_floor, 2});
      continue;
    }
    const Recorded& recorded = cost.recorded;
    bounds.push_back({"busy: (c)/(a) cold" + at, cost.containers >= 1000 ? 1.5 : 1.6, over_floor, 2});
    bounds.push_back({"busy: a sample on disk" + at + ", bytes", 75, a_sample(recorded, recorded.file_bytes)});
    if (cost.containers == 110) smallest = &cost;
    if (cost.containers == 250)
      bounds.push_back({"busy: share of one core" + at + ", %", 0.15, cost.service_cold.median() / 1e9 / 10 * 100, 3});
    if (cost.containers >= 1000) {
      const bool is_large = cost.containers >= 10'000;
      bounds.push_back(
          {"busy: RSS in the first scan" + at + ", MB", is_large ? 16.0 : 10.0, mb(cost.largest_rss_bytes)});
      bounds.push_back({"busy: from exec to the first scan on record" + at + ", ms", 2000, ms(cost.start_us), 0});
      bounds.push_back({"busy: from SIGTERM to the exit" + at + ", ms", 2000, ms(cost.stop_us), 0});
    }
    if (cost.containers >= 10'000 && smallest != nullptr) {
      bounds.push_back({"busy: (c) cold a cgroup" + at + " over that at 110", 1.3,
                        each_us(cost, cost.service_cold) / each_us(*smallest, smallest->service_cold), 2});
    }
  }
  return bounds;
}

}  // namespace cgmm::bench
