// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the subcommands share: where output goes, what kind of terminal there is, and the window a report is about.

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/commands.hpp"
#include "core/table.hpp"
#include "report/format/render.hpp"

namespace cgmm::cli {

/// Colour and width for output that goes there: colour only on a terminal that wants it (NO_COLOR, TERM=dumb).
report::Style style_for(const OutputOptions& output);

/// Writes all of it; throws std::system_error when the file or the pipe does not take it.
void write_output(const OutputOptions& output, std::string_view text);

/// A half-open window of time, and the glob that cgroups must match.
struct Window {
  std::int64_t since_us = 0;
  std::int64_t until_us = 0;
  std::string cgroup_glob = "*";
  bool up_to_now = false;  // `since` is so long before now, and `until` is now: "the last 7 days"

  core::Parameters parameters() const;
};

/// Throws UsageError when `since` or `until` is no point in time, or the window is empty. A glob that does not begin
/// with '/' or '*' matches anywhere in the path or the name, so that a container's id, or "shop/web", is enough.
Window parse_window(const std::string& since, const std::string& until, const std::string& cgroup);

}  // namespace cgmm::cli
