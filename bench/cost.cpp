// SPDX-License-Identifier: Apache-2.0
#include "cost.hpp"

namespace cgmm::bench {
namespace {

constexpr double kRustScan_ms = 231;  // the Rust program's scan of 1000 containers; it stores nothing

double mb(std::int64_t bytes) { return static_cast<double>(bytes) / 1e6; }
double ms(std::int64_t us) { return static_cast<double>(us) / 1e3; }
double ms(const Measured& measured) { return measured.median() / 1e6; }
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
  for (const Cost& cost : costs) head.push_back(std::to_string(cost.containers) + " containers");
  Table table(head);
  const auto row = [&](const char* name, auto cell) {
    std::vector<std::string> cells = {name};
    for (const Cost& cost : costs) cells.push_back(cell(cost));
    table.row(cells);
  };
  const auto spread_row = [&](const char* name, Measured Cost::* what) {
    row(name, [&](const Cost& cost) { return spread(cost.*what, 1e6); });
  };
  const auto number_row = [&](const char* name, int digits, auto number) {
    row(name, [&](const Cost& cost) { return fixed(number(cost), digits); });
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
  number_row("cold: (a) a cgroup, us", 1, [](const Cost& cost) { return each_us(cost, cost.floor_cold); });
  number_row("cold: (b) a cgroup, us", 1, [](const Cost& cost) { return each_us(cost, cost.sampler_cold); });
  number_row("cold: (c) a cgroup, us", 1, [](const Cost& cost) { return each_us(cost, cost.service_cold); });
  spread_row("hot: (a), ms", &Cost::floor_hot);
  spread_row("hot: (b), ms", &Cost::sampler_hot);
  spread_row("hot: (c), ms in 1 s", &Cost::service_hot);
  number_row("hot: (b)/(a)", 2, [](const Cost& cost) { return ratio(cost.sampler_hot, cost.floor_hot); });
  number_row("hot: (c)/(a)", 2, [](const Cost& cost) { return ratio(cost.service_hot, cost.floor_hot); });
  spread_row("near-limit sampling of all when memory moves, ms", &Cost::near_limit);
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
    number_row(name, digits, [&](const Cost& cost) { return number(cost.recorded); });
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
    const Recorded& recorded = cost.recorded;
    const bool is_large = cost.containers >= 10'000;
    bounds.push_back({"(c)/(a) cold" + at, is_large ? 2.0 : 1.5, ratio(cost.service_cold, cost.floor_cold), 2});
    bounds.push_back({"(c) cold a cgroup" + at + ", us", 25, each_us(cost, cost.service_cold)});
    bounds.push_back({"a sample on disk" + at + ", bytes", 75, a_sample(recorded, recorded.file_bytes)});
    if (cost.containers == 200) {
      smallest = &cost;
      bounds.push_back({"WAL and checkpoints a scan" + at + ", KiB", 50,
                        a_scan_kib(recorded, recorded.log_bytes + recorded.checkpoint_bytes)});
    }
    if (cost.containers == 1000) {
      bounds.push_back(
          {"(c) cold a scan" + at + ", ms: a ninth of the Rust program's", kRustScan_ms / 9, ms(cost.service_cold)});
    }
    if (cost.containers == 1000 || is_large) {
      bounds.push_back({"RSS" + at + ", MB", is_large ? 16.0 : 11.0, mb(cost.rss_bytes)});
      bounds.push_back({"kernel memory pinned" + at + ", MB", is_large ? 25.0 : 20.0, mb(cost.pinned_bytes)});
    }
    if (!is_large) continue;
    bounds.push_back({"from exec to the first scan on record" + at + ", ms", 2000, ms(cost.start_us), 0});
    bounds.push_back({"from SIGTERM to the exit" + at + ", ms", 2000, ms(cost.stop_us), 0});
    if (smallest == nullptr) continue;
    bounds.push_back({"(c) cold a cgroup" + at + " over that at 200", 1.5,
                      each_us(cost, cost.service_cold) / each_us(*smallest, smallest->service_cold), 2});
  }
  return bounds;
}

}  // namespace cgmm::bench
