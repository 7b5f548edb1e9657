// SPDX-License-Identifier: Apache-2.0
// Whether scans keep their schedule while containers come and go, and whether anything is left of those that went: a
// service that scans every second; 10 000 containers made at once, and removed at once; then a hundred a second made
// and removed, for a minute. `bench/run churn` builds and starts it.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>

#include "benchmark.hpp"
#include "containers.hpp"
#include "daemon/clock.hpp"
#include "figures.hpp"
#include "process.hpp"
#include "service.hpp"
#include "stop.hpp"
#include "work_directory.hpp"

namespace {

namespace fs = std::filesystem;
using namespace cgmm;
using namespace cgmm::bench;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::size_t kAtOnce = 10'000;
constexpr std::size_t kASecond = 100;
constexpr std::size_t kSeconds = 60;
constexpr std::size_t kLifeSeconds = 2;
constexpr std::int64_t kCalm_us = 10 * kSecond;

/// What the service holds, when it has been left alone for a while.
struct Held {
  std::int64_t descriptors, anon_bytes, kernel_bytes;
};

Held held_by(const Service& service, const fs::path& cgroup) {
  wait_for(kCalm_us);
  return {descriptor_count(service.pid()), status_bytes(service.pid(), "RssAnon"), pinned_kernel_bytes(cgroup)};
}

void all_at_once(const fs::path& kubepods, void (*act)(const fs::path&, std::size_t)) {
  for (std::size_t i = 0; i < kAtOnce; ++i) {
    check_stop();
    act(kubepods, i);
  }
}

void come_and_go(const fs::path& kubepods) {
  const std::int64_t began_us = daemon::steady_now_us();
  constexpr std::size_t kLife = kLifeSeconds * kASecond;
  for (std::size_t i = 0; i < kSeconds * kASecond + kLife; ++i) {
    if (i < kSeconds * kASecond) make_container(kubepods, kAtOnce + i);
    if (i >= kLife) remove_container(kubepods, kAtOnce + i - kLife);
    wait_until(began_us + static_cast<std::int64_t>(i) * kSecond / static_cast<std::int64_t>(kASecond));
  }
}

/// Removes what an exception has left.
struct Removal {
  fs::path kubepods;
  ~Removal() {
    for (std::size_t i = 0; i < kAtOnce + kSeconds * kASecond; ++i) remove_container(kubepods, i);
  }
};

std::string mb(std::int64_t bytes) { return fixed(static_cast<double>(bytes) / 1e6, 2); }

void run(const Options& options) {
  const std::string where_and_when = provenance(options.commit);
  const Playground playground;
  const Removal removal{playground.kubepods()};
  const WorkDirectory directory;
  const fs::path cgroup = playground.beside("service");
  Service service({.program = options.program,
                   .parent = playground.kubepods(),
                   .cgroup = cgroup,
                   .directory = directory.path() / "service",
                   .interval_us = kSecond});

  Table table({"", "descriptors", "anonymous memory, MB", "kernel memory pinned, MB"});
  const auto note = [&](const char* when) {
    const Held held = held_by(service, cgroup);
    table.row({when, std::to_string(held.descriptors), mb(held.anon_bytes), mb(held.kernel_bytes)});
    return held;
  };
  const Held before = note("before");
  std::fprintf(stderr, "making %zu containers\n", kAtOnce);
  all_at_once(playground.kubepods(), make_container);
  note("with 10000 containers");
  std::fprintf(stderr, "removing them\n");
  all_at_once(playground.kubepods(), remove_container);
  const Held between = note("when they were gone");
  std::fprintf(stderr, "a hundred a second come and go, for a minute\n");
  come_and_go(playground.kubepods());
  const Held after = note("when another 6000 had come and gone");

  const auto ask = [&](const char* sql) { return static_cast<double>(service.ask(sql)); };
  const double scans = ask("SELECT count(*) FROM scan WHERE is_partial IS NOT 1");
  const double latest_ms = ask("SELECT max(late_us) FROM scan WHERE is_partial IS NOT 1") / 1e3;
  const double missed = ask("SELECT sum(late_us / interval_us) FROM scan WHERE is_partial IS NOT 1");
  const double longest_ms = ask("SELECT max(duration_us) FROM scan") / 1e3;
  const double gaps = ask("SELECT count(*) FROM service_event WHERE kind = 'gap'");
  const double seen = ask("SELECT count(*) FROM cgroup WHERE container_id IS NOT NULL");
  const double not_ended = ask("SELECT count(*) FROM cgroup WHERE container_id IS NOT NULL AND vanished_at_us IS NULL");
  const double stopped_ms = static_cast<double>(service.stop()) / 1e3;

  Table scan_table({"scans, one a second", ""});
  scan_table.row({"on record", fixed(scans, 0)});
  scan_table.row({"missed", fixed(missed, 0)});
  scan_table.row({"gaps on record", fixed(gaps, 0)});
  scan_table.row({"the latest one, ms late", fixed(latest_ms)});
  scan_table.row({"the longest one, ms", fixed(longest_ms)});
  scan_table.row({"containers seen, of " + std::to_string(kAtOnce + kSeconds * kASecond), fixed(seen, 0)});
  scan_table.row({"from SIGTERM to the exit, ms", fixed(stopped_ms)});

  const auto growth_mb = [](std::int64_t from, std::int64_t to) { return static_cast<double>(to - from) / 1e6; };
  const std::vector<Bound> bounds = {
      {"the latest scan, ms late", kSecond / 1e3, latest_ms, 0},
      {"scans missed", 0, missed, 0},
      {"containers that are gone and have no end on record", 0, not_ended, 0},
      {"descriptors more than before", 0, static_cast<double>(after.descriptors - before.descriptors), 0},
      {"anonymous memory more than after the 10000, MB", 1, growth_mb(between.anon_bytes, after.anon_bytes), 2},
      {"kernel memory more than before, MB", 1, growth_mb(before.kernel_bytes, after.kernel_bytes), 2}};
  publish(options.results, "Containers that come and go",
          where_and_when + ".\n\n" + scan_table.text() + "\n" + table.text() + "\n" + table_of(bounds));
}

}  // namespace

int main(int argc, char** argv) { return run_benchmark(argc, argv, run); }
