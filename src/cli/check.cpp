// SPDX-License-Identifier: Apache-2.0
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/time.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/findings.hpp"
#include "cli/output.hpp"
#include "cli/reach.hpp"
#include "cli/terminal.hpp"
#include "daemon/clock.hpp"
#include "daemon/service/live_status.hpp"
#include "daemon/service/service.hpp"
#include "daemon/service/status_socket.hpp"
#include "kernel/container_logs.hpp"
#include "kernel/controller.hpp"
#include "kernel/kernel_log.hpp"
#include "kernel/runtime_names.hpp"
#include "report/catalog.hpp"
#include "store/file/open.hpp"
#include "store/file/salvage.hpp"
#include "store/file/trust.hpp"
#include "store/read/archive_check.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSuspiciousThreshold_bytes = 1 << 20;  // below this, "25" was probably meant as "25%"

/// "reclaim page cache at 25%, for 10s at most, observed for 5m; at most every 30s, [...]; 2 rules".
std::string in_words(const config::Config& config) {
  const core::ReclaimSettings& settings = config.policy.defaults;
  const core::Learning& learning = config.policy.learning;
  const auto threshold_bytes = settings.threshold.bytes(std::nullopt);
  const auto duration = [](std::int64_t duration_us) { return base::duration_setting(duration_us); };
  const std::string growth = !learning.adaptive ? "whether it helps or not"
                             : learning.max_cooldown_us > settings.cooldown_us
                                 ? "doubled up to " + duration(learning.max_cooldown_us) + " where it does not help"
                                 : "which is max_cooldown or more already";
  const std::string kind = settings.policy == core::ReclaimPolicy::rust   ? "all "
                           : settings.policy == core::ReclaimPolicy::idle ? "idle "
                                                                          : "";
  return "reclaim " + kind + "page cache at " +
         (threshold_bytes ? base::format_bytes(*threshold_bytes) : settings.threshold.to_string()) + ", for " +
         duration(config.policy.bounds.timeout_us) + " at most, observed for " + duration(learning.observe_for_us) +
         "; at most every " + duration(settings.cooldown_us) + ", " + growth + "; " +
         base::counted(config.policy.rules.size(), "rule") + (config.dry_run ? "; dry run: nothing is reclaimed" : "");
}

/// Whether others may remove files from the directory. A ConfigMap's directory has mode 0777, but is mounted read-only.
bool others_may_write(const fs::path& directory) {
  std::error_code error;
  const fs::perms mode = fs::status(directory, error).permissions();
  return !error && (mode & (fs::perms::group_write | fs::perms::others_write)) != fs::perms::none &&
         (mode & fs::perms::sticky_bit) == fs::perms::none &&
         (::access(directory.c_str(), W_OK) == 0 || errno != EROFS);
}

/// `untrusted`: why `run` would refuse the file; "": it would not.
void check_configuration(const Options& options, const config::Config& config, const std::string& untrusted,
                         Findings& findings) {
  const fs::path file = options.config.value_or(config::kDefaultFile);
  std::error_code error;
  const bool there = options.config || fs::exists(file, error);
  const fs::path directory = fs::absolute(file, error).parent_path();
  if (!untrusted.empty()) {
    findings.problem("configuration", untrusted, "do what it says: `run` does not take the file as it is");
  } else {
    findings.ok("configuration",
                there ? file.string() : "no " + file.string() + ": the defaults and the options given");
  }
  if (there && others_may_write(directory)) {
    findings.warning("configuration",
                     directory.string() + " may be written by others than its owner, who can take the file away",
                     "chmod go-w " + directory.string());
  }
  const auto threshold_bytes = config.policy.defaults.threshold.bytes(std::nullopt);
  if (!config.old_keys.empty())
    findings.warning("configuration", config.old_keys, "write reclaim_scope instead of watch");
  if (threshold_bytes && *threshold_bytes < kSuspiciousThreshold_bytes) {
    findings.warning(
        "policy",
        "the threshold is " + base::format_bytes(*threshold_bytes) + ": nearly every cgroup is over it, all the time",
        "a percentage has its sign: \"25%\"; a size its unit: \"512Mi\"");
  }
  findings.ok("policy", in_words(config));
  const core::NearLimitBounds& bounds = config.near_limit;
  const std::string over = core::Threshold::of_percent(bounds.over_pct).to_string();
  findings.ok("near-limit sampling",
              bounds.max_count == 0
                  ? "no cgroup is sampled between two scans: the seconds before an OOM kill are not on record"
                  : "up to " + std::to_string(bounds.max_count) + " cgroups over " + over +
                        " of their limit, or on their way there, are sampled every second");
}

/// In a container that the host's hierarchy is mounted into: what somebody who has taken it over could do there.
void check_access(const kernel::Hierarchy& hierarchy, Findings& findings) {
  if (!hierarchy.root.starts_with("/host/")) return;
  if (::access((hierarchy.root + "/cgroup.procs").c_str(), W_OK) != 0 && errno == EROFS)
    return findings.ok("access", "cgroups can only be read here");
  findings.ok("access",
              std::string("this container could change limits, freeze or kill all processes of the node; the service "
                          "only writes to ") +
                  kernel::make_controller(hierarchy)->reclaim_file() + " (see docs/security.md)");
}

