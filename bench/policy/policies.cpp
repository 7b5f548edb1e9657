// SPDX-License-Identifier: Apache-2.0
#include "policy/policies.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "policy/senpai.hpp"
#include "stop.hpp"

namespace cgmm::bench::policy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostWorkloads = 64;
constexpr const char* kTargetSettings = "policy = \"target\"\nmax_cooldown = \"1h\"\n";
constexpr std::int64_t kInterval_us = 10'000'000, kCooldown_us = 30'000'000;

/// The old program: every 10 s each cgroup whose cache (with tmpfs) is at a quarter of its limit loses all of it,
/// unless it did so in the last 30 s.
class OldRule : public Policy {
 public:
  explicit OldRule(Site site) : Policy(std::move(site)), child_({}, [this] { return run(); }) {}

  std::int64_t cpu_us() const override { return process_cpu_us(child_.pid()); }

  void check() const override {
    if (!child_.is_running()) throw std::runtime_error("the process with the old rule has ended");
  }

  std::map<std::string, Done> stop() override {
    child_.kill();
    std::map<std::string, Done> done;
    for (std::size_t i = 0; i < site().workloads.size(); ++i) {
      done[site().workloads[i]] = {.reclaims = (*counts_)[i].reclaims, .freed_bytes = (*counts_)[i].freed_bytes};
    }
    return done;
  }

 private:
  struct Count {
    std::atomic<std::int64_t> reclaims, freed_bytes;
  };

  int run() const {
    std::array<std::int64_t, kMostWorkloads> allowed_at_us{};
    for (std::int64_t now_us = daemon::steady_now_us();; now_us += kInterval_us) {
      wait_until(now_us);
      for (std::size_t i = 0; i < site().workloads.size(); ++i) {
        if (now_us >= allowed_at_us[i] && look(site().parent / site().workloads[i], (*counts_)[i])) {
          allowed_at_us[i] = now_us + kCooldown_us;
        }
      }
    }
  }

  bool look(const fs::path& cgroup, Count& count) const {
    const kernel::Version version = site().ground.version();
    const Memory before = memory_of(cgroup, version);
    if (before.cache_bytes <= site().limit_bytes / 4) return false;
    const bool is_v1 = version == kernel::Version::v1;
    // v2 has no way to say "all"; that it frees less than it was asked for is not an error here.
    std::ofstream(cgroup / (is_v1 ? "memory.force_empty" : "memory.reclaim"))
        << (is_v1 ? "0" : std::to_string(before.cache_bytes)) << std::flush;
    const std::uint64_t left = usage_of(cgroup, version);
    ++count.reclaims;
    count.freed_bytes += static_cast<std::int64_t>(before.usage_bytes - std::min(left, before.usage_bytes));
    return true;
  }

  Shared<std::array<Count, kMostWorkloads>> counts_;
  Child child_;
};

