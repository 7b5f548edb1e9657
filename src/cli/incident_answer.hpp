// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `incident` and `fleet incident` say of one history, and the list of either. One thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "core/table.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {

/// Of --window. Throws UsageError.
std::int64_t parse_window_length(const std::string& text);

/// One OOM kill, in the format that is asked for. It is on record. `fleet_node`: the node of whose history this is a
/// copy from ClickHouse; "": it is this node's own.
std::string kill_page(store::Reader& reader, std::int64_t oom_kill_id, std::int64_t window_us, const Options& options,
                      const std::string& fleet_node = "");
/// The same of a cgroup that was stuck.
std::string stuck_page(store::Reader& reader, std::int64_t stuck_id, std::int64_t window_us, const Options& options,
                       const std::string& fleet_node = "");

/// The list for people, and sentences below it.
struct IncidentList {
  core::Table table;
  std::vector<std::string> remarks;
};
/// From the rows of reports/incident_workloads.sql, or of the fleet's. `command` lists each kill.
IncidentList incident_list_of(core::Table all, const Options& options, const std::vector<std::string_view>& columns,
                              const std::string& command);
void write_incident_list(const Options& options, const IncidentList& list);

}  // namespace cgmm::cli
