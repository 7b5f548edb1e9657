// SPDX-License-Identifier: Apache-2.0
#pragma once

// A record of the kernel's log as /dev/kmsg has it, and what its lines are read with. Pure: any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cgmm::kernel {

/// The longest text of a record, and of a line with its fragments, that is looked at.
inline constexpr std::size_t kMaxLogText = 8192;

/// One record of /dev/kmsg.
struct LogRecord {
  // Level (0 to 7) + 8 * facility. Facility 0 is the kernel's, which the kernel lets nobody else use.
  unsigned priority = 0;
  std::uint64_t sequence = 0;
  std::int64_t at_us = 0;  // the log's clock: since boot, not counting suspend
  // A fragment: the rest of a line that another message, or its length, broke; before Linux 4.9 also its
  // begin.
  bool continued = false;
  std::string text;  // without its line feed and the KEY=value lines below it; any bytes but NUL

  friend bool operator==(const LogRecord&, const LogRecord&) = default;
};

/// What one read() of /dev/kmsg returns: "priority,sequence,microseconds,flag[,more];text\n KEY=value\n".
/// nullopt for anything else.
std::optional<LogRecord> parse_record(std::string_view raw);

/// Whether the text begins so; what it begins with is removed then.
bool drop_prefix(std::string_view& text, std::string_view prefix);

/// The number that the text begins with, and removes it.
std::optional<std::uint64_t> take_number(std::string_view& text);

}  // namespace cgmm::kernel
