// SPDX-License-Identifier: Apache-2.0
#pragma once

// Shared by the subcommands: the configuration, the window of a report, its answer, and output.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cli/commands.hpp"
#include "core/table.hpp"
#include "report/catalog.hpp"
#include "report/format/render.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {

/// The configuration of a subcommand that only reads the history.
struct ReaderConfig {
  config::Config config;
  bool has_file = false;  // a valid file was read; else these are the defaults, not the service's settings
  std::string mistake;    // what is wrong in the file; "": nothing
};

/// If something in the file is wrong, warns on standard error and uses the defaults, so that the history can be read:
/// of
/// --database, else of the database that the file names, else of the default one. If others may write the file, warns
/// and uses it. Throws config::ConfigError where the file can't be read, or an option is wrong.
ReaderConfig load_for_reading(const Options& options);

void to_stderr(const std::string& sentence);

/// Writes all of it; text on a terminal in ASCII where it must be, and through a pager if it is long. Throws
/// std::system_error if the file or the pipe refuses it.
void write_output(const Options& options, std::span<const std::string> parts);
void write_output(const Options& options, const std::string& text);
void write_table(const Options& options, const core::Table& table);

/// A list for people has so many rows at most, and says how many more there are: nobody reads thousands of rows.
inline constexpr std::size_t kMostRowsForPeople = 1000;
/// The answer to one report. CSV and JSON have all rows, and never hold them all as a table. `about`: what stands below
/// the title.
void write_answer(const Options& options, const report::Report& report, store::Reader& reader,
                  const core::Parameters& parameters, const std::string& about = "");

/// A half-open time window, and the glob that cgroups must match.
struct Window {
  std::int64_t since_us = 0;
  std::int64_t until_us = 0;
  std::string cgroup_glob = "*";
  bool up_to_now = false;  // "the last 7 days": `since` is relative to now, and `until` is now

  core::Parameters parameters() const;
};

/// "2026-11-16T20:48:31Z to 2026-11-23T20:48:31Z".
std::string span_text(const Window& window);

/// "TITLE, 2026-11-16T20:48:31Z to 2026-11-23T20:48:31Z".
std::string titled(const std::string& title, const Window& window);

/// The glob of --cgroup or --workload; "*" without them. Throws UsageError if there are both. See parse_window.
std::string parse_glob(const Options& options);

/// Throws UsageError if --since or --until is not a time, the window is empty, or there are both --cgroup and
/// --workload. A --cgroup that does not begin with '/' or '*' matches anywhere in the path, the name or the workload,
/// so a container's id or "shop/web" is enough. A --workload is taken as it is.
Window parse_window(const Options& options);

/// As long a time as the window, before it.
Window window_before(const Window& window);

/// Under the report's title. SQL of the operator's own that can't be run is a UsageError that names its report.
core::Table answer_to(const report::Report& report, store::Reader& reader, const core::Parameters& parameters,
                      std::size_t most_rows = core::kAllRows);
/// The same for a built-in report.
core::Table answer_to(std::string_view name, store::Reader& reader, const core::Parameters& parameters,
                      std::size_t most_rows = core::kAllRows);

}  // namespace cgmm::cli
