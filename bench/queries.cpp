// SPDX-License-Identifier: Apache-2.0
// How long every report, `history` and `incident` take, of a history of seven days of 200 busy containers, and of one
// of 400 days: a scan every 10 s in the last seven days, and one an hour before them, of which hours are left; and of
// 60 days with a scan every 10 s in the archive. `bench/run queries` builds and starts it. `bench/run queries DIR`
// keeps the histories in DIR, and uses those that are there.

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "base/units.hpp"
#include "benchmark.hpp"
#include "core/records.hpp"
#include "daemon/clock.hpp"
#include "figures.hpp"
#include "made_history.hpp"
#include "process.hpp"
#include "report/catalog.hpp"
#include "stop.hpp"
#include "store/reader.hpp"
#include "work_directory.hpp"

namespace {

namespace fs = std::filesystem;
using namespace cgmm;
using namespace cgmm::bench;

constexpr std::int64_t kHour = base::kHour_us;
constexpr std::int64_t kDay = base::kDay_us;
constexpr std::int64_t kDays = 7;
constexpr std::int64_t kLongDays = 400;
constexpr std::int64_t kArchivedDays = 60;
constexpr std::int64_t kCrowd_us = 7 * kHour;
constexpr int kTimes = 9;
constexpr const char* kLargest =
    "SELECT path, max(usage_bytes), max(anon_bytes), max(reclaimable_cache_bytes) FROM v_sample "
    "WHERE at_us >= :since_us AND at_us < :until_us GROUP BY path";

struct Taken {
  Measured elapsed_ms, cpu_ms, memory_mb;
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

/// Several times, the file in memory. `act` returns the most resident memory in MB, or 0.
Taken timed(const std::function<double()>& act) {
  Taken taken;
  act();
  for (int i = 0; i < kTimes; ++i) {
    check_stop();
    const std::int64_t began_us = daemon::steady_now_us();
    const double cpu_before_ms = cpu_ms();
    taken.memory_mb.add(act());
    taken.cpu_ms.add(cpu_ms() - cpu_before_ms);
    taken.elapsed_ms.add(static_cast<double>(daemon::steady_now_us() - began_us) / 1e3);
  }
  return taken;
}

/// The program itself, with what it prints thrown away. Its most resident memory in MB; not less than that of this
/// process, because the kernel counts what a process had before its exec, too.
double run_program(const std::string& command_line) {
  Child child({}, [&] {
    ::execl("/bin/sh", "sh", "-c", ("exec " + command_line + " >/dev/null").c_str(), nullptr);
    return 127;
  });
  rusage used{};
  if (const int code = child.wait(&used); code != 0)
    throw std::runtime_error(command_line + ": exit code " + std::to_string(code));
  return static_cast<double>(used.ru_maxrss) * 1024 / 1e6;
}

core::Parameters window(std::int64_t since_us, std::int64_t length_us, const std::string& glob) {
  return {{"since_us", since_us}, {"until_us", since_us + length_us}, {"cgroup_glob", glob}};
}

std::string sql_of(const char* report) { return report::find_report({}, report).value().sql; }

/// "--since 2026-11-23T03:12:00Z --until ...".
std::string options_of(std::int64_t since_us, std::int64_t length_us) {
  return " --since " + base::format_utc(since_us) + " --until " + base::format_utc(since_us + length_us);
}

/// The questions to one history, and what was measured.
class Questions {
 public:
  Questions(std::string program, fs::path file) : program_(std::move(program)), file_(std::move(file)) {}

  /// SQL in this process.
  void ask(const std::string& question, const std::string& sql, const core::Parameters& parameters, double at_most_ms) {
    std::size_t rows = 0;
    const Taken taken = timed([&] { return rows = store::Reader(file_).run(sql, parameters).rows.size(), 0; });
    add(question, std::to_string(rows), taken, at_most_ms);
  }

  /// The program with these arguments.
  void ask(const std::string& arguments, double at_most_ms, const std::string& question = "", double at_most_mb = 0) {
    const std::string command_line = program_ + " " + arguments + " --database " + file_.string();
    const std::string told = question.empty() ? "`" + arguments + "`" : question;
    const Taken taken = timed([&] { return run_program(command_line); });
    add(told, "", taken, at_most_ms);
    if (at_most_mb > 0) bounds_.push_back({told + ", MB", at_most_mb, taken.memory_mb.most()});
  }

  /// What it holds.
  std::int64_t count(const std::string& of) const {
    return std::get<std::int64_t>(store::Reader(file_).run("SELECT " + of).rows.at(0).at(0));
  }
  double bytes() const { return static_cast<double>(fs::file_size(file_)); }
  const fs::path& file() const { return file_; }

