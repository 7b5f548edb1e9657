// SPDX-License-Identifier: Apache-2.0
// A kill at the limit of a cgroup above the victim's: whose limit it was, and what held the memory.
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/format/row.hpp"
#include "report/incident/words.hpp"

namespace cgmm::report {
namespace {

using Bytes = std::optional<std::uint64_t>;

constexpr std::uint64_t kMuchLeft_bytes = 1024 * 1024;

std::string size(std::uint64_t bytes) { return base::format_bytes(bytes); }

Bytes limit_hit(const Incident& incident) {
  return incident.at_kill && incident.measured_by_kernel ? incident.at_kill->limit : std::nullopt;
}

/// "the limit of its pod, 32.0 MiB"
std::string limit_and_holder(const Incident& incident) {
  const std::string holder = limit_holder(incident);
  const Bytes limit = limit_hit(incident);
  return "limit of " + (holder.starts_with("pod ") ? "its pod" : holder) + (limit ? ", " + size(*limit) : "");
}

/// " NAME was gone 3m before the kill; in its last sample it had 100.0 MiB of tmpfs and shared memory." Empty: none had
/// any of it.
std::string left_behind(const Incident& incident, const char* column, std::string_view kind) {
  std::string name;
  std::uint64_t most = 0;
  std::int64_t gone_at_us = 0;
  for (const Row row : rows_of(incident.tables.ended)) {
    if (row.bytes(column) <= most) continue;
    most = row.bytes(column);
    name = row.text("cgroup");
    gone_at_us = row.integer("ended_by_us");
  }
  if (most < kMuchLeft_bytes) return "";
  return " " + base::escape_for_terminal(name) + " was gone " + incident.ago(gone_at_us) +
         " before the kill; in its last sample it had " + size(most) + " of " + std::string(kind) + ".";
}

}  // namespace

/// " In the scan 2 s before, 1 running cgroup held 380.0 MiB, and 104.0 MiB belonged to none, 100.0 MiB of it tmpfs and
/// shared memory." And whose that was.
std::string shares(const Incident& incident) {
  if (incident.tables.shares.rows.empty()) return "";
  const Row row(incident.tables.shares);
  const std::uint64_t remainder = row.bytes("remainder_bytes");
  std::string text = " In the scan " + incident.ago(row.integer("at_us")) + " before, " +
                     base::counted(row.integer("running_count"), "running cgroup") + " held " +
                     size(row.bytes("running_bytes")) + ", and " + size(remainder) + " belonged to none";
  if (remainder < kMuchLeft_bytes) return text + ".";
  const Bytes tmpfs = row.known_bytes("remainder_tmpfs_bytes"), cache = row.known_bytes("remainder_cache_bytes");
  const bool is_tmpfs = tmpfs.value_or(0) >= cache.value_or(0);
  const std::uint64_t most = (is_tmpfs ? tmpfs : cache).value_or(0);
  if (most < remainder / 4) return text + ".";
  const std::string_view kind = is_tmpfs ? "tmpfs and shared memory" : "page cache";
  const std::string left = left_behind(incident, is_tmpfs ? "tmpfs_bytes" : "cache_bytes", kind);
  text += ", " + size(most) + " of it " + std::string(kind) + ".";
  return text + (left.empty() ? " Whose that was is not on record." : left);
}

std::string growth_on_record(const Incident& incident) {
  const IncidentGrowth& growth = *incident.growth;
  return "Its memory that can't be dropped grew from " + size(growth.from_bytes) + " to " + size(growth.to_bytes) +
         " in the last " + incident.ago(growth.from_at_us) + " before the kill.";
}

std::string no_samples(const Incident& incident) {
  return samples_are_gone(incident) ? "the samples of how it came to that are " + incident.samples_gone
                                    : "there are no samples of how it came to that";
}

std::string limit_above(const Incident& incident) {
  const Bytes own = incident.facts().known_bytes("own_limit_bytes");
  const bool is_its_own = own && own == limit_hit(incident);
  const bool has_none = !own && incident.facts().integer("own_limit_is_known") != 0;
  return "the " + limit_and_holder(incident) +
         (is_its_own ? ", which is also its own"
          : has_none ? ", for it has none of its own"
                     : "");
}

std::string limit_above_was_hit(const Incident& incident) {
  const bool has_none =
      !incident.facts().known("own_limit_bytes") && incident.facts().integer("own_limit_is_known") != 0;
  if (has_none) return "It has no limit of its own; the " + limit_and_holder(incident) + ", was hit.";
  return "The" + limit_above(incident).substr(3) + ", was hit.";
}

std::string why_above(const Incident& incident) {
  const Bytes limit = incident.at_kill && incident.measured_by_kernel ? incident.at_kill->limit : std::nullopt;
  return "It did not hit its own limit, but the limit of " + limit_holder(incident) +
         (limit ? ", " + size(*limit) : "") + ", which it shares." + shares(incident) +
         shared(incident.tables.sharers, "cgroups that share it") + own_growth(incident);
}

}  // namespace cgmm::report
