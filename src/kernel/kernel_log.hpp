// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads the kernel log, record by record, each object from a position of its own. Each belongs to one thread.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace cgmm::kernel {

/// The longest text of a record, or of a line with its fragments.
inline constexpr std::size_t kMaxLogText = 8192;

/// One record of /dev/kmsg.
struct LogRecord {
  // Level (0 to 7) + 8 * facility. Facility 0 is the kernel's; user space can't use it.
  unsigned priority = 0;
  std::uint64_t sequence = 0;
  std::int64_t at_us = 0;  // the log's clock: since boot, not counting suspend
  // A fragment: the rest (before Linux 4.9 also the begin) of a line that was interrupted or was too long.
  bool continued = false;
  std::string text;  // without the line feed and the KEY=value lines; any bytes but NUL

  friend bool operator==(const LogRecord&, const LogRecord&) = default;
};

/// From "priority,sequence,microseconds,flag[,more];text\n KEY=value\n"; nullopt for anything else.
std::optional<LogRecord> parse_record(std::string_view raw);

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

  /// What it is instead, if it is not the kernel's own log: "device 1:3 and not the kernel's log (device 1:11)", "no
  /// device: ..."; "": it is the kernel's own. In a container, /dev/kmsg may be anything.
  std::string what_else() const;

  /// Whether poll() waits for a record. A regular file is always readable, and so is a pipe without a writer.
  bool can_be_polled() const { return is_device_; }

  /// What one reader of a pipe takes, another one does not see.
  bool is_pipe() const { return is_pipe_; }

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
  bool is_pipe_ = false;
  dev_t device_ = 0;
  bool overrun_ = false;     // reported by the kernel, not yet returned by read()
  bool skips_line_ = false;  // the line is longer than any record
  std::string buffer_;       // read and not yet returned
  std::size_t done_ = 0;     // of the buffer
  std::optional<std::uint64_t> last_sequence_;
  std::optional<LogRecord> held_;  // the record after an overrun
};

}  // namespace cgmm::kernel