  std::string text() const { return table_.text() + "\n" + table_of(bounds_); }

 private:
  void add(const std::string& question, const std::string& rows, const Taken& taken, double at_most_ms) {
    table_.row({question, rows, spread(taken.elapsed_ms, 1), spread(taken.cpu_ms, 1),
                taken.memory_mb.most() > 0 ? fixed(taken.memory_mb.most()) : ""});
    std::fprintf(stderr, "%s: %s ms of CPU\n", question.c_str(), spread(taken.cpu_ms, 1).c_str());
    if (at_most_ms > 0) bounds_.push_back({question + ", ms", at_most_ms, taken.cpu_ms.least()});
  }

  std::string program_;
  fs::path file_;
  Table table_{{"question", "rows", "ms (least-most)", "CPU, ms (least-most)", "memory, MB"}};
  std::vector<Bound> bounds_;
};

constexpr const char* kOfBounds =
    "The bounds are of the least CPU time: how busy the machine is does not change it much. Those in MB are of the "
    "most resident memory.\n\n";

/// Asks histories in `directory`, and makes them where they are not there yet.
class Bench {
 public:
  Bench(const Options& options, fs::path directory) : options_(options), directory_(std::move(directory)) {}

  void week() const;
  void archive() const;
  void crowds() const;

 private:
  Questions of(const char* name, MadeHistory made) const {
    const fs::path file = directory_ / name;
    if (!fs::exists(file)) {
      std::fprintf(stderr, "filling a history of %s\n", base::format_duration_us(made.length_us).c_str());
      made.end_us = daemon::wall_now_us();
      in_child<int>({}, [&] { return make_history(file, made), 0; });
    }
    return {options_.program.string(), file};
  }
  static void ask_all(Questions& questions, const std::string& since, double at_most_ms);

