// SPDX-License-Identifier: Apache-2.0
// How much a reclaim policy helps and hurts: the same workloads in real cgroups under several policies, all beside each
// other. What is measured is memory kept free, what was read from the disk again, and how long the workloads'
// operations took. Needs root and a writable memory hierarchy, v1 or v2.
//
//   bench/run policy --policies none,rust,ours       on this machine
//   bench/vm/run 6.12 policy                         in a virtual machine with cgroup v2

#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <set>
#include <sstream>

#include "base/units.hpp"
#include "figures.hpp"
#include "policy/measure.hpp"
#include "policy/report.hpp"
#include "stop.hpp"

namespace {

namespace fs = std::filesystem;
using namespace cgmm::bench;
using namespace cgmm::bench::policy;

struct Arguments {
  std::string workloads = "all", policies = "none,none,rust,target,before,ours,senpai", commit = "unknown";
  fs::path directory = "/var/tmp", json = "policy.jsonl", results;
  int repeats = 2;
  std::size_t beside = 0;  // workloads at once; 0: all
  Settings settings;
};

/// Its files are gone with it.
class Files {
 public:
  explicit Files(const fs::path& directory)
      : path_(fs::absolute(directory) / ("cgmm-policy-" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  ~Files() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Those that can be had here. For each of the others a sentence says why it can't.
std::vector<std::string> policies_of(const std::string& names, const Programs& programs,
                                     cgmm::kernel::Version version) {
  std::vector<std::string> chosen;
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    if (const auto reason = missing(name, programs, version)) {
      std::fprintf(stderr, "The policy \"%s\" is left out: %s.\n", name.c_str(), reason->c_str());
      continue;
    }
    std::string label = name;  // twice the same: the noise
    for (int i = 2; std::ranges::count(chosen, label) > 0; ++i) label = name + "-" + std::to_string(i);
    chosen.push_back(label);
  }
  if (chosen.empty() || chosen.front() != "none") chosen.insert(chosen.begin(), "none");
  return chosen;
}

/// As many workloads at once as were asked for; their numbers together are one run.
Run run_once(const Settings& all, std::size_t beside, Ground& ground) {
  Run run;
  for (std::size_t at = 0; at < all.workloads.size(); at += beside) {
    Settings some = all;
    const auto first = all.workloads.begin() + static_cast<std::ptrdiff_t>(at);
    some.workloads.assign(first, first + static_cast<std::ptrdiff_t>(std::min(beside, all.workloads.size() - at)));
    Run part = run_all(some, ground);
    run.seconds = part.seconds;
    run.taken_bytes += part.taken_bytes;
    run.drops += part.drops;
    run.results.insert(run.results.end(), part.results.begin(), part.results.end());
    run.policy_cpu_us.resize(part.policy_cpu_us.size());
    for (std::size_t i = 0; i < part.policy_cpu_us.size(); ++i) run.policy_cpu_us[i] += part.policy_cpu_us[i];
  }
  return run;
}

/// "6.12".
std::string kernel_series() {
  utsname system{};
  ::uname(&system);
  const std::string release = system.release;
  return release.substr(0, release.find_first_not_of("0123456789", release.find('.') + 1));
}

/// Somebody else did what a policy is measured by.
std::string disturbances(const std::vector<Run>& runs) {
  std::int64_t taken = 0, drops = 0;
  for (const Run& run : runs) {
    taken += run.taken_bytes;
    drops += run.drops;
  }
  std::string text;
  if (taken > 0) {
    text += " **Disturbed:** the machine was short of memory, and its kernel took " +
            cgmm::base::format_bytes(static_cast<std::uint64_t>(taken)) + " from whoever had any.";
  }
  if (drops > 0) text += " **Disturbed:** all page cache was dropped " + cgmm::base::counted(drops, "time") + ".";
  return text;
}

/// What a number of another machine may be different for.
std::string conditions(const Arguments& arguments, std::size_t beside, const std::vector<Run>& runs) {
  const Settings& settings = arguments.settings;
  return cgmm::base::counted(static_cast<std::int64_t>(runs.size()), "run") + " of " + fixed(settings.minutes, 1) +
         " minutes, " + cgmm::base::counted(static_cast<std::int64_t>(beside), "workload") + " at once under " +
         cgmm::base::counted(static_cast<std::int64_t>(settings.policies.size()), "policy", "policies") +
         ", each with a limit of " + fixed(static_cast<double>(settings.limit_bytes()) / (1 << 20), 0) +
         " MiB and a heap of " + fixed(100 * settings.heap, 0) + " % of it, at a pace of " +
         fixed(settings.pace > 0 ? settings.pace : settings.scale, 3) + "; the disk reads " +
         read_ahead(settings.directory) + " KiB ahead." + disturbances(runs);
}

void measure(Arguments& arguments) {
  Settings& settings = arguments.settings;
  settings.workloads = workloads_named(arguments.workloads);
  Ground ground;
  settings.policies = policies_of(arguments.policies, settings.programs, ground.version());
  const Files files(arguments.directory);
  settings.directory = files.path();
  check_room(settings);
  const std::size_t beside = arguments.beside == 0 ? settings.workloads.size() : arguments.beside;
  std::fprintf(stderr, "Making the files ...\n");
  make_files(settings);
  const std::string where = provenance(arguments.commit);
  std::vector<Run> runs;
  for (int repeat = 1; repeat <= arguments.repeats; ++repeat) {
    std::fprintf(stderr, "Run %d of %d ...\n", repeat, arguments.repeats);
    runs.push_back(run_once(settings, beside, ground));
    append_json(arguments.json, settings, runs.back(), where);
  }
  const std::string title = "Policies of reclaim, cgroup " + std::string(cgmm::kernel::to_string(ground.version())) +
                            ", Linux " + kernel_series();
  const std::string text = where + "\n" + conditions(arguments, beside, runs) + "\n\n" + tables(settings, runs);
  publish(arguments.results, title, text);
}

void list() {
  for (const Workload& workload : workloads()) std::printf("%-10s %s\n", workload.name, workload.title);
}

void describe(CLI::App& app, Arguments& arguments) {
  app.option_defaults()->take_last();
  app.add_option("--minutes", arguments.settings.minutes, "of one run")->check(CLI::Range(0.1, 1440.0));
  app.add_option("--repeats", arguments.repeats, "runs")->check(CLI::Range(1, 100));
  app.add_option("--workloads", arguments.workloads, "all, or names with commas");
  app.add_option("--policies", arguments.policies,
                 "of none, rust, before, ours, senpai; \"none\" twice shows the noise");
  app.add_option("--dir", arguments.directory, "for the workloads' files, on a disk");
  app.add_option("--scale", arguments.settings.scale, "1: a limit of 400 MiB")->check(CLI::Range(0.05, 10.0));
  app.add_option("--pace", arguments.settings.pace,
                 "of the operations, if that is not to be in proportion to the limit")
      ->check(CLI::Range(0.01, 10.0));
  app.add_option("--heap", arguments.settings.heap, "of each workload, a share of its limit")
      ->check(CLI::Range(0.0, 0.2));
  app.add_option("--beside", arguments.beside, "workloads at once; the others wait for their turn");
  app.add_option("--program", arguments.settings.programs.ours, "ours: a build of this program");
  app.add_option("--before", arguments.settings.programs.before, "before: an older build of it");
  app.add_option("--oomd", arguments.settings.programs.oomd, "senpai: the program of Debian's package oomd");
  app.add_option("--json", arguments.json, "all numbers of each run are appended as a line");
  app.add_option("--results", arguments.results,
                 "the file that takes the tables, in place of those of the same kernel");
  app.add_option("--commit", arguments.commit, "what is measured");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "touch") return touch_myself();
  Arguments arguments;
  CLI::App app("How much a reclaim policy helps and hurts");
  app.require_subcommand(0, 1);
  describe(app, arguments);
  app.add_subcommand("run", "measures (also without this word)")->fallthrough();
  const CLI::App* const lists = app.add_subcommand("list", "shows the workloads");
  CLI11_PARSE(app, argc, argv);
  try {
    if (lists->parsed()) {
      list();
      return 0;
    }
    note_signals();
    measure(arguments);
    return 0;
  } catch (const Stopped& stopped) {
    std::fprintf(stderr, "%s\n", stopped.what());
    return 130;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
