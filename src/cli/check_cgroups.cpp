// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/fd.hpp"
#include "base/units.hpp"
#include "cli/findings.hpp"
#include "core/inventory.hpp"
#include "core/policy.hpp"
#include "core/workload.hpp"
#include "kernel/container_logs.hpp"
#include "kernel/controller.hpp"
#include "kernel/runtime_names.hpp"
#include "kernel/tree.hpp"

namespace cgmm::cli {
namespace {

struct Found {
  std::string path;
  std::string workload;
  core::CgroupKind kind = core::CgroupKind::leaf;
  std::size_t depth = 0;     // below the parent
  bool is_accounted = true;  // it has a memory controller
};

/// Opens the control file for writing, because access() does not know all about read-only mounts.
void check_reclaim(const kernel::Hierarchy& hierarchy, const std::string& path, bool dry_run, Findings& findings) {
  const std::string name = hierarchy.root + path + "/" + kernel::make_controller(hierarchy)->reclaim_file();
  if (::access(name.c_str(), F_OK) != 0) {
    findings.warning("reclaim", name + " does not exist: memory is recorded, nothing can be reclaimed",
                     "cgroup v2 has it since Linux 5.19");
  } else if (const base::Fd file(::open(name.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)); !file) {
    const std::string detail = name + " can't be written: " + std::generic_category().message(errno);
    const std::string advice =
        "run as root; in a container mount /sys/fs/cgroup writable; under systemd leave out ProtectControlGroups";
    dry_run ? findings.warning("reclaim", detail, advice) : findings.problem("reclaim", detail, advice);
  } else {
    findings.ok("reclaim", name + " is writable");
  }
}

/// Whether the glob has the uid of a pod or the id of a container in it.
bool names_one_pod(std::string_view glob) {
  constexpr std::size_t kLeastOfId = 8;
  std::size_t letters = 0, digits = 0;
  for (const char c : glob) {
    const bool is_digit = c >= '0' && c <= '9', is_letter = c >= 'a' && c <= 'f', is_between = c == '-' || c == '_';
    if (!is_digit && !is_letter && !is_between) letters = digits = 0;
    digits += is_digit ? 1 : 0;
    letters += is_letter ? 1 : 0;
    if (letters > 0 && digits > 1 && letters + digits >= kLeastOfId) return true;
  }
  return false;
}

/// Warns of a rule that matches nothing: probably its glob lacks a '/' or a '*'. And of one that names a pod by its
/// path, which ends with the pod.
void check_rules(const core::Policy& policy, const std::vector<Found>& tracked, Findings& findings) {
  std::vector<std::size_t> match_counts(policy.rules.size());
  std::vector<std::string> workloads(policy.rules.size());  // of the first that each decides for
  for (const Found& found : tracked) {
    if (const core::Rule* const rule = policy.rule_for(found.path, found.workload)) {
      const auto number = static_cast<std::size_t>(rule - policy.rules.data());
      if (match_counts[number]++ == 0) workloads[number] = found.workload;
    }
  }
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    const core::Rule& rule = policy.rules[i];
    const bool is_by_path = rule.workload.empty();
    const std::string item = "rule[" + std::to_string(i + 1) + "]";
    const std::string detail = (is_by_path ? rule.cgroup : "workload " + rule.workload) + " decides for " +
                               base::counted(match_counts[i], "cgroup") + " now";
    if (is_by_path && names_one_pod(rule.cgroup)) {
      const std::string& workload = workloads[i];
      findings.warning(item, detail + ", and names one pod or container: made anew, it has another path",
                       "write workload = \"" + (core::has_names(workload) ? workload : "namespace/name/container") +
                           "\" instead of cgroup");
    } else if (match_counts[i] > 0) {
      findings.ok(item, detail);
    } else {
      findings.warning(item, detail,
                       std::string("nothing, if such cgroups come later; else compare it with the ") +
                           (is_by_path ? "paths in `report cgroups`" : "workloads in `report memory_by_workload`"));
    }
  }
}

/// From the node's log files and runtimes, as the service gets them.
void find_workloads(const kernel::Hierarchy& hierarchy, const std::string& container_logs,
                    std::vector<Found>& tracked) {
  kernel::ContainerLogs logs(container_logs);
  kernel::RuntimeNames runtimes(container_logs);
  std::vector<core::ContainerIdentity> identities;
  for (const Found& found : tracked) {
    identities.push_back(core::identity_of(found.path, hierarchy.parent_path.size()));
    logs.see(identities.back());
  }
  for (std::size_t i = 0; i < tracked.size(); ++i) {
    std::optional<core::ContainerNames> names;
    if (core::may_get_names(identities[i])) {
      names = logs.names_of(identities[i], /*now_us=*/0);
      if (!names) names = runtimes.names_of(identities[i], /*now_us=*/0);
    }
    tracked[i].workload = core::workload_of(names.value_or(core::ContainerNames{}), identities[i], tracked[i].path);
  }
}

/// Says which cgroups are reclaimed, and which are only recorded. Returns the first that is.
std::optional<Found> check_scope(const core::Policy& policy, const std::vector<Found>& tracked, bool has_containers,
                                 Findings& findings) {
  std::optional<Found> first;
  std::size_t reclaimed_count = 0, kept_count = 0;
  core::Exclusions exclusions;
  for (const Found& found : tracked) {
    const core::Rule* const rule = policy.rule_for(found.path, found.workload);
    const bool is_by_rule = rule != nullptr && rule->reclaim == true;
    const bool is_kept = exclusions.add(found.depth, !policy.settings_of(rule).reclaim);
    if (!is_by_rule && !core::is_in_scope(policy.scope, found.kind, has_containers)) continue;
    if (!policy.settings_of(rule).reclaim || found.path.empty() || !found.is_accounted) continue;
    if (is_kept) {
      ++kept_count;
      continue;
    }
    if (!first) first = found;
    ++reclaimed_count;
  }
  const std::string kept =
      kept_count == 0
          ? ""
          : "; " + base::counted(kept_count, "pod or other inner cgroup is", "pods or other inner cgroups are") +
                " only recorded because a rule excludes a cgroup below";
  const std::string detail = base::counted(reclaimed_count, "cgroup is", "cgroups are") + " reclaimed when due, " +
                             std::to_string(tracked.size() - reclaimed_count) + " only recorded: ";
  switch (policy.scope) {
    case core::ReclaimScope::all:
      findings.ok("reclaim_scope", detail + "\"all\" is all but what a rule excludes" + kept);
      break;
    case core::ReclaimScope::containers:
      findings.ok("reclaim_scope", detail + "\"containers\" is containers and their pods" + kept);
      break;
    case core::ReclaimScope::automatic:
      findings.ok("reclaim_scope",
                  detail +
                      (has_containers ? "\"auto\" is containers and their pods where there are containers"
                                      : "\"auto\" is all that have no cgroup below them until a container is seen") +
                      kept);
  }
  return first;
}

}  // namespace

