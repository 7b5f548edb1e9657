// SPDX-License-Identifier: Apache-2.0
// A year of the real history in a time that is made up: scans, reclaims with their effects, OOM kills, containers that
// come and go. Prints how big the file and the process got and how long the transactions took, and fails when the file,
// its WAL included, was ever over max_size.
//
//   cmake --build --preset release --target year && build/release/bench/year            a scan a minute: minutes
//   build/release/bench/year --interval 10                                             every 10 s: an hour
//   build/release/bench/year --interval 10 --days 100 --archive 1                      with the archive
//
// With --archive 1 samples are kept for 100 days, the containers are lifelike (made_up.hpp), and it fails when a sample
// of those days is gone.
//
// A short one runs with the tests, with a max_size that it reaches.

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.hpp"
#include "made_up.hpp"
#include "store/history.hpp"
#include "store/reader.hpp"

namespace {

using namespace cgmm;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kBegin = 1'767'225'600 * kSecond;  // 2026-01-01
constexpr std::uint64_t kMiB = 1 << 20;

struct Options {
  std::int64_t days = 365;
  std::int64_t cgroups = 200;
  std::int64_t interval_s = 60;
  std::int64_t max_size_mib = 1024;
  bool archive = false;
  std::string directory = std::filesystem::temp_directory_path();
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--days") options.days = std::atoll(argv[i + 1]);
    else if (name == "--cgroups") options.cgroups = std::atoll(argv[i + 1]);
    else if (name == "--interval") options.interval_s = std::atoll(argv[i + 1]);
    else if (name == "--max-size-mib") options.max_size_mib = std::atoll(argv[i + 1]);
    else if (name == "--archive") options.archive = std::atoll(argv[i + 1]) != 0;
    else if (name == "--directory") options.directory = argv[i + 1];
    else {
      std::fprintf(stderr,
                   "usage: year [--days N] [--cgroups N] [--interval SECONDS] [--max-size-mib N] "
                   "[--archive 0|1] [--directory DIR]\n");
      std::exit(2);
    }
  }
  return options;
}

/// CPU time as well as time: on a machine that does other things the latter says little.
struct Slowest {
  std::int64_t elapsed_us = 0;
  std::int64_t cpu_us = 0;
  std::int64_t total_cpu_us = 0;
  std::int64_t over_50_ms = 0;  // of CPU time
  std::int64_t count = 0;

  template <class Act>
  void time(Act act) {
    const auto cpu = [] {
      timespec now{};
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
      return now.tv_sec * kSecond + now.tv_nsec / 1000;
    };
    const auto began = std::chrono::steady_clock::now();
    const std::int64_t cpu_began = cpu();
    act();
    const std::int64_t taken =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began).count();
    elapsed_us = std::max(elapsed_us, taken);
    const std::int64_t cpu_taken = cpu() - cpu_began;
    cpu_us = std::max(cpu_us, cpu_taken);
    total_cpu_us += cpu_taken;
    over_50_ms += cpu_taken > 50'000 ? 1 : 0;
    ++count;
  }
  void print(const char* what) const {
    std::printf("%-28s %s, %s of CPU; %lld of %lld over 50 ms of CPU; %s of CPU in all\n", what,
                base::format_duration_us(elapsed_us).c_str(), base::format_duration_us(cpu_us).c_str(),
                static_cast<long long>(over_50_ms), static_cast<long long>(count),
                base::format_duration_us(total_cpu_us).c_str());
  }
};

/// A node whose containers come and go, two an hour.
class Node {
 public:
  Node(std::int64_t count, bool is_lifelike) : pods_(static_cast<std::size_t>(count)), is_lifelike_(is_lifelike) {}

  core::Scan scan(std::int64_t at_us, std::int64_t interval_us) {
    core::Scan scan{.started_at_us = at_us, .duration_us = 4000, .interval_us = interval_us, .cpu_us = 4000};
    if (at_us >= replace_at_us_) {
      Pod& pod = pods_[random_() % pods_.size()];
      if (pod) lives_.erase(pod->key);
      pod = nullptr;
      replace_at_us_ = at_us + kHour / 2;
    }
    for (Pod& pod : pods_) {
      if (!pod) pod = new_pod();
      scan.rows.push_back(is_lifelike_ ? lives_.try_emplace(pod->key, pod->key).first->second.row(pod) : row(pod));
    }
    return scan;
  }