  const Options& options_;
  fs::path directory_;
};

void Bench::ask_all(Questions& questions, const std::string& since, double at_most_ms) {
  questions.ask("report" + since, at_most_ms);
  questions.ask("report --format html" + since, 1000);
  questions.ask("history --workload shop/w7/app" + since, at_most_ms);
  for (const report::Report& one : report::list_reports({}, [](const std::string&) {})) {
    const bool prints_all = one.name == "history";  // 3.6 million rows
    if (!prints_all) questions.ask("report " + one.name + since, at_most_ms);
  }
}

void Bench::week() const {
  const std::string where_and_when = provenance(options_.commit);
  Questions week = of("history.db", {.length_us = kDays * kDay, .full_us = kDays * kDay});
  Questions year = of("long.db", {.length_us = kLongDays * kDay, .full_us = kDays * kDay});
  const std::int64_t end_us = week.count("max(started_at_us) FROM scan");
  const std::string history = sql_of("history");
  const std::int64_t day_ago_us = end_us - kDay;
  const core::Parameters half_an_hour = window(day_ago_us, kHour / 2, "*");
  week.ask("one cgroup's last hour (history)", history, window(end_us - kHour, kHour, id_of(7).path), 10);
  week.ask("one cgroup's hour a day ago (history)", history, window(day_ago_us, kHour, id_of(7).path), 10);
  week.ask("30 minutes a day ago, all samples as a table (history)", history, half_an_hour, 0);
  week.ask("30 minutes a day ago, everything, by cgroup (v_sample)", kLargest, half_an_hour, 60);
  week.ask("30 minutes a day ago, who grew most (biggest_growth)", sql_of("biggest_growth"), half_an_hour, 60);
  week.ask("incident list", 150);
  week.ask("incident show latest", 150);
  ask_all(week, " --since 7d", 150);
  ask_all(year, " --since 400d", 1000);

  const std::int64_t samples = week.count("count(*) FROM sample");
  publish(options_.results, "Questions to seven days of 200 containers",
          where_and_when + ".\nThe history takes " + base::format_bytes(static_cast<std::uint64_t>(week.bytes())) +
              ": " + std::to_string(samples) + " samples, " + std::to_string(week.count("count(*) FROM sample_hour")) +
              " hours of cgroups, " + fixed(week.bytes() / static_cast<double>(samples)) +
              " bytes a sample with all that. The one of 400 days takes " +
              base::format_bytes(static_cast<std::uint64_t>(year.bytes())) + ".\n\n" + kOfBounds + week.text() +
              "\nOf 400 days:\n\n" + year.text());
}

void Bench::archive() const {
  const std::string where_and_when = provenance(options_.commit);
  Questions archive =
      of("archived.db", {.length_us = kArchivedDays * kDay, .full_us = kArchivedDays * kDay, .is_archived = true});
  const std::int64_t end_us = archive.count("max(started_at_us) FROM scan");
  const std::string history = sql_of("history");
  archive.ask("one cgroup's day 30 days ago (history)", history, window(end_us - 30 * kDay, kDay, id_of(7).path), 150);
  archive.ask("half an hour 40 days ago, everything, by cgroup (v_sample)", kLargest,
              window(end_us - 40 * kDay, kHour / 2, "*"), 150);
  archive.ask("a day 40 days ago, everything, by cgroup (v_sample)", kLargest, window(end_us - 40 * kDay, kDay, "*"),
              2000);
  archive.ask("incident show 1", 150, "`incident show` of a kill 60 days ago");
  archive.ask("history --workload shop/w7/app" + options_of(end_us - 30 * kDay, kDay), 150,
              "a day of a workload of four 30 days ago (`history`)");
  archive.ask("report growth" + options_of(end_us - 45 * kDay, 30 * kDay), 150,
              "`report growth` between two instants 30 days apart");
  archive.ask("report" + options_of(end_us - 47 * kDay, 7 * kDay), 150, "the weekly report of 40 days ago");
  archive.ask("report now", 150);
  ask_all(archive, " --since 7d", 150);
  ask_all(archive, " --since 60d", 1000);

  const std::int64_t samples = archive.count("sum(sample_count) FROM archive_chunk");
  publish(options_.results, "Questions to 60 days of 200 containers in the archive",
          where_and_when + ".\nA scan every 10 s of lifelike containers. The history takes " +
              base::format_bytes(static_cast<std::uint64_t>(archive.bytes())) + ": " + std::to_string(samples) +
              " samples in the archive, " + fixed(archive.bytes() / static_cast<double>(samples)) +
              " bytes a sample with all that is beside them.\n\n" + kOfBounds + archive.text());
}

void Bench::crowds() const {
  const std::string where_and_when = provenance(options_.commit);
  std::string text;
  for (const core::CgroupKey containers : {1000U, 10'000U}) {
    Questions crowd = of(("crowd-" + std::to_string(containers) + ".db").c_str(),
                         {.length_us = kCrowd_us, .full_us = kCrowd_us, .containers = containers, .is_archived = true});
    const std::int64_t end_us = crowd.count("max(started_at_us) FROM scan");
    const std::string earlier = options_of(end_us - 5 * kHour, kHour / 2);
    const double many = containers / 1000.0;
    crowd.ask("report now", 150 * many, "", 64);
    crowd.ask("history " + id_of(7).path + earlier, 150 * many, "half an hour of one cgroup (`history`)", 64);
    crowd.ask("history " + id_of(7).path + options_of(end_us - kCrowd_us, kCrowd_us), 150 * many,
              "seven hours of one cgroup (`history`)", 64);
    crowd.ask(
        "query \"SELECT path, max(usage_bytes) FROM v_sample WHERE at_us >= " + std::to_string(end_us - 5 * kHour) +
            " AND at_us < " + std::to_string(end_us - 5 * kHour + kHour / 2) + " GROUP BY path\"",
        300 * many, "half an hour of everything (`query`)", 64);
    crowd.ask("report biggest_growth" + earlier, 150 * many, "`report biggest_growth` of half an hour", 64);
    crowd.ask("incident show latest", 150 * many, "", 64);
    crowd.ask("report --since 1d", 500 * many, "", 128);
    text += "\n" + std::to_string(containers) + " containers, " +
            std::to_string(crowd.count("sum(sample_count) FROM archive_chunk")) + " samples in the archive:\n\n" +
            crowd.text();
  }
  publish(options_.results, "Questions to an archive of many containers",
          where_and_when + ".\nSeven hours with a scan every 10 s of lifelike containers.\n\n" + kOfBounds + text);
}

void run(const Options& options) {
  const WorkDirectory work_directory;
  fs::path directory = work_directory.path();
  std::set<std::string> parts;
  for (const std::string& argument : options.arguments) {
    if (argument == "week" || argument == "archive" || argument == "crowds") {
      parts.insert(argument);
    } else {
      directory = argument;
    }
  }
  const Bench bench(options, directory);
  const auto is_asked = [&](const char* part) { return parts.empty() || parts.contains(part); };
  if (is_asked("crowds")) bench.crowds();  // first, because of its memory: see run_program
  if (is_asked("week")) bench.week();
  if (is_asked("archive")) bench.archive();
}

}  // namespace

int main(int argc, char** argv) { return run_benchmark(argc, argv, run); }
