// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which memory hierarchy is watched, and from which directory on: cgroup v1 or v2, by what the directory really is (its
// file system's type, else its files, so that a copied or fake tree works). Called at start and at reload; any thread.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cgmm::kernel {

enum class Version : std::uint8_t { v1, v2 };
inline std::string_view to_string(Version version) { return version == Version::v1 ? "v1" : "v2"; }

/// There is no usable memory hierarchy at that place; what() is a sentence for the operator.
class HierarchyError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Hierarchy {
  Version version = Version::v1;
  bool real = false;         // the kernel's; otherwise a copied or fake tree
  std::string parent;        // the directory whose cgroups are watched
  std::string root;          // the hierarchy's topmost directory that can be seen from here
  std::string parent_path;   // parent below root, with a leading '/'; "" when they are the same
  std::string mounted_path;  // root itself, below the hierarchy's real root as the kernel's log names it; mostly ""
  std::uint64_t memory_bytes = 0;  // of the machine

  friend bool operator==(const Hierarchy&, const Hierarchy&) = default;
};

/// The path of a cgroup below `hierarchy.root` where the kernel's log has it below the hierarchy's real root.
std::string path_below_root(const Hierarchy& hierarchy, std::string_view logged_path);

/// Which directory of its hierarchy is mounted at `point` (text of /proc/self/mountinfo): "" for all of it, which is
/// also taken to be so where the answer lies outside of our cgroup namespace.
std::string mounted_path_of(std::string_view mountinfo, std::string_view point);

/// Looks at a parent directory. Throws HierarchyError.
Hierarchy open_hierarchy(const std::string& parent);

/// The root directories of the memory hierarchies among the mounts (text of /proc/self/mountinfo), the best first: the
/// host's (below /host) before our own, v1 before v2 where both manage memory here.
std::vector<std::string> memory_hierarchy_roots(std::string_view mountinfo);

/// The parent that `parent = "auto"` means below a hierarchy's root: kubepods of either cgroup driver, else where
/// Docker or Podman keep containers, else (none of them, or several) the root itself.
std::string find_parent(const std::string& root);

/// The same on this machine. Throws HierarchyError when no memory hierarchy is mounted.
std::string find_parent();

}  // namespace cgmm::kernel
