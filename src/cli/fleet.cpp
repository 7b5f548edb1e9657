// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.hpp"
#include "cli/fleet_parts.hpp"

namespace cgmm::cli {
namespace {

struct Subcommand {
  const char* name;
  int (*start)(const Options& options);
  bool has_bounds = true;  // of time and memory
};

constexpr Subcommand kSubcommands[] = {
    {"init", fleet_init, false}, {"report", fleet_report}, {"incident", fleet_incident},
    {"history", fleet_history},  {"query", fleet_query},
};

}  // namespace

int fleet(const Options& options) {
  std::string names;
  for (const Subcommand& each : kSubcommands) {
    if (options.fleet.what == each.name) {
      if (each.has_bounds) begin_bounds(options.bounds);
      return each.start(options);
    }
    names += (names.empty() ? "" : ", ") + std::string(each.name);
  }
  throw UsageError("fleet: expected one of: " + names);
}

}  // namespace cgmm::cli
