// SPDX-License-Identifier: Apache-2.0
#include "kernel/inspect.hpp"

#include <fcntl.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <system_error>

#include "core/container.hpp"
#include "kernel/controller.hpp"

namespace cgmm::kernel {
namespace {

/// Whether the file may be written. Opens it for writing, because access() does not know all about read-only mounts.
void try_reclaim_file(const Hierarchy& hierarchy, const std::string& path, Inspection& result) {
  const char* const name = hierarchy.version == Version::v1 ? "/memory.force_empty" : "/memory.reclaim";
  result.reclaim_file = hierarchy.root + path + name;
  result.can_reclaim = ::access(result.reclaim_file.c_str(), F_OK) == 0;
  if (!*result.can_reclaim) return;
  const base::Fd file(::open(result.reclaim_file.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  result.may_reclaim = static_cast<bool>(file);
  if (!file) result.reclaim_refusal = std::generic_category().message(errno);
}

}  // namespace

Inspection inspect(const Hierarchy& hierarchy, Watch watch, std::size_t max_cgroups) {
  Inspection result;
  try {
    Tree tree(hierarchy, watch, max_cgroups);
    const Walk& walk = tree.walk();
    result.first_error = walk.first_error;
    result.left_out_count = walk.left_out_count;
    for (const FoundCgroup& found : walk.cgroups) {
      result.watched.push_back(found.path.string());
      if (core::recognise_container(result.watched.back(), hierarchy.parent_path.size())) ++result.container_count;
    }
    if (!walk.cgroups.empty()) {
      try_reclaim_file(hierarchy, result.watched.front(), result);
      const auto controller = make_controller(hierarchy);
      const FoundCgroup& first = walk.cgroups.front();
      if (auto cgroup = controller->open(first.path, first.inode)) controller->read(*cgroup);
    }
  } catch (const std::exception& error) {
    result.first_error = error.what();
  }
  result.pressure = ::access("/proc/pressure/memory", R_OK) == 0;
  struct sysinfo info{};
  if (::sysinfo(&info) == 0) result.swap_bytes = static_cast<std::uint64_t>(info.totalswap) * info.mem_unit;
  return result;
}

}  // namespace cgmm::kernel
