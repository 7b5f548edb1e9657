// SPDX-License-Identifier: Apache-2.0
#include "report/incident/words.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "base/words.hpp"
#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kShortId = 12;

std::string safe(std::string_view text) { return base::escape_for_terminal(text); }

std::string utc(std::int64_t at_us) { return base::format_utc(at_us, true); }

std::string size(const std::optional<std::uint64_t>& bytes) { return bytes ? base::format_bytes(*bytes) : "?"; }

std::string between(const Incident& incident) {
  if (!incident.earliest_at_us) return "before " + utc(incident.killed_at_us);
  return "between " + utc(*incident.earliest_at_us) + " and " + utc(incident.killed_at_us);
}

std::string pod_of(const VictimCgroup& cgroup) {
  if (!cgroup.pod.empty()) {
    return "pod " + (cgroup.pod_namespace.empty() ? "" : safe(cgroup.pod_namespace) + "/") + safe(cgroup.pod);
  }
  return cgroup.pod_uid.empty() ? "" : "pod " + safe(cgroup.pod_uid);
}

std::string victim_name(const Incident& incident) {
  const Victim& victim = incident.victim;
  if (victim.comm.empty() && !victim.pid) return "a process whose name is not known";
  std::string text = victim.comm.empty() ? "a process" : safe(victim.comm);
  if (victim.pid) text += " (pid " + std::to_string(*victim.pid) + ")";
  if (victim.process_count > 1) {
    const std::int64_t others = victim.process_count - 1;
    text += " and " + base::counted(others, "other process", "other processes") + " with it (memory.oom.group)";
  }
  return text;
}

std::string again(const Incident& incident) {
  if (!Row(incident.tables.facts).known_bytes("earlier_kills")) return "";
  if (incident.earlier_kills == 0 && incident.later_kills == 0) return "No other kill of it on record.";
  std::string text = "The first kill of it on record";
  if (incident.earlier_kills > 0) {
    const Row last(incident.tables.earlier_kills);
    const std::string last_before = base::format_duration_us(last.integer("before_us")) + " before";
    text = base::counted(incident.earlier_kills, "earlier kill") + " of it, ";
    text += incident.earlier_kills == 1 ? last_before
                                        : std::to_string(incident.earlier_kills_in_7_days) +
                                              " in the 7 days before, the last one " + last_before;
  }
  if (incident.later_kills > 0) text += "; killed " + base::counted(incident.later_kills, "time") + " since";
  return text + ".";
}

/// How the kill is known, and what is therefore not known.
std::string known(const Incident& incident) {
  if (incident.by_log) return "";
  const bool was_read = incident.kernel_log.starts_with('/');
  return "Only the cgroup's counter shows this kill: " + between(incident) + " a process was killed, but not which. " +
         (was_read                      ? "The kernel log (" + safe(incident.kernel_log) + ") does not mention it."
          : incident.kernel_log.empty() ? "It is not known whether the kernel log was read."
                                        : "The kernel log was not read: " + safe(incident.kernel_log) + ".");
}

/// "256.0 MiB of 256.0 MiB: heap and stacks 255.4 MiB, ... (the kernel's own numbers, at the kill)".
std::string memory(const Incident& incident) {
  if (!incident.at_kill) return "";
  const MemoryPoint& point = *incident.at_kill;
  std::string text = size(point.usage) + (point.limit ? " of " + size(point.limit) : "") + ": heap and stacks " +
                     size(point.anon) + ", tmpfs and shared " + size(point.shmem) + ", kernel " + size(point.kernel) +
                     ", page cache " + size(point.cache);
  if (point.dirty.value_or(0) > 0) text += " (" + size(point.dirty) + " dirty)";
  if (point.swap.value_or(0) > 0) text += "; swap " + size(point.swap);
  if (!incident.measured_by_kernel) {
    return text + " (in the last sample, " + base::format_duration_us(incident.killed_at_us - point.at_us) +
           " before).";
  }
  const std::string whose = has_own_numbers(incident) ? "" : " of " + limit_holder(incident) + " with all below it,";
  return text + " (by the kernel," + whose + " at the kill).";
}