void check_hierarchy(const kernel::Hierarchy& hierarchy, const config::Config& config, Findings& findings) {
  const bool is_v1 = hierarchy.version == kernel::Version::v1;
  findings.ok("hierarchy", "cgroup " + std::string(kernel::to_string(hierarchy.version)) + " at " + hierarchy.parent +
                               (hierarchy.real ? "" : " (a copied or fake tree, not the kernel's)"));
  if (is_v1) {
    findings.ok("bounds",
                "cgroup v1 takes no amount, so short writes make up each step; it has no pressure by cgroup, so "
                "max_pressure has no effect here");
  }
  check_cgroups(hierarchy, config, findings);
  check_access(hierarchy, findings);
  if (!is_v1 && ::access("/proc/pressure/memory", R_OK) != 0) {
    findings.warning("pressure",
                     "the kernel keeps no pressure stall information: psi_* stay NULL, max_pressure is no bound",
                     "boot with psi=1 to have it");
  } else {
    findings.ok("pressure", is_v1 ? "cgroup v1 has none by cgroup: psi_* stay NULL" : "recorded for every cgroup");
  }
  struct sysinfo machine{};
  if (is_v1 && ::sysinfo(&machine) == 0 && machine.totalswap > 0) {
    findings.warning("swap",
                     base::format_bytes(std::uint64_t{machine.totalswap} * machine.mem_unit) +
                         " of swap: memory.force_empty may swap anon memory out",
                     "set memory.swappiness to 0 in the cgroups, or reclaim = false for those that swap");
  }
}

void check_kernel_log(const std::string& source, Findings& findings) {
  constexpr const char* kCounters = "OOM kills are found by the cgroups' counters, without the victims' names";
  if (source.starts_with("off")) {
    findings.ok("kernel log", source + ": " + kCounters);
    return;
  }
  const std::string file = source == "auto" ? kernel::KernelLog::find() : source;
  try {
    const kernel::KernelLog log(file);
    const std::string other = log.what_else();
    if (other.empty()) {
      findings.ok("kernel log", file + " tells of OOM kills");
    } else if (source == "auto" || log.can_be_polled()) {
      findings.problem("kernel log", file + " is " + other + ": " + kCounters,
                       "in a container give it the node's /dev/kmsg, or set kernel_log = \"off\"");
    } else {
      findings.warning("kernel log", file + " is " + other, "leave out kernel_log, or name the device (/dev/kmsg)");
    }
  } catch (const std::system_error& error) {
    findings.warning(
        "kernel log", std::string(error.what()) + ": " + kCounters,
        "run as root; in a container give it /dev/kmsg and CAP_SYSLOG; under systemd leave out PrivateDevices and "
        "ProtectKernelLogs");
  }
}

void check_names(const config::Config& config, Findings& findings) {
  kernel::ContainerLogs logs(config.container_logs);
  logs.names_of({.container_id = "0"}, daemon::wall_now_us());  // makes it look for the directory
  const std::string runtimes = kernel::RuntimeNames(config.container_logs).where();
  if (!runtimes.empty()) findings.ok("names", "of containers in no pod from " + runtimes);
  if (!logs.directory().empty() && logs.problem().empty()) {
    findings.ok("names", "of pods and containers from " + logs.directory());
  } else if (config.container_logs != "auto" && config.container_logs != "off") {
    findings.warning("names", "containers go by their ids: " + logs.problem(),
                     "name the directory that has kubelet's containers/ and pods/ in it, often /var/log");
  } else if (runtimes.empty()) {
    findings.ok("names",
                "containers go by their ids: " + (logs.problem().empty() ? "container_logs is off" : logs.problem()));
  }
}

/// What the service that runs, if one does, finds wrong itself. Returns its pid: from its lock, and if this user may
/// not open that, from its answer.
std::optional<std::int64_t> check_service(const fs::path& database, Findings& findings) {
  const auto pid = store::running_service_pid(database);
  const auto answer = daemon::ask_service(database, std::chrono::seconds{1});
  const auto live = answer ? daemon::parse_live_status(*answer) : std::nullopt;
  if (!live) {
    if (pid) findings.warning("service", "pid " + std::to_string(*pid) + " does not answer", "look at its log");
    return pid;
  }
  if (live->faults.empty()) findings.ok("service", "runs, and has no fault");
  for (const daemon::RecordQueue::Fault& fault : live->faults) {
    findings.warning("service",
                     "fault " + fault.name + " since " + base::format_time(fault.began_at_us) + ": " + fault.detail,
                     "docs/faults.md says what it means");
  }
  return live->pid;
}

