// SPDX-License-Identifier: Apache-2.0
#pragma once

// The kernel's log, record by record as it is written. /dev/kmsg keeps a place of its own for every opening,
// so reading takes nothing from anybody, and what was logged before the start is there too, as far as the
// buffer reaches. One object a thread.

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
      nothing,  // right now
      overrun   // the kernel overwrote what had not been read yet; reading goes on behind it
    };
    What what = What::nothing;
    LogRecord record;              // What::record
    std::uint64_t lost_count = 0;  // What::overrun: records; 0: not known
  };

  /// Throws std::system_error with the path. A regular file or a pipe of the same format does in place of the
  /// device.
  explicit KernelLog(std::string path = "/dev/kmsg", Start start = Start::end);

  /// The next record. Never blocks. Throws std::system_error with the path.
  Read read();

  /// Readable, to poll(), when a record has come.
  int fd() const { return fd_.get(); }

  /// Whether poll() waits for a record: a regular file is always readable, and so is a pipe that nobody
  /// writes to any more.
  bool can_be_polled() const { return is_device_; }

  /// Where "auto" finds the log: /dev/kmsg, or in a container without it /host/dev/kmsg.
  static std::string find();

  /// A record's time and sequence count from the boot that this names. Throws std::system_error.
  static std::string boot_id();

 private:
  std::optional<LogRecord> take_line();
  Read tell(LogRecord record);

  std::string path_;
  base::Fd fd_;
  bool is_device_ = false;
  bool overrun_ = false;     // told by the kernel, and not yet by us
  bool skips_line_ = false;  // it is longer than any record
  std::string buffer_;       // read and not yet returned
  std::size_t done_ = 0;     // of the buffer
  std::optional<std::uint64_t> last_sequence_;
  std::optional<LogRecord> held_;  // behind an overrun
};

/// The wall-clock time (since 1970) of a record, from both clocks now: the log's is CLOCK_MONOTONIC, or runs
/// ahead of it by a little, and no record is from the future. A clock that has been set since then counts as
/// it is now.
std::int64_t wall_us(std::int64_t logged_at_us, std::int64_t wall_now_us, std::int64_t monotonic_now_us);

}  // namespace cgmm::kernel
