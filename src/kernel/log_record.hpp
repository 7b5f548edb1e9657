// SPDX-License-Identifier: Apache-2.0
#pragma once

// A record of the kernel log as in /dev/kmsg, and helpers to parse its lines. Pure: any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cgmm::kernel {

/// The longest text of a record, or of a line with its fragments.
inline constexpr std::size_t kMaxLogText = 8192;

/// One record of /dev/kmsg.
struct LogRecord {
  // Level (0 to 7) + 8 * facility. Facility 0 is the kernel's; user space can't use it.
  unsigned priority = 0;
  std::uint64_t sequence = 0;
  std::int64_t at_us = 0;  // the log's clock: since boot, not counting suspend
  // A fragment: the rest of a line that was interrupted by another message or was too long. Before Linux 4.9 also its
  // begin.
  bool continued = false;
  std::string text;  // without the line feed and the KEY=value lines; any bytes but NUL

  friend bool operator==(const LogRecord&, const LogRecord&) = default;
};

/// Parses what one read() of /dev/kmsg returns: "priority,sequence,microseconds,flag[,more];text\n KEY=value\n".
/// nullopt for anything else.
std::optional<LogRecord> parse_record(std::string_view raw);

/// If the text begins with the prefix, removes it and returns true.
bool drop_prefix(std::string_view& text, std::string_view prefix);

/// Removes the number at the begin of the text and returns it.
std::optional<std::uint64_t> take_number(std::string_view& text);

}  // namespace cgmm::kernel
