// SPDX-License-Identifier: Apache-2.0
#include "daemon/kills/victim.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "base/fd.hpp"
#include "core/container.hpp"
#include "kernel/control_file.hpp"

namespace cgmm::daemon {
namespace {

/// Of the cgroup at `path`, if it is still there; else 0.
std::uint64_t inode_of(const kernel::Hierarchy& hierarchy, const std::string& path) {
  const base::Fd root(::open(hierarchy.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const base::Fd directory = root ? kernel::open_directory(root.get(), path, O_PATH) : base::Fd{};
  struct stat status{};
  return directory && ::fstat(directory.get(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

core::OomKill located(core::LoggedKill kill, const std::string& boot_id, std::int64_t killed_at_us,
                      const kernel::Hierarchy& hierarchy) {
  core::OomKill found{.killed_at_us = killed_at_us, .position = {boot_id, kill.sequence}};
  for (std::string* path : {&kill.limit_path, &kill.victim_path, &kill.group_path}) {
    if (!path->empty()) *path = kernel::path_below_root(hierarchy, *path);
  }
  found.id.path = kill.victim_path;
  const std::string& parent = hierarchy.parent_path;
  const bool is_below = kill.victim_path.starts_with(parent + "/") || kill.victim_path == parent;
  const auto container = is_below ? core::recognise_container(kill.victim_path, parent.size()) : std::nullopt;
  if (container) {
    found.container = container->identity;
    found.id.path.resize(container->path_length);
  }
  if (!found.id.path.empty()) found.id.inode = inode_of(hierarchy, found.id.path);
  found.logged = std::move(kill);
  return found;
}

std::string victim_in_words(const core::LoggedKill& kill) {
  std::string text = kill.victim_comm.empty() ? "a process" : kill.victim_comm;
  if (kill.victim_pid) text += " (pid " + std::to_string(*kill.victim_pid) + ")";
  if (kill.process_count > 1) text += " and " + std::to_string(kill.process_count - 1) + " more of its group";
  return text;
}

}  // namespace cgmm::daemon