[[noreturn]] void become(const std::vector<std::string>& command, const fs::path& log) {
  const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(fd, STDOUT_FILENO);
  ::dup2(fd, STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(command.front().c_str(), arguments.data());
  ::_exit(127);
}

/// A program that runs until SIGTERM.
class Daemon : public Policy {
 public:
  Daemon(Site site, const std::vector<std::string>& command)
      : Policy(std::move(site)), child_({}, [&]() -> int { become(command, log()); }) {}

  std::int64_t cpu_us() const override { return process_cpu_us(child_.pid()); }

  void check() const override {
    if (!child_.is_running()) throw std::runtime_error("a policy's program has ended; it says: " + last_words());
  }

  std::map<std::string, Done> stop() override {
    ::kill(child_.pid(), SIGTERM);
    child_.wait();
    return {};
  }

 protected:
  fs::path log() const { return site().directory / "log"; }

 private:
  std::string last_words() const {
    std::ifstream stream(log());
    std::string last;
    for (std::string line; std::getline(stream, line);) last = line;
    return last;
  }

  Child child_;
};

std::string quoted(const std::string& word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

/// What a command prints. Its standard error is ours.
std::string output_of(const std::string& command) {
  FILE* const pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) throw std::system_error(errno, std::system_category(), command);
  std::string output;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
  if (::pclose(pipe) != 0) throw std::runtime_error("this failed: " + command);
  return output;
}

/// This program, of any version. Only its parent, its history and `settings` are said.
class Service : public Daemon {
 public:
  Service(Site site, fs::path program, const std::string& settings = "# the defaults\n")
      : Daemon(site, command(site, program, settings)),
        program_(std::move(program)),
        history_(site.directory / "history.db") {}

  /// Asked of the program itself, which knows the histories of its version.
  std::map<std::string, Done> stop() override {
    Daemon::stop();
    std::map<std::string, Done> done;
    for (const std::string& workload : site().workloads) done[workload] = {.reclaims = 0, .freed_bytes = 0};
    std::istringstream rows(
        output_of(quoted(program_) + " query --format csv --database " + quoted(history_) +
                  " 'SELECT path, count(*), coalesce(sum(freed_bytes), 0) FROM v_reclaim GROUP BY path'"));
    std::string row;
    std::getline(rows, row);  // the names of the columns
    while (std::getline(rows, row)) {
      std::ranges::replace(row, ',', ' ');
      std::istringstream cells(row);
      std::string path;
      Done one;
      if (cells >> path >> one.reclaims >> one.freed_bytes) done[fs::path(path).filename()] = one;
    }
    return done;
  }

 private:
  static std::vector<std::string> command(const Site& site, const fs::path& program, const std::string& settings) {
    const fs::path config = site.directory / "config.toml";
    std::ofstream(config) << settings << std::flush;
    return {fs::absolute(program),        "run", "--config", config, "--parent", site.parent, "--database",
            site.directory / "history.db"};
  }

  fs::path program_, history_;
};

class Senpai : public Daemon {
 public:
  Senpai(const Site& site, const fs::path& oomd)
      : Daemon(site, senpai_command(oomd, site.ground.root(), site.parent, site.directory, site.limit_bytes)) {}

  std::map<std::string, Done> stop() override {
    Daemon::stop();
    std::map<std::string, Done> done;
    const std::map<std::string, std::int64_t> probes = senpai_probes(log());
    for (const std::string& workload : site().workloads) {
      const auto found = probes.find(workload);
      done[workload] = {.reclaims = found == probes.end() ? 0 : found->second};
    }
    return done;
  }
};

bool is_none(const std::string& name) { return name == "none" || name.starts_with("none-"); }

}  // namespace

std::unique_ptr<Policy> start_policy(const std::string& name, Site site, const Programs& programs) {
  if (name == "rust") return std::make_unique<OldRule>(std::move(site));
  if (name == "ours") return std::make_unique<Service>(std::move(site), programs.ours);
  if (name == "target") return std::make_unique<Service>(std::move(site), programs.ours, kTargetSettings);
  if (name == "before") return std::make_unique<Service>(std::move(site), programs.before);
  if (name == "senpai") return std::make_unique<Senpai>(site, programs.oomd);
  return std::make_unique<Policy>(std::move(site));
}

std::optional<std::string> missing(const std::string& name, const Programs& programs, kernel::Version version) {
  const auto unless_there = [](const fs::path& program, const char* option) -> std::optional<std::string> {
    if (program.empty()) return std::string("it needs ") + option;
    if (::access(program.c_str(), X_OK) != 0) return program.string() + " can't be executed";
    return std::nullopt;
  };
  if (is_none(name) || name == "rust") return std::nullopt;
  if (name == "ours" || name == "target") return unless_there(programs.ours, "--program");
  if (name == "before") return unless_there(programs.before, "--before, a build of the older program");
  if (name != "senpai") throw std::invalid_argument("there is no policy \"" + name + "\"");
  if (version == kernel::Version::v1) return "oomd works with cgroup v2 only, and this machine has v1";
  return unless_there(programs.oomd, "--oomd");
}

std::int64_t process_cpu_us(pid_t pid) {
  std::ifstream stream("/proc/" + std::to_string(pid) + "/stat");
  const std::string stat(std::istreambuf_iterator<char>(stream), {});
  const std::size_t end_of_name = stat.rfind(')');
  if (end_of_name == std::string::npos) return 0;
  std::istringstream fields(stat.substr(end_of_name + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  std::int64_t ticks = 0;
  for (std::int64_t i = 0, part = 0; i < 4 && fields >> part; ++i) ticks += part;
  return ticks * 1'000'000 / ::sysconf(_SC_CLK_TCK);
}

}  // namespace cgmm::bench::policy