void check_cgroups(const kernel::Hierarchy& hierarchy, const config::Config& config, Findings& findings) {
  std::vector<Found> tracked;
  core::Inventory inventory;
  std::int64_t left_out_count = 0;
  std::size_t unaccounted_count = 0;
  std::string whose;
  std::string first_error;
  try {
    kernel::Tree tree(hierarchy, static_cast<std::size_t>(config.max_cgroups));
    const kernel::Walk& walk = tree.walk();
    first_error = walk.first_error;
    left_out_count = walk.left_out_count;
    whose = ", " + std::to_string(walk.crowd_count) + " of them below " + walk.crowd;
    for (const kernel::FoundCgroup& found : walk.cgroups) {
      tracked.push_back({.path = found.path.string(), .workload = "", .kind = found.kind, .depth = found.depth});
      inventory.add(found.kind, core::identity_of(tracked.back().path, hierarchy.parent_path.size()));
    }
    const auto controller = kernel::make_controller(hierarchy);
    bool is_read = false;
    for (std::size_t i = 0; i < tracked.size(); ++i) {
      auto cgroup = controller->open(walk.cgroups[i].path, walk.cgroups[i].inode);
      if (!cgroup) continue;
      tracked[i].is_accounted = !controller->lacks_memory(*cgroup);
      if (tracked[i].is_accounted && !is_read) is_read = controller->read(*cgroup).has_value();
      if (!tracked[i].is_accounted && !core::has_remainder(tracked[i].kind)) ++unaccounted_count;
    }
  } catch (const std::exception& error) {
    first_error = error.what();
  }
  if (!first_error.empty()) {
    findings.problem("cgroups", first_error, "run as root, or look at the permissions of that file");
  } else if (tracked.empty()) {
    findings.warning("cgroups", inventory.to_string(),
                     "nothing, if containers come later; else name the parent with --parent");
  } else {
    findings.ok("cgroups", inventory.to_string());
  }
  if (left_out_count > 0) {
    findings.warning("cgroups", std::to_string(left_out_count) + " more are over max_cgroups and left out" + whose,
                     "raise max_cgroups, or name a parent with fewer below it");
  }
  if (unaccounted_count > 0) {
    findings.warning(
        "memory controller",
        base::counted(unaccounted_count, "cgroup has", "cgroups have") + " no memory controller: not recorded",
        "nothing, if that is wanted; else enable it in cgroup.subtree_control of the cgroups above");
  }
  find_workloads(hierarchy, config.container_logs, tracked);
  check_rules(config.policy, tracked, findings);
  const auto first = check_scope(config.policy, tracked, inventory.container_count() > 0, findings);
  if (first) {
    check_reclaim(hierarchy, first->path, config.dry_run, findings);
  } else {
    findings.warning("reclaim", "there is no cgroup to try it on", "nothing, if containers come later");
  }
}

}  // namespace cgmm::cli
