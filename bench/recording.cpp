// SPDX-License-Identifier: Apache-2.0
#include "recording.hpp"

#include <algorithm>
#include <random>

#include "core/records.hpp"
#include "daemon/clock.hpp"
#include "daemon/sampling/sampler.hpp"
#include "kernel/hierarchy.hpp"
#include "made_up.hpp"
#include "process.hpp"
#include "store/file/wal.hpp"
#include "store/history.hpp"

namespace cgmm::bench {
namespace {

constexpr std::int64_t kInterval_us = 10'000'000;
constexpr std::int64_t kBegin_us = 1'767'227'400'000'000;  // half past an hour, so that some runs pass its end

struct Taken {
  std::int64_t us = 0;
  std::int64_t cpu_us = 0;
  std::int64_t bytes = 0;
};

template <class Act>
Taken measure(Act act) {
  const std::int64_t bytes = written_bytes();
  const std::int64_t cpu_us = daemon::thread_cpu_us();
  const std::int64_t at_us = daemon::steady_now_us();
  act();
  const std::int64_t us = daemon::steady_now_us() - at_us;
  return {.us = us, .cpu_us = daemon::thread_cpu_us() - cpu_us, .bytes = written_bytes() - bytes};
}

}  // namespace

Recorded record_scans(const std::filesystem::path& parent, const std::filesystem::path& directory,
                      std::int64_t scan_count) {
  const std::filesystem::path file = directory / "history.db";
  daemon::Sampler sampler(kernel::open_hierarchy(parent), core::Policy{});
  store::History history(file);
  history.set_retention(core::RetentionSettings{});
  std::minstd_rand random(42);
  std::int64_t now_us = kBegin_us;
  history.begin_run(now_us, "a benchmark");
  Recorded recorded;
  std::int64_t file_bytes_before = 0;
  for (std::int64_t i = 0; i <= scan_count; ++i, now_us += kInterval_us) {
    core::Scan scan = sampler.scan(now_us).scan;
    scan.interval_us = kInterval_us;
    for (core::ScanRow& row : scan.rows) row = busy_row(row.cgroup, random);
    const core::Record record = scan;
    const Taken commit = measure([&] {
      history.begin();
      history.record(record);
      history.commit();
    });
    const Taken maintenance = measure([&] { history.maintain(now_us); });
    if (i == 0) {
      history.wal().checkpoint_all();
      file_bytes_before = static_cast<std::int64_t>(std::filesystem::file_size(file));
      continue;
    }
    ++recorded.scan_count;
    recorded.sample_count += static_cast<std::int64_t>(scan.rows.size());
    recorded.log_bytes += commit.bytes;
    recorded.checkpoint_bytes += maintenance.bytes;
    recorded.commit_cpu_us += commit.cpu_us;
    recorded.maintenance_cpu_us += maintenance.cpu_us;
    recorded.slowest_commit_us = std::max(recorded.slowest_commit_us, commit.us);
    recorded.slowest_commit_cpu_us = std::max(recorded.slowest_commit_cpu_us, commit.cpu_us);
    recorded.slowest_maintenance_us = std::max(recorded.slowest_maintenance_us, maintenance.us);
  }
  const Taken last = measure([&] { history.wal().checkpoint_all(); });  // else what is in the WAL now would be missing
  recorded.checkpoint_bytes += last.bytes;
  recorded.maintenance_cpu_us += last.cpu_us;
  recorded.file_bytes = static_cast<std::int64_t>(std::filesystem::file_size(file)) - file_bytes_before;
  return recorded;
}

}  // namespace cgmm::bench
