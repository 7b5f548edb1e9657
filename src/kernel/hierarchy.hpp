// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finds the memory hierarchy and the parent directory, and whether it is cgroup v1 or v2: by /proc/self/mountinfo, else
// by its files, so that a copied or fake tree works. Any thread.

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cgmm::kernel {

enum class Version : std::uint8_t { v1, v2 };
inline std::string_view to_string(Version version) { return version == Version::v1 ? "v1" : "v2"; }

/// There is no usable memory hierarchy. what() is a sentence for the operator.
class HierarchyError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Hierarchy {
  Version version = Version::v1;
  bool real = false;               // the kernel's; else a copied or fake tree
  std::string parent;              // the directory whose cgroups are tracked
  std::string root;                // the topmost visible directory of the hierarchy
  std::string parent_path;         // parent below root, with a leading '/'; "" when they are the same
  std::string mounted_path;        // path of `root` below the hierarchy's real root, as in the kernel log; usually ""
  std::uint64_t memory_bytes = 0;  // of the machine

  friend bool operator==(const Hierarchy&, const Hierarchy&) = default;
};

/// Converts a path of the kernel log (below the hierarchy's real root) to one below `hierarchy.root`.
std::string path_below_root(const Hierarchy& hierarchy, std::string_view logged_path);

struct Mount {
  std::string mounted;  // which directory of the file system; "": all of it, or one outside of our cgroup namespace
  std::string point;
  std::string type;
  std::string super_options;
};

/// The mount (in the text of /proc/self/mountinfo) that a path without symbolic links leads to.
std::optional<Mount> mount_of(std::string_view mountinfo, std::string_view path);

/// Examines a parent directory. Throws HierarchyError.
Hierarchy open_hierarchy(const std::string& parent);

/// The root directories of the memory hierarchies in the mounts (text of /proc/self/mountinfo), best first: the host's
/// (below /host) before our own, and v1 before v2 if both manage memory.
std::vector<std::string> memory_hierarchy_roots(std::string_view mountinfo);

/// The parent for `parent = "auto"`: the root of this machine's memory hierarchy. Throws HierarchyError when none is
/// mounted.
std::string find_parent();

}  // namespace cgmm::kernel
