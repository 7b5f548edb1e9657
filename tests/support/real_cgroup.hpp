// SPDX-License-Identifier: Apache-2.0
#pragma once

// Real cgroups of a test's own: a directory below the root of the v1 memory hierarchy, removed with all that
// is below it. Nothing outside of it is touched.

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "support/eventually.hpp"

namespace cgmm::test {

/// Writes a cgroup file; throws with its path when the kernel refuses.
inline void write_cgroup_file(const std::filesystem::path& file, std::string_view value) {
  std::ofstream stream(file);
  if (!(stream << value << std::flush)) {
    throw std::runtime_error("can't write " + file.string());
  }
}

/// Where the v1 memory controller is mounted, from the mount's root on; nullopt where it is not.
inline std::optional<std::filesystem::path> v1_memory_mount() {
  std::ifstream mountinfo("/proc/self/mountinfo");
  for (std::string line; std::getline(mountinfo, line);) {
    const auto dash = line.find(" - ");
    if (dash == std::string::npos) {
      continue;
    }
    std::istringstream before(line.substr(0, dash)), after(line.substr(dash + 3));
    std::string id, parent, device, root, mount_point, type, source, options;
    before >> id >> parent >> device >> root >> mount_point;
    after >> type >> source >> options;
    if (type == "cgroup" && ("," + options + ",").find(",memory,") != std::string::npos) {
      return mount_point;
    }
  }
  return std::nullopt;
}

class RealCgroupTree {
 public:
  /// Why there can't be one here; nullopt when there can.
  static std::optional<std::string> missing() {
    const auto mount = v1_memory_mount();
    if (!mount) {
      return "the cgroup v1 memory controller is not mounted here";
    }
    if (::access((*mount / "cgroup.procs").c_str(), W_OK) != 0) {
      return mount->string() + " is not writable (not root, or mounted read-only)";
    }
    return std::nullopt;
  }

  RealCgroupTree() : mount_(v1_memory_mount().value()) {
    static int count = 0;
    dir_ = mount_ / ("cgmm-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
    std::filesystem::create_directory(dir_);
  }
  ~RealCgroupTree() { remove_below(dir_); }
  RealCgroupTree(const RealCgroupTree&) = delete;
  RealCgroupTree& operator=(const RealCgroupTree&) = delete;

  const std::filesystem::path& dir() const { return dir_; }

  /// The path of a cgroup as the history has it.
  std::string path_of(std::string_view name) const { return "/" + (dir_.filename() / name).string(); }

  std::filesystem::path make(std::string_view name, std::optional<std::uint64_t> limit_bytes = std::nullopt) const {
    const auto cgroup = dir_ / name;
    std::filesystem::create_directories(cgroup);
    if (limit_bytes) {
      write_cgroup_file(cgroup / "memory.limit_in_bytes", std::to_string(*limit_bytes));
    }
    return cgroup;
  }

  /// Removes it, waiting for its last process to be gone.
  void remove(std::string_view name) const {
    if (!remove_below(dir_ / name)) {
      throw std::runtime_error("can't remove " + (dir_ / name).string());
    }
  }

  /// Removes all that is in it.
  void empty() const {
    for (const auto& entry : std::filesystem::directory_iterator(dir_)) {
      if (entry.is_directory() && !entry.is_symlink()) remove_below(entry.path());
    }
  }

  /// Removes a cgroup of any v1 hierarchy with all that is below it; false: it is not to be removed.
  static bool remove_below(const std::filesystem::path& cgroup) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(cgroup, error)) {
      if (entry.is_directory() && !entry.is_symlink()) {
        remove_below(entry.path());
      }
    }
    // EBUSY until a process that was just killed has left.
    return eventually([&] { return ::rmdir(cgroup.c_str()) == 0 || errno == ENOENT; }, std::chrono::seconds{10});
  }

 private:
  std::filesystem::path mount_, dir_;
};

}  // namespace cgmm::test
