// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/history_answer.hpp"
#include "cli/output.hpp"
#include "report/history/sections.hpp"
#include "store/file/backup.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {
namespace {

/// `history backup FILE`. With one word, "backup" is a glob.
int back_up(const Options& options) {
  if (options.cgroup != "backup") {
    throw UsageError("\"" + base::escape_for_terminal(options.backup) +
                     "\": one glob was expected; a FILE follows `history backup` only");
  }
  const std::filesystem::path database = load_for_reading(options).config.database;
  store::back_up(database, options.backup);
  write_output(options, base::escape_for_terminal(options.backup) + " is a sound copy of " +
                            base::escape_for_terminal(database.string()) + "\n");
  return 0;
}

}  // namespace

int history(const Options& options) {
  if (!options.backup.empty()) return back_up(options);
  if (options.cgroup.empty() && options.workload.empty())
    throw UsageError("history: of what? A glob or a part of a name was expected, or --workload GLOB");
  const Window window = parse_window(options);
  const config::Config config = load_for_reading(options).config;
  store::Reader reader(config.database);
  const core::Table cgroups = answer_to("history_cgroups", reader, window.parameters());
  const auto sections = report::sections_of(cgroups, options.each || is_path(cgroups, options.cgroup));
  if (sections.empty()) {
    const std::string none =
        "no samples of a " +
        (options.workload.empty() ? "cgroup that matches \"" + base::escape_for_terminal(options.cgroup)
                                  : "workload that matches \"" + base::escape_for_terminal(options.workload)) +
        "\" in this window";
    if (write_no_history(options, reader, window, "There are " + none + ".")) return 0;
    throw NotFoundError(none + "; `report cgroups --since " + options.since + "` lists the cgroups that there are");
  }
  write_history(options, sections, reader, window, config.retention.samples_us);
  return 0;
}

}  // namespace cgmm::cli
