// SPDX-License-Identifier: Apache-2.0
#include "kernel/hierarchy.hpp"

#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

namespace cgmm::kernel {
namespace {

namespace fs = std::filesystem;

constexpr long kCgroup1Magic = 0x27e0eb;
constexpr long kCgroup2Magic = 0x63677270;
// How far a fake tree is searched for a directory that shows its version.
constexpr int kLookDepth = 8;
constexpr std::size_t kLookEntries = 4096;

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

bool is_directory(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

[[noreturn]] void refuse(const std::string& parent, const std::string& reason) {
  throw HierarchyError("parent \"" + parent + "\" " + reason);
}

std::string read_small_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool has_word(const std::string& text, std::string_view word) {
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
  struct stat top{};
  if (::stat(parent.c_str(), &top) != 0) return std::nullopt;
  std::error_code error;
  fs::recursive_directory_iterator entry(parent, fs::directory_options::skip_permission_denied, error);
  for (std::size_t looked_at = 0; !error && entry != fs::end(entry) && looked_at < kLookEntries; ++looked_at) {
    const std::string path = entry->path().string();
    struct stat status{};
    const bool is_inside =
        ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_dev == top.st_dev;
    if (!is_inside || entry.depth() >= kLookDepth) entry.disable_recursion_pending();
    if (const auto version = is_inside ? version_by_files(path) : std::nullopt) return version;
    entry.increment(error);
  }
  if (error == std::errc::too_many_files_open || error == std::errc::too_many_files_open_in_system) {
    throw std::system_error(error, parent);  // nothing is known of it
  }
  return std::nullopt;
}

/// The topmost ancestor in the same mounted file system.
std::string root_of(const std::string& parent, long magic) {
  std::string root = parent;
  struct stat here{};
  if (::stat(root.c_str(), &here) != 0) return root;
  while (root.find('/') != std::string::npos && root != "/") {
    const std::string above = fs::path(root).parent_path().string();
    struct stat status{};
    struct statfs file_system{};
    if (::stat(above.c_str(), &status) != 0 || status.st_dev != here.st_dev) break;
    if (::statfs(above.c_str(), &file_system) != 0 || file_system.f_type != magic) break;
    root = above;
  }
  return root;
}

std::uint64_t machine_memory_bytes() {
  const long bytes = ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE);
  return static_cast<std::uint64_t>(std::max(bytes, 0L));
}

std::string real_path(const std::string& parent) {
  std::error_code error;
  const fs::path path = fs::canonical(parent, error);
  if (error) refuse(parent, "can't be opened: " + error.message() + "; expected a cgroup directory, or \"auto\"");
  if (!is_directory(path)) refuse(parent, "is not a directory; expected a cgroup directory, or \"auto\"");
  return path.string();
}

void expect_memory_controller(const Hierarchy& hierarchy) {
  if (hierarchy.version == Version::v1 && !exists(hierarchy.root + "/memory.usage_in_bytes")) {
    refuse(hierarchy.parent,
           "is in a cgroup v1 hierarchy without the memory controller; expected one below the directory where it is "
           "mounted (often /sys/fs/cgroup/memory), or \"auto\"");
  }
  if (hierarchy.version == Version::v2 &&
      !has_word(read_small_file(hierarchy.root + "/cgroup.controllers"), "memory")) {
    refuse(hierarchy.parent,
           "is in a cgroup v2 hierarchy without the memory controller (cgroup.controllers does not name it: cgroup v1 "
           "may have it); expected one with it, or \"auto\"");
  }
}

struct Mount {
  std::string mounted;  // the directory of the file system that is mounted
  std::string point;
  std::string type;
  std::string super_options;
};

/// mountinfo writes a space as \040, and so on.
std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int value = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(&text[i + 1], &text[i] + 4, value, 8).ptr == &text[i] + 4) {
      result += static_cast<char>(value);
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

/// "36 35 0:30 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory"
std::optional<Mount> parse_mount(const std::string& line) {
  std::istringstream words(line);
  std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (fields.size() < 6 || fields.end() - dash < 4) return std::nullopt;
  return Mount{
      .mounted = unescaped(fields[3]), .point = unescaped(fields[4]), .type = dash[1], .super_options = dash[3]};
}

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    if (auto mount = parse_mount(line)) mounts.push_back(std::move(*mount));
  }
  return mounts;
}

