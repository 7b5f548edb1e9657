// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes the history: everything that waits becomes one transaction. When the disk refuses, the batch is kept and tried
// again every second, so that nothing is lost until the queue is full; that is a fault with a beginning and an end. It also
// looks up what containers are called, which may have to wait for a disk as well.
// One thread, which from run() on is the only one that touches the history.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "daemon/record_queue.hpp"
#include "kernel/container_logs.hpp"
#include "store/history.hpp"

namespace cgmm::daemon {

class Recorder {
 public:
  Recorder(store::History& history, RecordQueue& queue, kernel::ContainerLogs names)
      : history_(history), queue_(queue), names_(std::move(names)) {}

  /// Until the queue is closed and empty; then records the stop.
  void run();

  /// Commits one batch; false when it has to be tried again. A record that can't be stored as it is, whatever the disk does, is
  /// given up with an error in the log, and the others of its batch are stored without it.
  bool record(const std::vector<Record>& batch);

 private:
  void store(std::span<const Record> records);
  bool record_one_by_one(const std::vector<Record>& batch);
  void name_containers(const std::vector<Record>& batch);
  void store_names(const std::vector<Record>& names);
  void tend();
  void fault_begins(const std::string& why);
  void fault_ends();

  store::History& history_;
  RecordQueue& queue_;
  kernel::ContainerLogs names_;
  struct Nameless {
    core::NamedCgroup cgroup;
    int tries_left = 0;
  };
  std::vector<Nameless> nameless_;  // kubelet makes a container's log after its cgroup
  std::int64_t fault_began_at_us_ = 0;  // 0: none
  std::string fault_;
  bool tidy_fault_told_ = false;
  bool reader_told_ = false;
  std::int64_t lost_scans_told_ = 0;
};

}  // namespace cgmm::daemon
