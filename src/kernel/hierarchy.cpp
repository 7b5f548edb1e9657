// SPDX-License-Identifier: Apache-2.0
#include "kernel/hierarchy.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <system_error>
#include <utility>

#include "base/fd.hpp"
#include "kernel/parse.hpp"

namespace cgmm::kernel {
namespace {

namespace fs = std::filesystem;

// How many entries of a fake tree are searched for a directory that shows its version.
constexpr std::size_t kLookEntries = 4096;

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

[[noreturn]] void refuse(const std::string& parent, const std::string& reason) {
  throw HierarchyError("parent \"" + parent + "\" " + reason);
}

std::string read_small_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Throws: without it, nothing is known of any hierarchy.
std::string read_mountinfo() {
  const std::string mounts = read_small_file("/proc/self/mountinfo");
  if (mounts.empty()) throw std::system_error(errno, std::system_category(), "/proc/self/mountinfo");
  return mounts;
}

bool has_word(std::string text, std::string_view word) {
  std::ranges::replace(text, ',', ' ');
  std::istringstream words(text);
  return std::find(std::istream_iterator<std::string>(words), {}, word) != std::istream_iterator<std::string>();
}

std::optional<Version> version_by_files(const std::string& directory) {
  for (const char* name : {"/memory.current", "/memory.max", "/cgroup.controllers"}) {
    if (exists(directory + name)) return Version::v2;
  }
  for (const char* name : {"/memory.limit_in_bytes", "/memory.usage_in_bytes", "/memory.force_empty"}) {
    if (exists(directory + name)) return Version::v1;
  }
  return std::nullopt;
}

/// For a tree that is not the kernel's: by the first directory with memory files, on one file system.
std::optional<Version> version_of_copy(const std::string& parent) {
  if (const auto version = version_by_files(parent)) return version;
  const auto top = base::file_id(fs::path(parent));
  std::error_code error;
  fs::recursive_directory_iterator entry(parent, fs::directory_options::skip_permission_denied, error);
  for (std::size_t looked_at = 0; !error && entry != fs::end(entry) && looked_at < kLookEntries; ++looked_at) {
    const auto id = base::link_id(entry->path());
    const bool is_inside = id && top && id->device == top->device && !fs::is_symlink(entry->symlink_status(error));
    if (!is_inside) entry.disable_recursion_pending();
    if (const auto version = is_inside ? version_by_files(entry->path()) : std::nullopt) return version;
    entry.increment(error);
  }
  if (error == std::errc::too_many_files_open || error == std::errc::too_many_files_open_in_system) {
    throw std::system_error(error, parent);  // nothing is known of it
  }
  return std::nullopt;
}

std::uint64_t machine_memory_bytes() {
  const long bytes = ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE);
  return static_cast<std::uint64_t>(std::max(bytes, 0L));
}

std::string real_path(const std::string& parent) {
  std::error_code error;
  const fs::path path = fs::canonical(parent, error);
  if (error) refuse(parent, "can't be opened: " + error.message() + "; expected a cgroup directory, or \"auto\"");
  if (!fs::is_directory(path, error)) refuse(parent, "is not a directory; expected a cgroup directory, or \"auto\"");
  return path.string();
}

/// "36 35 0:30 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory"
std::optional<Mount> parse_mount(const std::string& line) {
  std::istringstream words(line);
  std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (fields.size() < 6 || fields.end() - dash < 4) return std::nullopt;
  for (std::string* const path : {&fields[3], &fields[4]}) *path = unescaped(*path, "\\", 3, 8);  // a space is \040
  const bool is_whole = fields[3] == "/" || fields[3].starts_with("/..");
  return Mount{.mounted = is_whole ? "" : fields[3], .point = fields[4], .type = dash[1], .super_options = dash[3]};
}

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    if (auto mount = parse_mount(line)) mounts.push_back(std::move(*mount));
  }
  return mounts;
}

std::optional<Version> version_of(const Mount& mount) {
  if (mount.type == "cgroup") return Version::v1;
  return mount.type == "cgroup2" ? std::optional(Version::v2) : std::nullopt;
}

/// Whether this cgroup hierarchy has the memory controller.
bool manages_memory(const Mount& mount) {
  return has_word(mount.type == "cgroup" ? mount.super_options : read_small_file(mount.point + "/cgroup.controllers"),
                  "memory");
}

}  // namespace

Hierarchy open_hierarchy(const std::string& parent) {
  Hierarchy result;
  result.parent = real_path(parent);
  result.memory_bytes = machine_memory_bytes();
  const auto mount = mount_of(read_mountinfo(), result.parent);
  if (const auto version = mount ? version_of(*mount) : std::nullopt) {
    result.version = *version;
    result.real = true;
    result.root = mount->point;
    result.parent_path = result.parent.substr(result.root.size());
    result.mounted_path = mount->mounted;
    if (manages_memory(*mount)) return result;
    refuse(result.parent,
           version == Version::v1
               ? "is in a cgroup v1 hierarchy without the memory controller; expected one below the directory where it "
                 "is mounted (often /sys/fs/cgroup/memory), or \"auto\""
               : "is in a cgroup v2 hierarchy without the memory controller (cgroup.controllers does not name it: "
                 "cgroup v1 may have it); expected one with it, or \"auto\"");
  }
  const auto version = version_of_copy(result.parent);
  if (!version) {
    refuse(parent,
           "is not a cgroup directory: neither it nor what is below has memory control files; expected one such as "
           "/sys/fs/cgroup/memory/kubepods, or \"auto\"");
  }
  result.version = *version;
  result.root = result.parent;
  return result;
}

std::string path_below_root(const Hierarchy& hierarchy, std::string_view logged_path) {
  const std::string& mounted = hierarchy.mounted_path;
  return std::string(is_at_or_below(logged_path, mounted) ? logged_path.substr(mounted.size()) : logged_path);
}

std::optional<Mount> mount_of(std::string_view mountinfo, std::string_view path) {
  std::optional<Mount> found;
  for (Mount& mount : parse_mounts(mountinfo)) {
    const bool is_above = is_at_or_below(path, mount.point);
    if (is_above && (!found || mount.point.size() >= found->point.size())) found = std::move(mount);
  }
  return found;
}

std::vector<std::string> memory_hierarchy_roots(std::string_view mountinfo) {
  std::multimap<std::pair<bool, Version>, std::string> found;  // the first one is the best
  for (const Mount& mount : parse_mounts(mountinfo)) {
    const auto version = version_of(mount);
    const bool is_own = !mount.point.starts_with("/host/");
    if (version && manages_memory(mount)) found.emplace(std::pair(is_own, *version), mount.point);
  }
  std::vector<std::string> roots;
  for (const auto& [rank, root] : found) roots.push_back(root);
  return roots;
}

std::string find_parent() {
  const std::vector<std::string> roots = memory_hierarchy_roots(read_mountinfo());
  if (roots.empty()) {
    throw HierarchyError(
        "parent = \"auto\" found no cgroup hierarchy with the memory controller among the mounts; "
        "mount one (in a container: the host's /sys/fs/cgroup at /host/sys/fs/cgroup), or name it with --parent");
  }
  return roots.front();
}

}  // namespace cgmm::kernel