bool has_option(const std::string& options, std::string_view option) {
  return ("," + options + ",").find("," + std::string(option) + ",") != std::string::npos;
}

/// Whether a child of the directory has a name with this begin.
bool has_child_named(const std::string& directory, std::string_view prefix) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().filename().string().starts_with(prefix)) return true;
  }
  return false;
}

}  // namespace

Hierarchy open_hierarchy(const std::string& parent) {
  Hierarchy result;
  result.parent = real_path(parent);
  result.memory_bytes = machine_memory_bytes();
  struct statfs file_system{};
  if (::statfs(result.parent.c_str(), &file_system) != 0) {
    refuse(parent, "can't be opened: " + std::generic_category().message(errno));
  }
  if (file_system.f_type == kCgroup1Magic || file_system.f_type == kCgroup2Magic) {
    result.version = file_system.f_type == kCgroup2Magic ? Version::v2 : Version::v1;
    result.real = true;
    result.root = root_of(result.parent, file_system.f_type);
    result.parent_path = result.parent.substr(result.root.size());
    result.mounted_path = mounted_path_of(read_small_file("/proc/self/mountinfo"), result.root);
    expect_memory_controller(result);
    return result;
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
  const bool is_below =
      logged_path.starts_with(mounted) && (logged_path.size() == mounted.size() || logged_path[mounted.size()] == '/');
  return std::string(is_below ? logged_path.substr(mounted.size()) : logged_path);
}

std::string mounted_path_of(std::string_view mountinfo, std::string_view point) {
  std::string mounted;  // the last mount at that point is visible
  for (const Mount& mount : parse_mounts(mountinfo)) {
    if (mount.point == point) mounted = mount.mounted;
  }
  return mounted == "/" || mounted.starts_with("/..") ? "" : mounted;
}

std::vector<std::string> memory_hierarchy_roots(std::string_view mountinfo) {
  std::multimap<std::pair<bool, Version>, std::string> found;  // the first one is the best
  for (const Mount& mount : parse_mounts(mountinfo)) {
    const bool is_own = !mount.point.starts_with("/host/");
    if (mount.type == "cgroup" && has_option(mount.super_options, "memory")) {
      found.emplace(std::pair(is_own, Version::v1), mount.point);
    } else if (mount.type == "cgroup2" && has_word(read_small_file(mount.point + "/cgroup.controllers"), "memory")) {
      found.emplace(std::pair(is_own, Version::v2), mount.point);
    }
  }
  std::vector<std::string> roots;
  for (const auto& [rank, root] : found) roots.push_back(root);
  return roots;
}

std::string find_parent(const std::string& root) {
  // There is one directory more if the kubelet has its own cgroup above kubepods (kind, and --cgroup-root).
  for (const char* kubepods :
       {"/kubepods", "/kubepods.slice", "/kubelet/kubepods", "/kubelet.slice/kubelet-kubepods.slice"}) {
    if (is_directory(root + kubepods)) return root + kubepods;
  }
  std::vector<std::string> found;
  if (is_directory(root + "/docker")) found.push_back(root + "/docker");
  if (has_child_named(root + "/system.slice", "docker-")) found.push_back(root + "/system.slice");
  if (has_child_named(root + "/machine.slice", "libpod-")) found.push_back(root + "/machine.slice");
  if (is_directory(root + "/libpod_parent")) found.push_back(root + "/libpod_parent");
  return found.size() == 1 ? found.front() : root;
}

std::string find_parent() {
  const std::vector<std::string> roots = memory_hierarchy_roots(read_small_file("/proc/self/mountinfo"));
  if (roots.empty()) {
    throw HierarchyError(
        "parent = \"auto\" found no cgroup hierarchy with the memory controller among the mounts; "
        "mount one (in a container: the host's /sys/fs/cgroup at /host/sys/fs/cgroup), or name it with --parent");
  }
  return find_parent(roots.front());
}

}  // namespace cgmm::kernel