std::string resident(const Incident& incident) {
  const Victim& victim = incident.victim;
  std::string text = victim.uid ? "Uid " + std::to_string(*victim.uid) + "." : "";
  std::string held;
  const auto add = [&held](const std::optional<std::uint64_t>& bytes, std::string_view what) {
    if (bytes) held += (held.empty() ? "" : ", ") + size(bytes) + " of " + std::string(what);
  };
  add(victim.anon_rss_bytes, "heap and stacks");
  add(victim.file_rss_bytes, "mapped files");
  add(victim.shmem_rss_bytes, "shared memory");
  if (!held.empty()) text += std::string(text.empty() ? "" : " ") + "It held " + held + ".";
  if (!victim.path.empty() && victim.path != incident.cgroup.path && !incident.cgroup.path.empty()) {
    text += std::string(text.empty() ? "" : " ") + "It ran in " + safe(victim.path) + ".";
  }
  return text;
}

/// The steepest rise between two samples, in bytes per second, and where it began.
std::pair<double, const MemoryPoint*> fastest(const Incident& incident) {
  std::pair<double, const MemoryPoint*> best{0, nullptr};
  const MemoryPoint* before = nullptr;
  for (const MemoryPoint& point : incident.samples) {
    const bool within = point.at_us >= incident.growth->from_at_us && point.at_us <= incident.last_before_us;
    if (!within || !held_bytes(point)) continue;
    if (before != nullptr && point.at_us > before->at_us && *held_bytes(point) > *held_bytes(*before)) {
      const double per_second = static_cast<double>(*held_bytes(point) - *held_bytes(*before)) * 1e6 /
                                static_cast<double>(point.at_us - before->at_us);
      if (per_second > best.first) best = {per_second, before};
    }
    before = &point;
  }
  return best;
}

std::string growth(const Incident& incident) {
  if (!incident.growth) return "";
  const IncidentGrowth& grown = *incident.growth;
  std::string text = "From " + utc(grown.from_at_us) + " on, " +
                     base::format_duration_us(std::max<std::int64_t>(incident.killed_at_us - grown.from_at_us, 0)) +
                     " before the kill, memory that can't be dropped rose from " +
                     base::format_bytes(grown.from_bytes) + " to " + base::format_bytes(grown.to_bytes);
  const auto [per_second, begin] = fastest(incident);
  if (begin == nullptr) return text + ".";
  return text + "; fastest " + base::format_duration_us(incident.killed_at_us - begin->at_us) + " before, by " +
         base::format_bytes(static_cast<std::uint64_t>(std::min(per_second, 9e18))) + "/s.";
}

std::string nothing_done(const Incident& incident) {
  const bool no_reclaim = incident.tables.reclaims.rows.empty();
  const bool no_change = incident.tables.limit_changes.rows.empty();
  if (incident.cgroup.path.empty() || (!no_reclaim && !no_change)) return "";
  return std::string(no_reclaim && no_change ? "No reclaim of it and no change of its limit"
                     : no_reclaim            ? "No reclaim of it"
                                             : "No change of its limit") +
         " from " + base::format_utc(std::max(incident.since_us, incident.history_begins_at_us.value_or(0))) + " on.";
}

std::string missing_before(const Incident& incident) {
  if (incident.cgroup.path.empty()) return "Its cgroup is not tracked, so there are no samples of it.";
  if (last_sample_before(incident) != nullptr) return "";
  const auto born_us = incident.cgroup.first_seen_at_us;
  std::string text = "Nothing of it was sampled before the kill in this window";
  if (born_us && *born_us > incident.since_us) text += ": it was first seen at " + utc(*born_us);
  return text + ".";
}

