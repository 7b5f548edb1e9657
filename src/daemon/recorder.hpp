// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes the history: everything that waits becomes one transaction, or several where much has waited. When the disk
// refuses, the batch is kept and tried again every second, so that nothing is lost until the queue is full; that is a
// fault with a beginning and an end. So is a history that can't be opened yet, is damaged, or was removed or replaced
// under our hands: store/keeper goes on in another file, and what holds now, cooldowns before all, is recorded there.
// It also looks up what containers are called, which may have to wait for a disk as well. One thread, which from run()
// on is the only one that touches the history.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/record_queue.hpp"
#include "daemon/standing_records.hpp"
#include "kernel/container_logs.hpp"
#include "store/keeper.hpp"

namespace cgmm::daemon {

/// What a history is told of this run.
struct ThisRun {
  std::int64_t started_at_us = 0;
  std::string detail;
  /// Called once, on the recorder's thread, as soon as it is known what earlier runs have left.
  std::function<void(const core::Handover&)> hand_over = [](const auto&) {};
  /// Called once: the history has been opened, or that will be tried again.
  std::function<void()> started = [] {};
};

class Recorder {
 public:
  Recorder(store::Keeper& keeper, RecordQueue& queue, kernel::ContainerLogs names, ThisRun run = {});

  /// Opens the history, which may last as long as its disk hangs; records until the queue is closed and empty; then
  /// records the stop. Throws StoreError where the history is refused for good at the start.
  void run();

  /// Commits one batch, a portion at a time; false when it has to be tried again with the same batch, and then goes on
  /// where it came to. A record that can't be stored as it is, whatever the disk does, is given up with an error in the
  /// log, and the others of its batch are stored without it.
  bool record(const std::vector<Record>& batch);

 private:
  void start();
  bool make_ready();
  void put_off(const std::exception& refusal);
  void check_for_damage();
  void open();
  void hand_over(const std::optional<core::Handover>& handover);
  void leave();
  template <class Act>
  void with_room(Act act);
  bool store_portion(std::span<const Record> portion);
  std::string store_with_room(std::span<const Record> portion);
  void store(std::span<const Record> records);
  void log_commit(std::span<const Record> records, std::int64_t lost_scans);
  bool record_one_by_one(std::span<const Record> portion);
  void name_containers(const std::vector<Record>& batch);
  void store_names(const std::vector<Record>& names);
  void tend();
  void fault_begins(const std::string& why);
  void fault_ends();

  store::Keeper& keeper_;
  RecordQueue& queue_;
  kernel::ContainerLogs names_;
  ThisRun run_;
  std::size_t stored_count_ = 0;      // of the batch that is being recorded
  bool has_freed_much_ = false;       // with the last batch
  std::string damage_;                // what SQLite says of it; empty: none is known
  std::string what_was_done_;         // with the file, in words, for the end of the fault
  std::int64_t try_again_at_us_ = 0;  // to open or to renew, of the steady clock
  std::int64_t try_again_after_us_ = 0;
  std::int64_t check_again_at_us_ = 0;
  bool has_begun_ = false;
  bool has_handed_over_ = false;
  StandingRecords standing_;
  struct Nameless {
    core::NamedCgroup cgroup;
    int tries_left = 0;
  };
  std::vector<Nameless> nameless_;      // kubelet makes a container's log after its cgroup
  std::int64_t fault_began_at_us_ = 0;  // 0: none
  std::string fault_;
  std::string fault_told_;
  std::int64_t tell_fault_again_at_us_ = 0;  // of the steady clock
  std::int64_t tell_fault_again_after_us_ = 0;
  bool tidy_fault_told_ = false;
  bool reader_told_ = false;
  std::int64_t lost_scans_ = 0;  // and not told yet
};

}  // namespace cgmm::daemon