  core::CgroupId any() { return pods_[random_() % pods_.size()]->id; }

 private:
  using Pod = core::CgroupRef;

  Pod new_pod() {
    const core::CgroupKey key = ++last_key_;
    const std::string number = std::to_string(key);
    return std::make_shared<core::TrackedCgroup>(
        core::TrackedCgroup{.key = key,
                            .id = {"/kubepods/burstable/pod0f0c2a3b-0000-0000-0000-000000000000/" +
                                       std::string(64 - number.size(), 'c') + number,
                                   key},
                            .parent_length = 0,
                            .limits = {256 * kMiB, 256 * kMiB, {}}});
  }

  core::ScanRow row(const Pod& pod) {
    core::ScanRow row{.cgroup = pod};
    for (std::size_t i = 0; i < core::Gauges::kSize; ++i) {
      row.gauges.set(static_cast<core::Gauge>(i), (random_() % (i < 3 ? 200 * kMiB : 20 * kMiB)) & ~4095ULL);
    }
    for (std::size_t i = 0; i < core::Counters::kSize; ++i) {
      row.increases.set(static_cast<core::Counter>(i), i < 3 ? random_() % 5000 : 0);
    }
    row.oom_kills_total = 0;
    return row;
  }

  std::vector<Pod> pods_;
  bool is_lifelike_;
  std::map<core::CgroupKey, bench::Lifelike> lives_;
  core::CgroupKey last_key_ = 0;
  std::int64_t replace_at_us_ = 0;
  std::minstd_rand random_{42};
};

std::int64_t bytes_on_disk(const std::string& file) {
  std::int64_t bytes = 0;
  for (const char* const end : {"", "-wal", "-shm"}) {
    struct stat status{};
    if (::stat((file + end).c_str(), &status) == 0) bytes += status.st_size;
  }
  return bytes;
}

template <class Record>
void commit(store::History& history, const Record& record) {
  history.begin();
  history.record(record);
  history.commit();
}

