// SPDX-License-Identifier: Apache-2.0
#pragma once

// The cgroups that are measured: real ones of the v1 memory controller, in a directory of their own and laid out as
// kubelet does. They are removed with the objects. One thread.

#include <cstddef>
#include <filesystem>
#include <vector>

#include "process.hpp"

namespace cgmm::bench {

/// <v1 memory hierarchy>/cgmm-bench-PID. Throws std::runtime_error where there is no such hierarchy, or none to write
/// to.
class Playground {
 public:
  Playground();
  ~Playground();
  Playground(const Playground&) = delete;
  Playground& operator=(const Playground&) = delete;

  /// What the service is to watch: containers and services.
  std::filesystem::path node() const { return top_ / "node"; }
  std::filesystem::path kubepods() const { return node() / "kubepods"; }
  /// A cgroup beside that, for a process whose memory is looked at; made where it is not there yet.
  std::filesystem::path beside(const char* name) const;

 private:
  std::filesystem::path top_;
};

/// Where container number `i` is: two a pod.
std::filesystem::path container_path(const std::filesystem::path& kubepods, std::size_t i);
void make_container(const std::filesystem::path& kubepods, std::size_t i);
/// With its pod, after the pod's last one. Whatever is not there is passed over.
void remove_container(const std::filesystem::path& kubepods, std::size_t i);

/// So many, and beside them kOthers services, as a node has, each with some page cache that a process has left there.
/// In up to kLive of them a process lives: every 200 ms it dirties page cache of a file and gives back and takes
/// anonymous memory, always the same few pages. They have no limit at first: else whatever other programs on this
/// machine do would have the service look after them between two scans.
class Containers {
 public:
  static constexpr std::size_t kLive = 50, kOthers = 100;

  /// Their files go into `directory`, which should be on a real disk.
  Containers(std::filesystem::path kubepods, std::size_t count, const std::filesystem::path& directory);
  ~Containers();
  Containers(const Containers&) = delete;
  Containers& operator=(const Containers&) = delete;

  std::size_t size() const { return count_; }
  bool is_live(std::size_t i) const;
  void set_limits() const;
  /// In the order in which they were made.
  std::vector<std::filesystem::path> paths() const;
  /// Everything that is recorded: also the pods, and the services.
  std::vector<std::filesystem::path> recorded_paths() const;

 private:
  void remove() const;

  std::filesystem::path kubepods_;
  std::size_t count_;
  std::vector<Child> live_;
};

}  // namespace cgmm::bench
