// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes the history: everything that waits becomes one transaction, or several where much has waited. When the disk
// refuses, the batch is tried again every second. From run() on, its thread is the only one that touches the history.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "daemon/fault.hpp"
#include "daemon/recording/container_names.hpp"
#include "daemon/recording/history_access.hpp"
#include "daemon/recording/max_size_fault.hpp"
#include "daemon/recording/record_queue.hpp"

namespace cgmm::daemon {

class Recorder {
 public:
  Recorder(store::HistoryFile& file, RecordQueue& queue, ContainerNames names, ThisRun run = {});

  /// Opens the history, which may last as long as its disk hangs; records until the queue is closed and empty; then
  /// records the stop. Throws StoreError where the history is refused for good at the start.
  void run();

  /// From any thread: the bounds of the history from the next batch on.
  void change(const core::RetentionSettings& retention);

  /// Commits one batch, a portion at a time; false when it has to be tried again with the same batch, and then goes on
  /// where it came to. A record that can't be stored whatever the disk does is given up with an error in the log.
  bool record(const std::vector<Record>& batch);

 private:
  bool record_until_stored(const std::vector<Record>& batch);
  void record_stop();
  bool store_portion(std::span<const Record> portion);
  void store_with_room(std::span<const Record> portion);
  void store(std::span<const Record> records);
  void log_commit(std::span<const Record> records, std::int64_t lost_scans);
  void name_containers(std::span<const Record> batch);
  void take_over_change();
  void maintain();

  std::function<void(std::vector<core::NamesOf>)> names_found_;
  HistoryAccess access_;
  RecordQueue& queue_;
  ContainerNames names_;
  Fault size_{"history_size", queue_};
  Fault reader_{"reader", queue_};
  MaxSizeFault max_size_{queue_};
  std::int64_t lost_scans_ = 0;   // for want of room, and not told yet
  std::size_t stored_count_ = 0;  // of the batch that is being recorded
  base::Mutex mutex_;
  std::optional<core::RetentionSettings> changed_ CGMM_GUARDED_BY(mutex_);  // new to the history
};

}  // namespace cgmm::daemon
