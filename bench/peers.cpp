// SPDX-License-Identifier: Apache-2.0
#include "peers.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "process.hpp"
#include "stop.hpp"

namespace cgmm::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kPeriod_us = 10'000'000;
constexpr std::int64_t kSettles_us = 90'000'000;  // netdata looks at each new cgroup for a while
constexpr int kPeriods = 3;

struct Peer {
  const char* name;
  const char* program;  // below the unpacked packages
  std::vector<std::string> arguments;
};

/// Only its cgroups' memory, and nothing that asks or answers others.
void configure_netdata(const fs::path& file, const fs::path& unpacked, const fs::path& directory,
                       const fs::path& node) {
  for (const char* const name : {"cache", "lib", "log"}) fs::create_directories(directory / name);
  std::ofstream text(file);
  text << "[global]\nrun as user = root\n[directories]";
  for (const char* const name : {"config", "stock config", "web"}) text << "\n" << name << " = " << directory.string();
  text << "\nplugins = " << (unpacked / "usr/lib/netdata/plugins.d").string();
  for (const char* const name : {"cache", "lib", "log"}) text << "\n" << name << " = " << (directory / name).string();
  text << "\n[db]\nupdate every = 10\n[web]\nmode = none\n[health]\nenabled = no\n[ml]\nenabled = no\n"
          "[plugins]\nenable running new plugins = no\ncgroups = yes\n";
  for (const char* const name : {"timex", "checks", "idlejitter", "tc", "diskspace", "proc", "statsd", "slabinfo",
                                 "apps", "netdata monitoring", "netdata monitoring extended"})
    text << name << " = no\n";
  text << "[plugin:cgroups]\nuse unified cgroups = no\npath to /sys/fs/cgroup/memory = " << node.string()
       << "\nmax cgroups to allow = 20000\nenable by default cgroups matching = *\n"
          "search for cgroups in subpaths matching = *\nrun script to rename cgroups matching = !*\n"
          "cgroups to match as systemd services = !*\nscript to get cgroup network interfaces = /bin/true\n";
  for (const char* const name : {"memory", "detailed memory", "memory limits fail count", "swap memory"})
    text << "enable " << name << " = yes\n";
  for (const char* const name :
       {"cpuacct stat (total CPU)", "cpuacct usage (per core CPU)", "cpuacct cpu throttling", "cpuacct cpu shares",
        "blkio bandwidth", "blkio operations", "blkio throttle bandwidth", "blkio throttle operations",
        "blkio queued operations", "blkio merged operations"})
    text << "enable " << name << " = no\n";
}

int run(const Peer& peer, const fs::path& unpacked, const fs::path& directory) {
  const int log = ::open((directory / "output").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::setenv("LD_LIBRARY_PATH", (unpacked / "usr/lib/x86_64-linux-gnu").c_str(), 1);
  const std::string program = unpacked / peer.program;
  std::vector<char*> arguments{const_cast<char*>(program.c_str())};
  for (const std::string& one : peer.arguments) arguments.push_back(const_cast<char*>(one.c_str()));
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  return 127;
}

std::vector<pid_t> processes_in(const fs::path& cgroup) {
  std::ifstream file(cgroup / "cgroup.procs");
  return {std::istream_iterator<pid_t>(file), {}};
}

/// Of those that run, and of those that the first one has waited for.
std::int64_t cpu_ns_of(pid_t first, const fs::path& cgroup) {
  std::int64_t ns = 0;
  for (const pid_t pid : processes_in(cgroup)) {
    try {
      for (const auto& [name, taken_ns] : cpu_ns_by_thread(pid)) ns += taken_ns;
    } catch (const fs::filesystem_error&) {  // it has ended meanwhile
    }
  }
  std::ifstream file("/proc/" + std::to_string(first) + "/stat");
  std::string text(std::istreambuf_iterator<char>(file), {});
  std::istringstream words(text.substr(std::min(text.rfind(')') + 2, text.size())));
  const std::vector<std::string> fields(std::istream_iterator<std::string>(words), {});
  constexpr std::size_t kOfChildren = 13;  // cutime and cstime, counted from the state
  if (fields.size() <= kOfChildren + 1) return ns;
  const std::int64_t ticks = std::stoll(fields[kOfChildren]) + std::stoll(fields[kOfChildren + 1]);
  return ns + ticks * (1'000'000'000 / ::sysconf(_SC_CLK_TCK));
}

PeerCost measure(const Peer& peer, const fs::path& unpacked, const fs::path& cgroup, const fs::path& directory) {
  std::fprintf(stderr, "a peer: %s\n", peer.name);
  PeerCost cost{.name = peer.name, .cpu_ns = {}};
  Child child(cgroup, [&] { return run(peer, unpacked, directory); });
  wait_for(kSettles_us);
  for (int i = 0; i < kPeriods && child.is_running(); ++i) {
    const std::int64_t before_ns = cpu_ns_of(child.pid(), cgroup);
    wait_for(kPeriod_us);
    cost.cpu_ns.add(static_cast<double>(cpu_ns_of(child.pid(), cgroup) - before_ns));
  }
  for (const pid_t pid : processes_in(cgroup)) cost.rss_bytes += status_bytes(pid, "VmRSS");
  if (!child.is_running()) cost.cpu_ns = {};
  for (int tries = 0; tries < 500; ++tries) {  // also those that it has started
    const auto left = processes_in(cgroup);
    if (left.empty()) break;
    for (const pid_t pid : left) ::kill(pid, SIGKILL);
    ::usleep(10'000);
  }
  return cost;
}

}  // namespace

std::vector<PeerCost> measure_peers(const fs::path& unpacked, const Playground& playground, const fs::path& directory) {
  const fs::path netdata = directory / "netdata", atop = directory / "atop";
  fs::create_directories(netdata);
  fs::create_directories(atop);
  configure_netdata(netdata / "netdata.conf", unpacked, netdata, playground.node());
  std::vector<PeerCost> costs;
  for (const Peer& peer : {Peer{"netdata", "usr/sbin/netdata", {"-D", "-c", netdata / "netdata.conf"}},
                           Peer{"atop", "usr/bin/atop", {"-w", atop / "log", "10"}}}) {
    if (!fs::exists(unpacked / peer.program)) continue;
    costs.push_back(measure(peer, unpacked, playground.beside(peer.name), directory / peer.name));
  }
  return costs;
}

std::string table_of(const std::vector<PeerCost>& peers, const PeerCost& own, std::size_t containers) {
  Table table({"program", "ms of CPU in 10 s", "us a container", "RSS, MB"});
  std::vector<PeerCost> all = peers;
  all.insert(all.begin(), own);
  for (const PeerCost& one : all) {
    if (one.cpu_ns.empty()) {
      table.row({one.name, "it did not run"});
      continue;
    }
    table.row({one.name, spread(one.cpu_ns, 1e6), fixed(one.cpu_ns.median() / 1e3 / static_cast<double>(containers)),
               fixed(static_cast<double>(one.rss_bytes) / 1e6)});
  }
  return "The same " + std::to_string(containers) +
         " busy containers, recorded every ten seconds: the service with cold caches, the others with caches that "
         "nothing empties, which costs them less. atop records processes, not cgroups.\n\n" +
         table.text();
}

}  // namespace cgmm::bench
