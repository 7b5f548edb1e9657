// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the service is doing now: one JSON object on the status socket, a line for systemd, a few lines for the log.
// Plain data: any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/recording/record_queue.hpp"

namespace cgmm::daemon {

struct LiveStatus {
  std::string version;
  std::int64_t pid = 0;
  std::int64_t started_at_us = 0;
  RecordQueue::Progress progress;
  std::optional<std::int64_t> last_scan_age_us;  // by the steady clock, since its end; nullopt: none yet
  std::int64_t in_cooldown_count = 0;            // cgroups, as the reclaimer last knew
  std::string sampler, reclaimer, recorder;      // what each thread is doing, in words
  std::vector<RecordQueue::Fault> faults;
};

std::string to_text(const LiveStatus& status);
/// nullopt: it is no status.
std::optional<LiveStatus> parse_live_status(std::string_view text);

/// In one line without control characters, short enough for systemd.
std::string in_one_line(const LiveStatus& status);
/// In a few lines without control characters, for the log.
std::vector<std::string> in_lines(const LiveStatus& status);

}  // namespace cgmm::daemon
