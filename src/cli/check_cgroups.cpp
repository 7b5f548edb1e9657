// SPDX-License-Identifier: Apache-2.0
#include "cli/check_cgroups.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <exception>
#include <system_error>
#include <vector>

#include "base/fd.hpp"
#include "base/units.hpp"
#include "core/container.hpp"
#include "core/policy.hpp"
#include "kernel/controller.hpp"
#include "kernel/tree.hpp"

namespace cgmm::cli {
namespace {

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

/// Warns of a rule that matches nothing: probably its glob lacks a '/' or a '*'.
void check_rules(const core::Policy& policy, const std::vector<std::string>& tracked, Findings& findings) {
  std::vector<std::size_t> match_counts(policy.rules.size());
  for (const std::string& path : tracked) {
    if (const core::Rule* const rule = policy.rule_for(path)) {
      ++match_counts[static_cast<std::size_t>(rule - policy.rules.data())];
    }
  }
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    const std::string item = "rule[" + std::to_string(i + 1) + "]";
    const std::string detail =
        policy.rules[i].cgroup + " decides for " + base::counted(match_counts[i], "cgroup") + " now";
    if (match_counts[i] > 0) {
      findings.ok(item, detail);
    } else {
      findings.warning(item, detail,
                       "nothing, if such cgroups come later; else compare it with the paths in `report cgroups`");
    }
  }
}

}  // namespace

void check_cgroups(const kernel::Hierarchy& hierarchy, const config::Config& config, Findings& findings) {
  std::vector<std::string> tracked;
  std::size_t container_count = 0;
  std::int64_t left_out_count = 0;
  std::string whose;
  std::string first_error;
  std::string accounted;  // the first whose memory is
  std::size_t unaccounted_count = 0;
  try {
    kernel::Tree tree(hierarchy, config.watch, static_cast<std::size_t>(config.max_cgroups));
    const kernel::Walk& walk = tree.walk();
    first_error = walk.first_error;
    left_out_count = walk.left_out_count;
    whose = ", " + std::to_string(walk.crowd_count) + " of them below " + walk.crowd;
    for (const kernel::FoundCgroup& found : walk.cgroups) {
      tracked.push_back(found.path.string());
      if (core::recognise_container(tracked.back(), hierarchy.parent_path.size())) ++container_count;
    }
    const auto controller = kernel::make_controller(hierarchy);
    for (const kernel::FoundCgroup& found : walk.cgroups) {
      auto cgroup = controller->open(found.path, found.inode);
      if (!cgroup) continue;
      if (controller->lacks_memory(*cgroup)) {
        ++unaccounted_count;
      } else if (accounted.empty()) {
        accounted = found.path.string();
        controller->read(*cgroup);
      }
    }
  } catch (const std::exception& error) {
    first_error = error.what();
  }
  const std::string counts =
      base::counted(tracked.size(), "cgroup") + " to track, " + std::to_string(container_count) + " of them containers";
  if (!first_error.empty()) {
    findings.problem("cgroups", first_error, "run as root, or look at the permissions of that file");
  } else if (tracked.empty()) {
    findings.warning("cgroups", counts, "nothing, if containers come later; else name the parent with --parent");
  } else {
    findings.ok("cgroups", counts);
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
  check_rules(config.policy, tracked, findings);
  if (accounted.empty()) {
    findings.warning("reclaim", "there is no cgroup to try it on", "nothing, if containers come later");
  } else {
    check_reclaim(hierarchy, accounted, config.dry_run, findings);
  }
}

}  // namespace cgmm::cli
