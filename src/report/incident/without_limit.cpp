// SPDX-License-Identifier: Apache-2.0
// A kill that was not for a cgroup's limit, and what the kernel prints at any kill besides: why, by the node's own
// numbers.
#include <algorithm>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "base/units.hpp"
#include "core/advice.hpp"
#include "report/format/row.hpp"
#include "report/incident/words.hpp"

namespace cgmm::report {
namespace {

using Bytes = std::optional<std::uint64_t>;

constexpr std::uint64_t kMuch = 10;      // a tenth of the node's memory
constexpr std::uint64_t kMost_pct = 90;  // what most of the memory is
constexpr std::uint64_t kPage_bytes = 4096;

std::string size(const Bytes& bytes) { return bytes ? base::format_bytes(*bytes) : "an unknown amount"; }

/// "NUMA node 1", "the NUMA nodes 0-1,3", "some NUMA nodes".
std::string numa_nodes(const Incident& incident) {
  const std::string nodes = incident.kill().text("numa_nodes");
  if (nodes.empty()) return "some NUMA nodes";
  const bool is_one = nodes.find_first_of(",-") == std::string::npos;
  return (is_one ? "NUMA node " : "the NUMA nodes ") + base::escape_for_terminal(nodes);
}

/// "mq/sib-0/big (the victim's)"
std::string sharer_name(const Row& row) {
  return base::escape_for_terminal(row.text("cgroup")) + (row.integer("is_victim") != 0 ? " (the victim's)" : "");
}

std::string node_ran_out(const Incident& incident) {
  const Bytes bytes = incident.facts().known_bytes("memory_bytes");
  const std::string memory = bytes ? " (" + size(bytes) + ")" : "";
  return "The node's memory" + memory + " had run out, and no limit was hit: the kernel chose this process." +
         shared(incident.tables.sharers, "tracked cgroups") + own_growth(incident);
}

std::string numa_nodes_ran_out(const Incident& incident, std::string_view binds) {
  return "The memory of " + numa_nodes(incident) + " had run out, to which " + std::string(binds) +
         " binds the process that asked for memory. No limit was hit, and other memory of the node may have been free: "
         "the kernel chose this process." +
         own_growth(incident);
}

std::string fragmented(const Incident& incident) {
  const Row node(incident.tables.node_memory);
  const Bytes free = incident.tables.node_memory.rows.empty() ? std::nullopt : node.known_bytes("free_bytes");
  const std::int64_t order = incident.kill().integer("alloc_order");
  const std::uint64_t page = incident.facts().known_bytes("page_size_bytes").value_or(kPage_bytes);
  const std::string text = "Memory was free on the node" + (free ? " (" + size(free) + ")" : "") + ", but not ";
  const std::string chosen = ". No limit was hit: the kernel chose this process." + own_growth(incident);
  if (order < 1) return text + "in the zone that it was asked for in" + chosen;
  return text + "in one piece of the size that was asked for, " + size(page << std::min<std::int64_t>(order, 30)) +
         " (order " + std::to_string(order) + "): it was fragmented" + chosen;
}

/// "12.0 MiB of page cache and 8.0 MiB of slab that can be dropped were left on the node at the kill".
std::string left_on_node(const Row& node, std::uint64_t cache) {
  const Bytes slab = node.known_bytes("slab_reclaimable_bytes");
  return size(cache) + " of page cache" + (slab ? " and " + size(slab) + " of slab that can be dropped" : "") +
         " were left on the node at the kill";
}

}  // namespace

/// " Of the 2 cgroups that share it, A grew most: 37.0 MiB to 53.0 MiB in 9 s; B held 95.0 MiB."
std::string shared(const core::Table& sharers, std::string_view which) {
  constexpr std::size_t kMostNamed = 3;
  if (sharers.rows.empty()) return "";
  const Row first(sharers);
  const std::int64_t all = first.integer("cgroups_below");
  const bool grew = first.integer("grew") != 0;
  std::string text =
      all > 1 ? " Of the " + std::to_string(all) + " " + std::string(which) + ", " : " By the last sample, ";
  if (grew) {
    text += sharer_name(first) + (all > 1 ? " grew most: " : " grew: ") + size(first.bytes("usage_before_bytes")) +
            " to " + size(first.bytes("usage_bytes")) + " in " + base::format_duration_us(first.integer("grown_in_us"));
  }
  for (std::size_t i = grew ? 1 : 0; i < std::min(sharers.rows.size(), kMostNamed); ++i) {
    const Row row(sharers, i);
    const bool is_first_held = i == (grew ? 1u : 0u);
    const std::string_view comma = is_first_held ? "; " : ", ";
    text += std::string(i == 0 ? "" : comma) + sharer_name(row) + (is_first_held ? " held " : " ") +
            size(row.bytes("usage_bytes"));
  }
  return text + (grew ? "." : "; no growth was sampled.");
}

std::string why_without_limit(const Incident& incident) {
  const std::string scope = scope_of(incident);
  if (scope == "cpuset") return numa_nodes_ran_out(incident, "a cpuset");
  if (scope == "memory_policy") return numa_nodes_ran_out(incident, "its memory policy");
  if (scope == "fragmentation") return fragmented(incident);
  if (scope == "sysrq")
    return "Somebody asked the kernel for it by SysRq, not because memory had run out: the kernel chose this process.";
  return node_ran_out(incident);
}

std::string would_dropping_on_the_node_have_helped(const Incident& incident) {
  const std::string scope = scope_of(incident);
  if (scope == "sysrq") return "Dropping page cache would not have helped: memory had not run out.";
  if (incident.tables.node_memory.rows.empty())
    return "It is not known whether dropping page cache would have helped: the kernel log does not say how much the "
           "node "
           "had left.";
  const Row node(incident.tables.node_memory);
  const Bytes active = node.known_bytes("active_file_bytes"), inactive = node.known_bytes("inactive_file_bytes");
  if (!active || !inactive)
    return "It is not known whether dropping page cache would have helped, nor how much the node had left.";
  const std::uint64_t cache = *active + *inactive, slab = node.known_bytes("slab_reclaimable_bytes").value_or(0);
  const std::string left = left_on_node(node, cache);
  if (scope == "cpuset" || scope == "memory_policy")
    return left + "; how much of it was on " + numa_nodes(incident) +
           " is not known, nor whether dropping it would have helped.";
  if (scope == "fragmentation")
    return left +
           ": dropping it would have freed more memory, which was not missing; whether in pieces of that size "
           "is not known.";
  const Bytes told_total = node.known_bytes("total_bytes");
  const Bytes total = told_total ? told_total : incident.facts().known_bytes("memory_bytes");
  const std::string share =
      total && *total > 0 ? " (" + core::in_percent(cache + slab, *total) + " of its memory)" : "";
  if (!total || cache + slab < *total / kMuch)
    return left + share + ": dropping it would not have helped; the kernel had dropped the rest already.";
  const std::uint64_t dirty =
      node.known_bytes("dirty_bytes").value_or(0) + node.known_bytes("writeback_bytes").value_or(0);
  return left + share + ": the kernel had tried and could not drop it in time" +
         (dirty > 0 ? ", " + size(dirty) + " of it waiting to be written" : "") +
         "; dropping it earlier would hardly have helped." +
         (dirty >= cache / 2 && dirty > 0 ? " Writing it back earlier may have helped." : "");
}

std::string largest_processes(const Incident& incident) {
  const core::Table& top = incident.tables.processes;
  if (top.rows.empty()) return "";
  const Row kill = incident.kill();
  const auto held = [](const Row& row) { return row.bytes("rss_bytes") + row.bytes("swap_bytes"); };
  const Row first(top);
  const std::string name = first.text("process");
  std::string text = (name.empty() ? "A process" : base::escape_for_terminal(name)) + " (pid " +
                     std::to_string(first.integer("pid")) + ") held " + size(held(first));
  const std::int64_t all_count = std::max(kill.integer("listed_count"), static_cast<std::int64_t>(top.rows.size()));
  const std::uint64_t all = kill.bytes("listed_rss_bytes") + kill.bytes("listed_swap_bytes");
  if (all_count == 1)
    return text +
           ", and was the only process (by the kernel, at the kill; what it shares with processes elsewhere counts).";
  std::uint64_t sum = 0;
  std::size_t count = 0;
  while (count < top.rows.size() && 100 * sum < kMost_pct * all) sum += held(Row(top, count++));
  text += "; " + std::to_string(count) + " of " + std::to_string(all_count) + " processes held " +
          core::in_percent(sum, all) + " of the " + size(all) + " that all held in memory";
  if (kill.bytes("listed_swap_bytes") > 0) text += " and swap";
  return text + " (by the kernel, at the kill; what they share counts for each).";
}

std::string node_memory(const Incident& incident) {
  if (incident.tables.node_memory.rows.empty()) return "";
  const Row node(incident.tables.node_memory);
  const auto of = [&](const char* column) { return size(node.known_bytes(column)); };
  const Bytes total = node.known_bytes("total_bytes"), dirty = node.known_bytes("dirty_bytes");
  return (total ? "Of " + size(total) + ", " : "") + of("free_bytes") + " were free; heap and stacks " +
         of("active_anon_bytes") + " active and " + of("inactive_anon_bytes") + " inactive, page cache " +
         of("active_file_bytes") + " active and " + of("inactive_file_bytes") + " inactive" +
         (dirty && *dirty > 0 ? " (" + size(dirty) + " dirty)" : "") + ", slab " + of("slab_reclaimable_bytes") +
         " that can be dropped and " + of("slab_unreclaimable_bytes") + " that can't (by the kernel, at the kill).";
}

}  // namespace cgmm::report
