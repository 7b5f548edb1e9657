// SPDX-License-Identifier: Apache-2.0
#pragma once

// The cgroups that are measured: real ones of the memory controller, v1 or v2, in a directory of their own and laid out
// as kubelet does. They are removed with the objects. One thread.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "kernel/hierarchy.hpp"
#include "process.hpp"

namespace cgmm::bench {

/// <memory hierarchy>/cgmm-bench-PID. Throws std::runtime_error where there is no such hierarchy, or none to write
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
  kernel::Version version() const;
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

/// What the containers do.
enum class Load : std::uint8_t {
  busy,  // in each one a process takes and gives back 16 pages of anonymous memory and dirties as many of a file, once
         // a second
  idle   // none has a process
};

/// So many, each with a limit, and beside them as many services, up to kMostServices: a node has both. All have some
/// page cache that a process has left there.
class Containers {
 public:
  static constexpr std::size_t kMostServices = 1000;

  /// Their files go into `directory`, which should be on a real disk.
  Containers(const Playground& playground, std::size_t count, Load load, const std::filesystem::path& directory);
  ~Containers();
  Containers(const Containers&) = delete;
  Containers& operator=(const Containers&) = delete;

  std::size_t size() const { return count_; }
  /// In the order in which they were made.
  std::vector<std::filesystem::path> paths() const;
  /// Everything that is recorded: also the pods, and the services.
  std::vector<std::filesystem::path> recorded_paths() const;

 private:
  std::size_t service_count() const { return std::min(count_, kMostServices); }
  void remove() const;

  std::filesystem::path kubepods_;
  std::size_t count_;
  std::vector<Child> live_;
};

}  // namespace cgmm::bench
