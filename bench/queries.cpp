// SPDX-License-Identifier: Apache-2.0
// How long every report, `history` and `incident` take, of a history of seven days of 200 busy containers, and of one
// of 400 days: a scan every 10 s in the last seven days, and one an hour before them, of which hours are left.
// `bench/run queries` builds and starts it. `bench/run queries DIR` keeps the histories in DIR.

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "base/units.hpp"
#include "benchmark.hpp"
#include "core/container.hpp"
#include "core/records.hpp"
#include "daemon/clock.hpp"
#include "figures.hpp"
#include "made_up.hpp"
#include "process.hpp"
#include "report/catalog.hpp"
#include "stop.hpp"
#include "store/history.hpp"
#include "store/reader.hpp"
#include "work_directory.hpp"

namespace {

namespace fs = std::filesystem;
using namespace cgmm;
using namespace cgmm::bench;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDays = 7;
constexpr std::int64_t kLongDays = 400;
constexpr core::CgroupKey kContainers = 200;
constexpr core::CgroupKey kReplicas = 4;  // of each workload
constexpr int kTimes = 9;
constexpr const char* kLargest =
    "SELECT path, max(usage_bytes), max(anon_bytes), max(reclaimable_cache_bytes) FROM v_sample "
    "WHERE at_us >= :since_us AND at_us < :until_us GROUP BY path";

core::CgroupId id_of(core::CgroupKey key) {
  return {"/kubepods/burstable/pod1f0c2a3b-9d11/" + std::string(61, 'c') + std::to_string(100 + key), 1000 + key};
}

std::vector<core::CgroupRef> containers() {
  std::vector<core::CgroupRef> made;
  for (core::CgroupKey key = 1; key <= kContainers; ++key) {
    made.push_back(std::make_shared<core::TrackedCgroup>(
        core::TrackedCgroup{.key = key, .id = id_of(key), .parent_length = 0, .limits = {256 << 20, 256 << 20, {}}}));
  }
  return made;
}

core::NamedCgroup named(core::CgroupKey key) {
  const std::string workload = "w" + std::to_string(key / kReplicas);
  const core::CgroupId id = id_of(key);
  return {.id = id,
          .container = core::identity_of(id.path, 0),
          .names = {"shop", workload + "-" + std::to_string(key % kReplicas), "app"}};
}

core::Scan scan_at(std::int64_t at_us, std::int64_t interval_us, const std::vector<core::CgroupRef>& cgroups,
                   std::minstd_rand& random) {
  core::Scan scan{.started_at_us = at_us, .duration_us = 4000, .interval_us = interval_us};
  for (const core::CgroupRef& cgroup : cgroups) scan.rows.push_back(busy_row(cgroup, random));
  return scan;
}

/// A reclaim every ten minutes and an OOM kill every six hours beside the scans.
void fill(const fs::path& file, std::int64_t end_us, std::int64_t days) {
  store::History history(file);
  const std::vector<core::CgroupRef> cgroups = containers();
  const core::RetentionSettings retention;
  history.set_retention(retention);
  const std::int64_t begin_us = end_us - days * base::kDay_us;
  std::minstd_rand random(42);
  const auto commit = [&](const auto& record) {
    history.begin();
    history.record(record);
    history.commit();
  };
  history.begin_run(begin_us, "a benchmark");
  commit(core::NodeFacts{{{"page_size_bytes", std::int64_t{4096}}}});
  std::int64_t reclaims = 0;
  std::int64_t next_reclaim_us = begin_us + kHour;
  std::int64_t next_kill_us = begin_us + 6 * kHour;
  std::int64_t interval_us = 0;
  for (std::int64_t at_us = begin_us; at_us < end_us; at_us += interval_us) {
    check_stop();
    interval_us = at_us < end_us - kDays * base::kDay_us ? kHour : 10 * kSecond;
    commit(scan_at(at_us, interval_us, cgroups, random));
    if (at_us == begin_us) {
      for (core::CgroupKey key = 1; key <= kContainers; ++key) commit(named(key));
    }
    const core::CgroupId any = id_of(1 + static_cast<core::CgroupKey>(random()) % kContainers);
    if (at_us >= next_reclaim_us) {
      commit(core::Reclaim{.reclaim_id = ++reclaims,
                           .id = any,
                           .started_at_us = at_us,
                           .duration_us = 20'000,
                           .freed_bytes = 64 << 20,
                           .outcome = core::ReclaimOutcome::done});
      commit(core::CgroupCooldown{any, {at_us, at_us + 30 * kSecond, 0}});
      commit(core::Effect{.reclaim_id = reclaims,
                          .observed_for_us = 300 * kSecond,
                          .refaulted_bytes = random() % 8 << 20,
                          .regrown_bytes = random() % 8 << 20,
                          .held_byte_seconds = 300 << 20,
                          .verdict = core::Verdict::effective});
      next_reclaim_us += 10 * kMinute;
    }
    if (at_us >= next_kill_us) {
      commit(core::CountedOomKills{.id = any, .since_at_us = at_us - interval_us, .at_us = at_us, .count = 1});
      next_kill_us += 6 * kHour;
    }
    history.maintain(at_us);
  }
  while (history.maintain_slice(end_us)) check_stop();
  history.end_run(end_us, "over");
}

/// In milliseconds.
struct Taken {
  Measured elapsed, cpu;
};

/// Of this process and of its children that have ended.
double cpu_ms() {
  double ms = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    ::getrusage(who, &used);
    for (const timeval& time : {used.ru_utime, used.ru_stime})
      ms += static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  }
  return ms;
}

