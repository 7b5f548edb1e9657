// SPDX-License-Identifier: Apache-2.0
#pragma once

// Looks up the names of containers; again with later scans where they are not known yet, because the kubelet makes a
// container's log after its cgroup. May have to wait for a disk. The recorder's thread.

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "daemon/recording/record_queue.hpp"
#include "kernel/container_logs.hpp"
#include "kernel/runtime_names.hpp"

namespace cgmm::daemon {

class ContainerNames {
 public:
  ContainerNames(kernel::ContainerLogs logs, kernel::RuntimeNames runtimes)
      : logs_(std::move(logs)), runtimes_(std::move(runtimes)) {}

  /// Names that are new: of cgroups that the batch has put on record, of those that its OOM kills name, and of those
  /// that had none yet. `now_us`: wall clock.
  std::vector<core::NamedCgroup> look_up(std::span<const Record> batch, std::span<const core::CgroupRef> appeared,
                                         std::int64_t now_us);
  /// They could not be recorded: look_up() returns them again after the next scan.
  void put_back(std::span<const core::NamedCgroup> names);
  /// What the lookups since the last call have found out, for the rules by workload: also that there is no name.
  std::vector<core::NamesOf> take_news() { return std::exchange(news_, {}); }

 private:
  struct Nameless {
    core::NamedCgroup cgroup;
    std::int64_t since_us = 0;  // of the wall clock; 0: from the next try on
    int tries = 0;
  };
  void try_again(std::int64_t now_us);
  bool look_up_one(core::NamedCgroup& cgroup, std::int64_t now_us);
  void add(const core::CgroupId& id, const core::ContainerIdentity& container, std::int64_t now_us);

  kernel::ContainerLogs logs_;
  kernel::RuntimeNames runtimes_;
  std::vector<Nameless> nameless_;
  std::vector<core::NamedCgroup> found_;
  std::vector<core::NamesOf> news_;
};

}  // namespace cgmm::daemon
