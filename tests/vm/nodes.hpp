// SPDX-License-Identifier: Apache-2.0
#pragma once

// The machines that the everyday run is made on, and what the kernel calls things there.

#include <cstdint>
#include <ostream>
#include <string>

namespace cgmm::test {

inline constexpr std::int64_t kMiB = 1024 * 1024;
inline constexpr std::int64_t kPageBytes = 4096;

// A cgroup's usage counts what each processor (there are two) has set aside for it, up to a batch of 64
// pages; another cgroup's charge on that processor gives it back, also of a cgroup that is idle.
inline constexpr std::int64_t kStockBytes = 2 * 64 * kPageBytes;

struct Node {
  std::string name;
  std::string kernel;
  std::string scenario;
  std::string hierarchy;
  std::string parent;
  std::string method;
  // The kernel's names:
  std::string usage;
  std::string file;
  std::string shmem;
  std::string anon;
  std::string refault_file;
};

inline void PrintTo(const Node& node, std::ostream* out) { *out << node.name; }

inline const Node kV2On61{.name = "v2_6_1",
                          .kernel = "6.1",
                          .scenario = "v2",
                          .hierarchy = "v2",
                          .parent = "/sys/fs/cgroup",
                          .method = "memory.reclaim",
                          .usage = "memory.current",
                          .file = "file",
                          .shmem = "shmem",
                          .anon = "anon",
                          .refault_file = "workingset_refault_file"};
inline const Node kV2On612 = [] {
  Node node = kV2On61;
  node.name = "v2_6_12";
  node.kernel = "6.12";
  return node;
}();
inline const Node kV1On61{.name = "v1_6_1",
                          .kernel = "6.1",
                          .scenario = "v1",
                          .hierarchy = "v1",
                          .parent = "/sys/fs/cgroup/memory",
                          .method = "force_empty",
                          .usage = "memory.usage_in_bytes",
                          .file = "total_cache",
                          .shmem = "total_shmem",
                          .anon = "total_rss",
                          .refault_file = "total_workingset_refault_file"};

}  // namespace cgmm::test