/// Several times, the file in memory.
Taken timed(const std::function<void()>& act) {
  Taken taken;
  act();
  for (int i = 0; i < kTimes; ++i) {
    check_stop();
    const std::int64_t began_us = daemon::steady_now_us();
    const double cpu_before_ms = cpu_ms();
    act();
    taken.cpu.add(cpu_ms() - cpu_before_ms);
    taken.elapsed.add(static_cast<double>(daemon::steady_now_us() - began_us) / 1e3);
  }
  return taken;
}

/// The program itself, with what it prints thrown away.
void run_program(const std::string& command_line) {
  Child child({}, [&] {
    ::execl("/bin/sh", "sh", "-c", ("exec " + command_line + " >/dev/null").c_str(), nullptr);
    return 127;
  });
  if (const int code = child.wait(); code != 0)
    throw std::runtime_error(command_line + ": exit code " + std::to_string(code));
}

/// The questions, and what was measured.
class Questions {
 public:
  explicit Questions(std::string program) : program_(std::move(program)) {}

  /// SQL in this process.
  void ask(const fs::path& file, const std::string& question, const std::string& sql,
           const core::Parameters& parameters, double at_most_ms) {
    std::size_t rows = 0;
    const Taken taken = timed([&] { rows = store::Reader(file).run(sql, parameters).rows.size(); });
    add(question, std::to_string(rows), taken, at_most_ms);
  }

  /// The program with these arguments.
  void ask(const fs::path& file, const std::string& arguments, double at_most_ms) {
    const std::string command_line = program_ + " " + arguments + " --database " + file.string();
    add("`" + arguments + "`", "", timed([&] { run_program(command_line); }), at_most_ms);
  }

  std::string text() const {
    return table_.text() +
           "\nThe bounds are of the least CPU time: how busy the machine is does not change it much.\n\n" +
           table_of(bounds_);
  }

 private:
  void add(const std::string& question, const std::string& rows, const Taken& taken, double at_most_ms) {
    table_.row({question, rows, spread(taken.elapsed, 1), spread(taken.cpu, 1)});
    if (at_most_ms > 0) bounds_.push_back({question + ", ms", at_most_ms, taken.cpu.least()});
  }

  std::string program_;
  Table table_{{"question", "rows", "ms (least-most)", "CPU, ms (least-most)"}};
  std::vector<Bound> bounds_;
};

void run(const Options& options) {
  const std::string where_and_when = provenance(options.commit);
  const WorkDirectory directory;
  const fs::path in = options.arguments.empty() ? directory.path() : fs::path(options.arguments.front());
  const fs::path file = in / "history.db", long_file = in / "long.db";
  const std::int64_t end_us = daemon::wall_now_us();
  for (const auto& [days, to] : {std::pair(kDays, file), std::pair(kLongDays, long_file)}) {
    std::fprintf(stderr, "filling a history of %lld days\n", static_cast<long long>(days));
    in_child<int>({}, [&] { return fill(to, end_us, days), 0; });
  }

  const auto count = [&](const char* table) {
    return std::get<std::int64_t>(
        store::Reader(file).run(std::string("SELECT count(*) FROM ") + table).rows.at(0).at(0));
  };
  Questions questions(options.program.string());
  const auto window = [&](std::int64_t since_us, std::int64_t length_us, const std::string& glob) {
    return core::Parameters{{"since_us", since_us}, {"until_us", since_us + length_us}, {"cgroup_glob", glob}};
  };
  const auto sql_of = [](const char* report) { return report::find_report({}, report).value().sql; };
  const std::string history = sql_of("history");
  const std::int64_t day_ago_us = end_us - base::kDay_us;
  const core::Parameters half_an_hour = window(day_ago_us, kHour / 2, "*");
  questions.ask(file, "one cgroup's last hour (history)", history, window(end_us - kHour, kHour, id_of(7).path), 10);
  questions.ask(file, "one cgroup's hour a day ago (history)", history, window(day_ago_us, kHour, id_of(7).path), 10);
  questions.ask(file, "30 minutes a day ago, all samples as a table (history)", history, half_an_hour, 0);
  questions.ask(file, "30 minutes a day ago, everything, by cgroup (v_sample)", kLargest, half_an_hour, 60);
  questions.ask(file, "30 minutes a day ago, who grew most (biggest_growth)", sql_of("biggest_growth"), half_an_hour,
                60);
  questions.ask(file, "incident list", 150);
  questions.ask(file, "incident show latest", 150);
  const auto ask_all = [&](const fs::path& of, const std::string& since, double at_most_ms) {
    questions.ask(of, "report" + since, at_most_ms);
    questions.ask(of, "report --format html" + since, 1000);
    questions.ask(of, "history --workload shop/w7/app" + since, at_most_ms);
    for (const report::Report& one : report::list_reports({}, [](const std::string&) {})) {
      const bool prints_all = one.name == "history";  // 3.6 million rows
      if (!prints_all) questions.ask(of, "report " + one.name + since, at_most_ms);
    }
  };
  ask_all(file, " --since 7d", 150);
  ask_all(long_file, " --since 400d", 1000);

  const std::int64_t samples = count("sample");
  const std::string holds = base::format_bytes(fs::file_size(file)) + ": " + std::to_string(samples) + " samples, " +
                            std::to_string(count("sample_hour")) + " hours of cgroups, " +
                            fixed(static_cast<double>(fs::file_size(file)) / static_cast<double>(samples)) +
                            " bytes a sample with all that";
  publish(options.results, "Questions to seven days of 200 containers",
          where_and_when + ".\nThe history takes " + holds + ". The one of 400 days takes " +
              base::format_bytes(fs::file_size(long_file)) + ".\n\n" + questions.text());
}

}  // namespace

int main(int argc, char** argv) { return run_benchmark(argc, argv, run); }