/// What the service has put aside, and what may be done with it.
void check_put_aside(const fs::path& database, Findings& findings) {
  using store::Aside;
  struct Kind {
    Aside aside;
    const char* what;
    const char* advice;
  };
  constexpr Kind kKinds[] = {
      {Aside::newer, "was written by a later version", "a later version takes it up again when it starts"},
      {Aside::foreign, "is no history, and stood in the place of the database", "move it to where it belongs"},
      {Aside::corrupt, "was damaged",
       "what could be read of it within eight seconds was carried over; read the rest with --database, as far as the "
       "damage allows, or with `sqlite3` after `PRAGMA writable_schema = ON`, and remove it when nobody needs that"},
      {Aside::interim, "was recorded while one of a later version was put aside",
       "read it with --database, and remove it when nobody needs it"}};
  for (const Kind& kind : kKinds) {
    for (const fs::path& one : store::those_put_aside(store::resolved(database), kind.aside))
      findings.warning("put aside", one.string() + " " + kind.what, kind.advice);
  }
}

void check_archive(const store::ArchiveState& state, Findings& findings) {
  if (state.chunks == 0) return;
  findings.ok("archive", base::counted(state.samples, "sample") + " in " + base::counted(state.chunks, "chunk") +
                             (state.since_at_us ? ", since " + base::format_utc(*state.since_at_us) : ""));
  if (state.damaged_chunks > 0)
    findings.problem(
        "archive",
        base::counted(state.damaged_chunks, "chunk") + " can't be read, the first is of " + state.first_damage,
        "their samples are missing in every answer; take them from a backup if there is one");
  if (state.chunks_without_times > 0)
    findings.problem("archive",
                     "of " + base::counted(state.chunks_without_times, "chunk") +
                         " the times are not known: rows of the table scan are lost",
                     "their samples are missing in every answer; take them from a backup if there is one");
}

void check_database(const config::Config& config, std::optional<std::int64_t> pid, Findings& findings) {
  const fs::path& file = config.database;
  store::expect_trusted(file);
  std::error_code error;
  if (fs::exists(file, error)) {
    store::inspect(file, store::Thoroughness::whole_of_any_size);
    store::Reader reader(file);
    findings.ok("database", file.string() + (pid ? ", in use by pid " + std::to_string(*pid) : ""));
    findings.ok("soundness", "all of the database was looked through and is sound");
    const std::int64_t now_us = daemon::wall_now_us();
    findings.ok("history", in_words(reach_of(answer_to("status", reader, Window{.until_us = now_us}.parameters()),
                                             config.retention, history_bytes(file))));
    check_archive(store::look_at_archive(file), findings);
    if (::access(file.c_str(), W_OK) != 0) {
      findings.warning("database",
                       file.string() + " can't be written by this user: " + std::generic_category().message(errno),
                       "run the service as its owner");
    }
    return;
  }
  fs::path directory = fs::absolute(file).parent_path();
  while (!fs::exists(directory, error) && directory.has_relative_path()) directory = directory.parent_path();
  if (::access(directory.c_str(), W_OK) == 0) {
    findings.ok("database", file.string() + " is made at the first start");
  } else {
    findings.problem(
        "database",
        file.string() + " can't be made: " + directory.string() + ": " + std::generic_category().message(errno),
        "run as root, or name another file with --database");
  }
}

void check_reports(const config::Config& config, Findings& findings) {
  std::size_t own = 0;
  const auto left_out = [&](const std::string& sentence) {
    findings.warning("reports", sentence, "correct or remove the file; until then it is left out");
  };
  for (const report::Report& one : report::list_reports(config.reports_dir, left_out)) own += one.own ? 1 : 0;
  findings.ok("reports", std::to_string(own) + " of your own in " + config.reports_dir.string());
}

template <class Check>
void guarded(const char* item, const char* advice, Findings& findings, Check check_it) {
  try {
    check_it();
  } catch (const std::bad_alloc&) {
    findings.problem(item, "out of memory", advice);
  } catch (const std::exception& error) {
    findings.problem(item, error.what(), advice);
  }
}

int answer(const Options& options, const Findings& findings) {
  if (options.format == report::Format::text) {
    write_output(options, list_of(findings.table, style_for(options)));
  } else {
    write_table(options, findings.table);
  }
  return findings.exit_code;
}

}  // namespace

int check(const Options& options) {
  std::string untrusted;
  const config::Config config =
      config::load(options.config, options.overrides, [&](const std::string& sentence) { untrusted = sentence; });
  Findings findings;
  findings.ok("version", options.version);
  check_configuration(options, config, untrusted, findings);
  std::string log_to_read = config.kernel_log;
  guarded("hierarchy", "name the parent with --parent", findings, [&] {
    const kernel::Hierarchy hierarchy = daemon::hierarchy_for(config.parent);
    if (options.config_only) return;  // that there is one is what a reload asks
    log_to_read = daemon::log_to_read(config.kernel_log, hierarchy);
    check_hierarchy(hierarchy, config, findings);
  });
  if (options.config_only) return answer(options, findings);
  check_kernel_log(log_to_read, findings);
  check_names(config, findings);
  guarded("database", "put it right as it says, or name another file with --database", findings,
          [&] { check_database(config, check_service(config.database, findings), findings); });
  check_put_aside(config.database, findings);
  guarded("reports", "make the directory readable, or name another with reports_dir", findings,
          [&] { check_reports(config, findings); });
  return answer(options, findings);
}

}  // namespace cgmm::cli