/// Whether no sample of the time that is kept is gone.
bool tell_archive(store::Reader& reader, std::int64_t bytes, const Options& options) {
  const auto number = [&](const char* sql) {
    const core::Cell cell = reader.run(sql).rows.at(0).at(0);
    const auto* const found = std::get_if<std::int64_t>(&cell);
    return found == nullptr ? std::int64_t{0} : *found;
  };
  const std::int64_t archived = number("SELECT sum(sample_count) FROM archive_chunk");
  const std::int64_t packed = number("SELECT sum(length(data)) FROM archive_chunk");
  const std::int64_t samples = archived + number(
                                              "SELECT count(*) FROM main.sample WHERE scan_id > "
                                              "(SELECT coalesce(max(scan_id), 0) FROM archived)");
  const auto a_sample = [](std::int64_t of, std::int64_t count) {
    return static_cast<double>(of) / static_cast<double>(std::max<std::int64_t>(count, 1));
  };
  std::printf("%-28s %lld, %.2f bytes each in the archive\n", "samples that are archived",
              static_cast<long long>(archived), a_sample(packed, archived));
  std::printf("%-28s %lld, %.2f bytes each of the whole file\n", "samples", static_cast<long long>(samples),
              a_sample(bytes, samples));
  const std::int64_t scans_a_day = kDay / kSecond / options.interval_s;
  return samples >= std::min<std::int64_t>(options.days, 100) * scans_a_day * options.cgroups;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const std::string directory = options.directory + "/cgmm-year-" + std::to_string(::getpid());
  const std::string file = directory + "/history.db";
  core::RetentionSettings retention{.max_size_bytes = options.max_size_mib << 20};
  if (options.archive) {
    retention.samples_us = 100 * kDay;
    retention.archive = true;
  }
  std::int64_t biggest = 0;
  Slowest commits;
  Slowest slices;
  {
    std::filesystem::create_directories(directory);
    store::History history(file);
    history.set_retention(retention);
    history.begin_run(kBegin, "a year");
    commit(history, core::NodeFacts{{{"page_size_bytes", std::int64_t{4096}}}});
    Node node(options.cgroups, options.archive);
    const std::int64_t end = kBegin + options.days * kDay;
    std::int64_t reclaim_id = 0;
    std::int64_t reclaim_at_us = kBegin + kHour;
    std::int64_t kill_at_us = kBegin + kDay / 2;
    std::int64_t month_at_us = kBegin + 30 * kDay;
    for (std::int64_t at_us = kBegin; at_us < end; at_us += options.interval_s * kSecond) {
      const core::Scan scan = node.scan(at_us, options.interval_s * kSecond);
      commits.time([&] { commit(history, scan); });
      if (at_us >= reclaim_at_us) {  // every ten minutes or so
        const core::Reclaim reclaim{.reclaim_id = ++reclaim_id,
                                    .id = node.any(),
                                    .started_at_us = at_us,
                                    .duration_us = 20'000,
                                    .freed_bytes = 64 * kMiB,
                                    .outcome = core::ReclaimOutcome::done};
        const core::CgroupCooldown cooldown{reclaim.id, {at_us, at_us + 30 * kSecond, 0}};
        commits.time([&] { commit(history, reclaim); });
        commits.time([&] { commit(history, cooldown); });
        commits.time(
            [&] { commit(history, core::Effect{.reclaim_id = reclaim_id, .observed_for_us = 300 * kSecond}); });
        reclaim_at_us = at_us + 600 * kSecond;
      }
      if (at_us >= kill_at_us) {
        commits.time([&] {
          commit(history,
                 core::CountedOomKills{.id = node.any(), .since_at_us = at_us - kSecond, .at_us = at_us, .count = 1});
        });
        kill_at_us = at_us + kDay;
      }
      for (std::int64_t left = history.slices_due(); left > 0; --left) {
        bool more = false;
        slices.time([&] { more = history.maintain_slice(at_us); });
        if (!more) break;
      }
      biggest = std::max(biggest, bytes_on_disk(file));
      if (at_us >= month_at_us) {
        std::printf("day %3lld: %s\n", static_cast<long long>((at_us - kBegin) / kDay),
                    base::format_bytes(static_cast<std::uint64_t>(bytes_on_disk(file))).c_str());
        std::fflush(stdout);
        month_at_us += 30 * kDay;
      }
    }
    history.end_run(end, "over");
  }
  struct rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  std::printf("%lld days of %lld cgroups, a scan every %lld s, max_size %s\n", static_cast<long long>(options.days),
              static_cast<long long>(options.cgroups), static_cast<long long>(options.interval_s),
              base::format_bytes(static_cast<std::uint64_t>(retention.max_size_bytes)).c_str());
  std::printf("%-28s %s\n", "biggest, WAL included", base::format_bytes(static_cast<std::uint64_t>(biggest)).c_str());
  std::printf("%-28s %s\n", "at the end", base::format_bytes(static_cast<std::uint64_t>(bytes_on_disk(file))).c_str());
  commits.print("slowest commit");
  slices.print("slowest slice of maintenance");
  std::printf("%-28s %s\n", "memory, high water",
              base::format_bytes(static_cast<std::uint64_t>(used.ru_maxrss) * 1024).c_str());
  store::Reader reader(file);
  for (const char* const table : {"main.sample", "sample_hour", "scan", "cgroup", "reclaim", "oom_kill"}) {
    const core::Table count = reader.run(std::string("SELECT count(*) FROM ") + table);
    std::printf("%-28s %lld\n", (std::string("rows in ") + table).c_str(),
                static_cast<long long>(std::get<std::int64_t>(count.rows.at(0).at(0))));
  }
  const bool is_complete = !options.archive || tell_archive(reader, bytes_on_disk(file), options);
  std::filesystem::remove_all(directory);
  if (!is_complete) {
    std::printf("FAILED: samples are gone before their time\n");
    return 1;
  }
  if (biggest > retention.max_size_bytes) {
    std::printf("FAILED: it was over max_size\n");
    return 1;
  }
  return 0;
}
