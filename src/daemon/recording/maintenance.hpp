// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the history needs beside what is recorded: maintenance, and room. The recorder's thread.

#include <cstdint>
#include <string>

#include "daemon/fault.hpp"
#include "daemon/recording/record_queue.hpp"
#include "store/history.hpp"

namespace cgmm::daemon {

class Maintenance {
 public:
  explicit Maintenance(RecordQueue& queue) : queue_(queue), size_("history_size", queue), reader_("reader", queue) {}

  /// Some maintenance. Returns in words that the file is damaged; empty: nothing is known.
  std::string work(store::History& history);
  /// Scans that were left out of a transaction, to be told of by work().
  void note_lost_scans(std::int64_t count) { lost_scans_ += count; }

 private:
  void tell_lost_scans(std::int64_t now_us);

  RecordQueue& queue_;
  Fault size_;
  Fault reader_;
  std::int64_t lost_scans_ = 0;  // and not told yet
};

}  // namespace cgmm::daemon
