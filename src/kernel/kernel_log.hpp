// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads the kernel log, record by record. Each open of /dev/kmsg has its own position, so reading does not disturb
// other readers. Records from before the start are there too, as far as the kernel's buffer reaches. Each object
// belongs to one thread.

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "kernel/log_record.hpp"

namespace cgmm::kernel {

class KernelLog {
 public:
  enum class Start : std::uint8_t { beginning, end };

  struct Read {
    enum class What : std::uint8_t {
      record,
      nothing,  // now
      overrun   // the kernel overwrote records before they were read; the next read() continues after them
    };
    What what = What::nothing;
    LogRecord record;              // What::record
    std::uint64_t lost_count = 0;  // What::overrun: records; 0: not known
  };

  /// Throws std::system_error with the path. A regular file or a pipe of the same format can replace the device.
  explicit KernelLog(std::string path = "/dev/kmsg", Start start = Start::end);

  /// The next record. Never blocks. Throws std::system_error with the path.
  Read read();

  /// For poll(): readable when there is a record.
  int fd() const { return fd_.get(); }

  /// Whether poll() waits for a record. A regular file is always readable, and so is a pipe without a writer.
  bool can_be_polled() const { return is_device_; }

  /// The file for "auto": /dev/kmsg, or /host/dev/kmsg in a container without it.
  static std::string find();

  /// Identifies the boot. Times and sequences of records count from it. Throws std::system_error.
  static std::string boot_id();

 private:
  std::optional<LogRecord> take_line();
  Read tell(LogRecord record);

  std::string path_;
  base::Fd fd_;
  bool is_device_ = false;
  bool overrun_ = false;     // reported by the kernel, not yet returned by read()
  bool skips_line_ = false;  // the line is longer than any record
  std::string buffer_;       // read and not yet returned
  std::size_t done_ = 0;     // of the buffer
  std::optional<std::uint64_t> last_sequence_;
  std::optional<LogRecord> held_;  // the record after an overrun
};

/// The wall-clock time (since 1970) of a record, from both clocks now. The log's clock is CLOCK_MONOTONIC or slightly
/// ahead of it; no record is from the future. If the wall clock was set since, its present setting counts.
std::int64_t wall_us(std::int64_t logged_at_us, std::int64_t wall_now_us, std::int64_t monotonic_now_us);

}  // namespace cgmm::kernel
