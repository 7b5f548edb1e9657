// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which node, which history of it, and which of its incidents is meant. One thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/table.hpp"
#include "fleet/ask/asker.hpp"
#include "fleet/look/copy.hpp"

namespace cgmm::fleet {

/// "node-7/16", "node-7/3fa91c/s2": of which node, of which of its histories, which incident.
struct IncidentPlace {
  std::string before;  // all before the last '/': NODE, or NODE/HISTORY; a node's name may have a '/', too
  IncidentNumber incident;
};
/// nullopt: it is no such place.
std::optional<IncidentPlace> place_of(const std::string& text);

/// The number as `incident show` takes it: "16", "s2".
std::string to_string(const IncidentNumber& incident);

/// The histories of a node, the newest first. `name`: NODE, or NODE/HISTORY with the first letters of a history_id; a
/// node that is called so goes first. Empty: there is none.
std::vector<HistoryName> histories_of(Asker& asker, const std::string& name);
/// Those of them that have this incident, in their order.
std::vector<HistoryName> having(Asker& asker, const std::vector<HistoryName>& histories,
                                const IncidentNumber& incident);

/// A condition on the column node: a glob, or a node that is called so. Nodes by their exact name go first.
std::string node_condition(Asker& asker, const std::string& glob);
/// Whether a node is called so.
bool is_node(Asker& asker, const std::string& name);

/// The histories in which cgroups match that lived in the window, by the names of their nodes.
std::vector<HistoryName> histories_with(Asker& asker, const std::string& node_glob, const std::string& cgroup_glob,
                                        std::int64_t since_us, std::int64_t until_us);

/// Puts "node-7/16" in the place of column `id`, from columns node and history_id. Where a node has several histories
/// and this is not the newest, "node-7/3fa91c7e/16".
void tell_places(Asker& asker, core::Table& incidents);

}  // namespace cgmm::fleet