/// Also if that time is too short for a gap.
std::string not_running(const Incident& incident) {
  const Row facts(incident.tables.facts);
  const std::int64_t from_us = facts.integer("not_running_from_at_us");
  const std::int64_t to_us = facts.integer("not_running_to_at_us");
  if (from_us == 0 || to_us == 0) return "";
  const std::string span = "from " + utc(from_us) + " to " + utc(to_us);
  if (facts.integer("had_crashed") != 0)
    return "The service had crashed: it recorded nothing " + span + ", and the kill lies in that time or next to it.";
  if (incident.by_log) return "The service was not running at the kill (" + span + ").";
  return "The service was not running " + span + ": the kill may lie in that time.";
}

/// What the service did not see. Says so too if the history begins within the window.
std::string unseen(const Incident& incident) {
  std::string text = missing_before(incident);
  const auto add = [&](const std::string& sentence) { text += (text.empty() ? "" : " ") + sentence; };
  if (const std::string down = not_running(incident); !down.empty()) add(down);
  for (const Gap& gap : incident.gaps) {
    if (gap.from_at_us >= incident.killed_at_us) continue;
    const bool holds_kill =
        incident.by_log ? incident.killed_at_us < gap.to_at_us : incident.killed_at_us <= gap.to_at_us;
    add("No scan from " + base::format_utc(gap.from_at_us) + " to " + base::format_utc(gap.to_at_us) + " (" +
        base::format_duration_us(gap.to_at_us - gap.due_at_us) + " missing): " + safe(gap.why) +
        (holds_kill ? ". The kill itself lies in that gap." : "."));
  }
  const auto begin_us = incident.history_begins_at_us;
  if (begin_us && *begin_us > incident.since_us) {
    add("The history begins at " + base::format_utc(*begin_us) +
        (*begin_us > incident.killed_at_us
             ? ", after the kill."
             : ", " + base::format_duration_us(incident.killed_at_us - *begin_us) + " before the kill."));
  }
  return text;
}

}  // namespace

std::string when(const Incident& incident) {
  return incident.by_log ? "at " + utc(incident.killed_at_us) : between(incident);
}

std::string incident_title(const Incident& incident) {
  return "OOM kill " + std::to_string(incident.id) + " " + when(incident);
}

std::string place_of(const Incident& incident) {
  const VictimCgroup& cgroup = incident.cgroup;
  const std::string pod = pod_of(cgroup);
  if (!cgroup.container.empty()) {
    return "container " + safe(cgroup.container) + (pod.empty() ? "" : " of " + pod);
  }
  if (!cgroup.container_id.empty()) {
    const std::string runtime = pod.empty() && !cgroup.runtime.empty() ? safe(cgroup.runtime) + " " : "";
    return runtime + "container " + safe(cgroup.container_id.substr(0, kShortId)) + (pod.empty() ? "" : " of " + pod);
  }
  if (!pod.empty()) return pod;
  if (!cgroup.path.empty()) return "cgroup " + safe(cgroup.path);
  if (!incident.victim.path.empty()) return "cgroup " + safe(incident.victim.path) + ", which is not tracked";
  return "an unknown cgroup";
}

std::string limit_holder(const Incident& incident) {
  const VictimCgroup& cgroup = incident.cgroup;
  const auto at = incident.limit_path.rfind('/');
  std::string last = at == std::string::npos ? "" : incident.limit_path.substr(at + 1);
  std::ranges::replace(last, '_', '-');  // systemd writes '-' as '_'
  const bool is_pod = !cgroup.pod.empty() && !cgroup.pod_uid.empty() && last.find(cgroup.pod_uid) != std::string::npos;
  return is_pod ? pod_of(cgroup) : safe(incident.limit_path) + " above it";
}

std::string who(const Incident& incident) { return victim_name(incident) + " in " + place_of(incident); }

std::vector<Said> incident_words(const Incident& incident) {
  std::vector<Said> said{
      {"who", who(incident)},          {"why", why(incident)},       {"cache", would_reclaim_have_helped(incident)},
      {"again", again(incident)},      {"told", known(incident)},    {"memory", memory(incident)},
      {"victim", resident(incident)},  {"growth", growth(incident)}, {"unseen", unseen(incident)},
      {"done", nothing_done(incident)}};
  std::erase_if(said, [](const Said& one) { return one.text.empty(); });
  return said;
}

}  // namespace cgmm::report
