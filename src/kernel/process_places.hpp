// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which cgroup a process was in a moment ago. The kernel's log names the cgroup of ten OOM kills in five seconds only;
// the victim of another one that was seen in one cgroup's cgroup.procs just before was in that one. Only in the first
// pid namespace, whose numbers the log has. One thread.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernel/hierarchy.hpp"

namespace cgmm::kernel {

class ProcessPlaces {
 public:
  /// `proc`: where the process file system is mounted.
  explicit ProcessPlaces(std::string proc = "/proc") : proc_(std::move(proc)) {}

  /// Reads cgroup.procs of every cgroup of the hierarchy; at most once a second, and a twentieth of the time.
  void look(const Hierarchy& hierarchy, std::int64_t steady_us);

  /// The path, below the hierarchy's root, of the cgroup that the process was in. "": it was not seen in the last ten
  /// seconds, or in several, or its number may have been given to another process since.
  std::string place_of(std::int64_t pid, std::int64_t steady_us) const;

 private:
  /// How many process numbers the kernel has given out, and the last one: it gives them in their order, then again from
  /// the lowest that is free.
  struct Numbers {
    std::int64_t given_count = 0;
    std::int64_t last = 0;
    std::int64_t used_count = 0;
  };
  std::optional<Numbers> numbers() const;
  void look_into(int directory_fd, const std::string& path, std::size_t depth);
  void take_processes(int directory_fd, const std::string& path);

  std::string proc_;
  std::optional<Numbers> before_;  // the look; nullopt: there was none, or numbers mean nothing here
  std::int64_t looked_at_us_ = 0;
  std::int64_t took_us_ = 0;
  std::size_t directory_count_ = 0;
  std::vector<std::string> paths_;
  std::vector<std::pair<std::int32_t, std::uint32_t>> places_;  // pid, index into paths_; sorted
};

}  // namespace cgmm::kernel
