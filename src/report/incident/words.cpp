// SPDX-License-Identifier: Apache-2.0
#include "report/incident/words.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/format/chart.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kShortId = 12;

std::string safe(std::string_view text) { return base::escape_for_terminal(text); }

std::string exact_time(std::int64_t at_us) { return base::format_time(at_us, true); }

std::string size(const std::optional<std::uint64_t>& bytes) { return bytes ? base::format_bytes(*bytes) : "?"; }

std::string between(const Incident& incident) {
  if (!incident.earliest_at_us) return "before " + exact_time(incident.killed_at_us);
  return "between " + exact_time(*incident.earliest_at_us) + " and " + exact_time(incident.killed_at_us);
}

std::string pod_of(const Row& kill) {
  const std::string pod = kill.text("pod"), pod_namespace = kill.text("namespace"), uid = kill.text("pod_uid");
  if (!pod.empty()) return "pod " + (pod_namespace.empty() ? "" : safe(pod_namespace) + "/") + safe(pod);
  return uid.empty() ? "" : "pod " + safe(uid);
}

std::string victim_name(const Row& kill) {
  const std::string comm = kill.text("victim_comm");
  const auto pid = kill.known("victim_pid");
  if (comm.empty() && !pid) return "a process whose name is not known";
  std::string text = comm.empty() ? "a process" : safe(comm);
  if (pid) text += " (pid " + std::to_string(*pid) + ")";
  const std::int64_t others = kill.integer("process_count") - 1;
  if (others < 1) return text;
  return text + " and " + base::counted(others, "other process", "other processes") + " with it (memory.oom.group)";
}

/// Adds a sentence.
void add_to(std::string& text, const std::string& sentence) {
  if (!sentence.empty()) text += (text.empty() ? "" : " ") + sentence;
}

std::string again(const Incident& incident) {
  const Row facts = incident.facts();
  const std::int64_t earlier = facts.integer("earlier_kills"), later = facts.integer("later_kills");
  std::string text;
  if (const std::int64_t kills = incident.kill().integer("kill_count"); kills > 1) {
    text = "It stands for " + base::counted(kills, "kill") + " up to " +
           base::format_time(incident.kill().integer("last_killed_at_us")) + ", of which this is the first.";
  }
  if (!facts.known("earlier_kills") || is_nobodys(incident)) return text;
  if (!text.empty()) text += " ";
  if (const std::int64_t in_pod = facts.integer("other_kills_in_pod"); in_pod > 0) {
    return text + "The name of its container is not known. Other kills in the same pod: " + std::to_string(in_pod) +
           ".";
  }
  if (earlier == 0 && later == 0) return text + "No other kill of it on record.";
  if (earlier == 0) text += "The first kill of it on record";
  if (earlier > 0) {
    const Row last(incident.tables.earlier_kills);
    const std::string last_before = base::format_duration_us(last.integer("before_us")) + " before";
    const std::int64_t recent = facts.integer("earlier_kills_in_7_days");
    const std::string count = recent == earlier ? "all" : std::to_string(recent);
    text += base::counted(earlier, "earlier kill") + " of it, " +
            (earlier == 1 ? last_before : count + " in the 7 days before, the last one " + last_before);
  }
  if (later > 0) text += "; killed " + base::counted(later, "time") + " since";
  return text + ".";
}

/// "shop/web/app and shop/db/postgres"
std::string names_of(const core::Table& candidates) {
  constexpr std::size_t kMostNamed = 5;
  std::string text;
  const std::size_t count = std::min(candidates.rows.size(), kMostNamed);
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_last = i + 1 == count && count == candidates.rows.size();
    text += (i == 0 ? "" : is_last ? " or " : ", ") + safe(Row(candidates, i).text("cgroup"));
  }
  return text + (count < candidates.rows.size() ? " or another" : "");
}

/// How it is known whose the kill was, where the kernel's log does not say it.
std::string whose(const Incident& incident) {
  const std::string by = incident.kill().text("cgroup_by");
  if (by == "pid")
    return "The kernel log does not name the cgroup: the process had been seen in this one a few seconds before.";
  if (by == "counter")
    return "The kernel log does not name the cgroup: this one's counter alone rose by as many kills as the log leaves "
           "open.";
  const bool is_guess =
      by == "guess" || (by.empty() && !incident.path.empty() && incident.kill().text("victim_path").empty());
  if (is_guess)
    return "The kernel log does not name the cgroup. An earlier version took the first one whose counter rose: it may "
           "be "
           "another one.";
  if (!is_nobodys(incident)) return "";
  const std::string unnamed = "The kernel log does not name the cgroup (it does of ten kills in five seconds only)";
  if (by == "unknown") return unnamed + ", and no counter of a tracked cgroup rose: it is not tracked, or gone.";
  if (by.empty()) return unnamed + ". It is decided when the counters of all cgroups have been read.";
  const std::string names = names_of(incident.tables.candidates);
  return unnamed + ". " +
         (names.empty() ? "Which ones it can have been is not on record here."
                        : "The counters say: it was " + names + ", or one that is not tracked.");
}

/// The kernel's log has no "Killed process" line of it.
std::string begun(const Incident& incident) {
  if (incident.kill().known("end_told") != 0) return "";
  const std::string text = "The kernel log begins this kill and does not say that it was carried out; ";
  return text + (incident.kill().integer("seen_count") > 0 ? "the cgroup's counter of kills rose with it."
                                                           : "no counter of a cgroup says so either.");
}

/// How the kill is known, and what is therefore not known.
std::string known(const Incident& incident) {
  if (incident.by_log) {
    std::string text = begun(incident);
    add_to(text, whose(incident));
    return text;
  }
  const std::string log = incident.facts().text("kernel_log");  // its file, or why it is not read
  return "Only the cgroup's counter shows this kill: " + between(incident) + " a process was killed, but not which. " +
         (log.starts_with('/') ? "The kernel log (" + safe(log) + ") does not mention it."
          : log.empty()        ? "It is not known whether the kernel log was read."
                               : "The kernel log was not read: " + safe(log) + ".");
}

/// "256.0 MiB of 256.0 MiB: heap and stacks 255.4 MiB, ... (the kernel's own numbers, at the kill)".
std::string memory(const Incident& incident) {
  if (!incident.at_kill) return "";
  const MemoryPoint& point = *incident.at_kill;
  const bool is_with_swap = is_of_memory_and_swap(incident);
  std::string text =
      size(point.usage) + (is_with_swap ? " and " + size(point.swap) + " in swap" : "") +
      (point.limit ? " of " + size(point.limit) : "") + ": heap and stacks " + size(point.anon) +
      ", tmpfs and shared " + size(point.shmem) + ", kernel " + size(point.kernel) +
      (point.slab_reclaimable.value_or(0) > 0 ? " (" + size(point.slab_reclaimable) + " of it slab that can be dropped)"
                                              : "") +
      ", page cache " + size(point.cache);
  if (point.dirty.value_or(0) > 0) text += " (" + size(point.dirty) + " dirty)";
  if (point.swap.value_or(0) > 0 && !is_with_swap) text += "; swap " + size(point.swap);
  if (!incident.measured_by_kernel) {
    return text + " (in the last sample, " + incident.ago(point.at_us) + " before).";
  }
  const std::string whose = has_own_numbers(incident) ? "" : " of " + limit_holder(incident) + " with all below it,";
  return text + " (by the kernel," + whose + " at the kill).";
}

std::string resident(const Incident& incident) {
  const Row kill = incident.kill();
  const auto uid = kill.known("victim_uid");
  std::string text = uid ? "Uid " + std::to_string(*uid) + "." : "";
  std::string held;
  for (const auto& [column, what] : {std::pair{"anon_rss_bytes", "heap and stacks"},
                                     {"file_rss_bytes", "mapped files"},
                                     {"shmem_rss_bytes", "shared memory"}}) {
    const auto bytes = kill.known_bytes(column);
    if (bytes) held += (held.empty() ? "" : ", ") + size(bytes) + " of " + what;
  }
  if (!held.empty()) add_to(text, "It held " + held + ".");
  const std::string path = kill.text("victim_path");
  if (!path.empty() && path != incident.path && !incident.path.empty()) add_to(text, "It ran in " + safe(path) + ".");
  return text;
}

/// What counts against the limit that was hit.
double held_and_swapped(const Incident& incident, const MemoryPoint& point) {
  const std::uint64_t swap = is_of_memory_and_swap(incident) ? point.swap.value_or(0) : 0;
  return static_cast<double>(held_bytes(point).value_or(0) + swap);
}

/// The steepest rise between two samples, in bytes per second, and where it began.
std::pair<double, const MemoryPoint*> fastest(const Incident& incident) {
  std::pair<double, const MemoryPoint*> best{0, nullptr};
  const MemoryPoint* before = nullptr;
  for (const MemoryPoint& point : incident.samples) {
    const bool within = point.at_us >= incident.growth->from_at_us && point.at_us <= incident.last_before_us;
    if (!within || !held_bytes(point)) continue;
    if (before != nullptr && point.at_us > before->at_us) {
      const double rise = held_and_swapped(incident, point) - held_and_swapped(incident, *before);
      const double per_second = rise * 1e6 / static_cast<double>(point.at_us - before->at_us);
      if (per_second > best.first) best = {per_second, before};
    }
    before = &point;
  }
  return best;
}

std::string growth(const Incident& incident) {
  if (!incident.growth) return "";
  const IncidentGrowth& grown = *incident.growth;
  const std::string text = "From " + exact_time(grown.from_at_us) + " on, " + incident.ago(grown.from_at_us) +
                           " before the kill, memory that can't be dropped rose from " +
                           base::format_bytes(grown.from_bytes) + " to " + base::format_bytes(grown.to_bytes);
  const auto [per_second, begin] = fastest(incident);
  if (begin == nullptr) return text + ".";
  return text + "; fastest " + incident.ago(begin->at_us) + " before, by " + size_text(per_second) + "/s.";
}

std::string nothing_done(const Incident& incident) {
  const bool no_reclaim = incident.tables.reclaims.rows.empty();
  const bool no_change = incident.tables.limit_changes.rows.empty();
  if (incident.path.empty() || (!no_reclaim && !no_change)) return "";
  const std::int64_t history_begins_at_us = incident.facts().integer("history_begins_at_us");
  return std::string(no_reclaim && no_change ? "No reclaim of it and no change of its limit"
                     : no_reclaim            ? "No reclaim of it"
                                             : "No change of its limit") +
         " from " + base::format_time(std::max(incident.since_us, history_begins_at_us)) + " on.";
}

std::string missing_before(const Incident& incident) {
  if (is_nobodys(incident)) return "Its cgroup is not known, so nothing is known of the time before.";
  if (incident.path.empty()) return "Its cgroup is not tracked, so there are no samples of it.";
  if (last_sample_before(incident) != nullptr) return "";
  const auto born_us = incident.facts().known("first_seen_at_us");
  if (samples_are_gone(incident)) return "Its samples from before the kill are " + incident.samples_gone + ".";
  std::string text = "Nothing of it was sampled before the kill in this window";
  if (born_us && *born_us > incident.since_us) text += ": it was first seen at " + exact_time(*born_us);
  return text + ".";
}

/// Also if that time is too short for a gap.
std::string not_running(const Incident& incident) {
  const Row facts = incident.facts();
  const std::int64_t from_us = facts.integer("not_running_from_at_us");
  const std::int64_t to_us = facts.integer("not_running_to_at_us");
  if (from_us == 0 || to_us == 0) return "";
  const std::string span = "from " + exact_time(from_us) + " to " + exact_time(to_us);
  if (facts.integer("had_crashed") != 0)
    return "The service had crashed: it recorded nothing " + span + ", and the kill lies in that time or next to it.";
  if (incident.by_log) return "The service was not running at the kill (" + span + ").";
  return "The service was not running " + span + ": the kill may lie in that time.";
}

/// From when on it can have been seen: an earlier cgroup with its path counts.
std::int64_t seen_from_us(const Incident& incident) {
  const std::int64_t born_us = incident.facts().known("first_seen_at_us").value_or(incident.since_us);
  return incident.samples.empty() ? born_us : std::min(born_us, incident.samples.front().at_us);
}

/// What the service did not see of its life. Says so too if the history begins within the window.
std::string unseen(const Incident& incident) {
  std::string text = missing_before(incident);
  const std::int64_t from_us = seen_from_us(incident);
  add_to(text, not_running(incident));
  for (const Gap& gap : incident.gaps) {
    const std::int64_t kill_us = incident.killed_at_us - (incident.by_log ? 0 : 1);
    if (gap.from_at_us >= incident.killed_at_us || gap.to_at_us < from_us) continue;
    add_to(text, "No scan from " + base::format_time(gap.from_at_us) + " to " + base::format_time(gap.to_at_us) + " (" +
                     base::format_duration_us(gap.to_at_us - gap.due_at_us) + " missing): " + safe(gap.why) +
                     (kill_us < gap.to_at_us ? ". The kill itself lies in that gap." : "."));
  }
  const auto begin_us = incident.facts().known("history_begins_at_us");
  if (begin_us && *begin_us > incident.since_us && *begin_us >= from_us) {
    const bool is_later = *begin_us > incident.killed_at_us;
    add_to(text, "The history begins at " + base::format_time(*begin_us) +
                     (is_later ? ", after the kill." : ", " + incident.ago(*begin_us) + " before the kill."));
  }
  return text;
}

}  // namespace

std::string when(const Incident& incident) {
  return incident.by_log ? "at " + exact_time(incident.killed_at_us) : between(incident);
}

std::string incident_title(const Incident& incident) {
  return "OOM kill " + std::to_string(incident.kill().integer("oom_kill_id")) + " " +
         (incident.on_node.empty() ? "" : "on " + safe(incident.on_node) + " ") + when(incident);
}

std::string place_of(const Incident& incident) {
  const Row kill = incident.kill();
  const std::string pod = pod_of(kill), of_pod = pod.empty() ? "" : " of " + pod;
  const std::string container = kill.text("container"), id = kill.text("container_id"), runtime = kill.text("runtime");
  if (!container.empty()) return "container " + safe(container) + of_pod;
  if (!id.empty()) {
    return (pod.empty() && !runtime.empty() ? safe(runtime) + " " : "") + "container " + safe(id.substr(0, kShortId)) +
           of_pod;
  }
  if (!pod.empty()) return pod;
  if (!incident.path.empty()) return "cgroup " + safe(incident.path);
  const std::string victim_path = kill.text("victim_path");
  const std::int64_t candidates = kill.integer("candidate_count");
  if (victim_path.empty() && candidates > 0)
    return candidates == 1 ? "a cgroup that is not known for certain"
                           : "one of " + std::to_string(candidates) + " cgroups";
  return victim_path.empty() ? "an unknown cgroup" : "cgroup " + safe(victim_path) + ", which is not tracked";
}

std::string limit_holder(const Incident& incident) {
  const Row kill = incident.kill();
  const std::string uid = kill.text("pod_uid");
  std::string last = incident.limit_path.substr(incident.limit_path.rfind('/') + 1);
  std::ranges::replace(last, '_', '-');  // systemd writes '-' as '_'
  const bool is_pod = !uid.empty() && last.find(uid) != std::string::npos;
  return is_pod ? pod_of(kill) : safe(incident.limit_path) + " above it";
}

std::string who(const Incident& incident) { return victim_name(incident.kill()) + " in " + place_of(incident); }

std::string one_sample(const Incident& incident) {
  const std::int64_t end_us = chart_end_us(incident);
  const auto count = std::ranges::count_if(incident.samples, [&](const MemoryPoint& one) {
    return one.usage && one.at_us >= incident.since_us && one.at_us <= end_us;
  });
  return count == 1 ? "There is one sample of it: too little for a chart." : "";
}

std::vector<Said> incident_words(const Incident& incident) {
  std::vector<Said> said{{"who", who(incident)},
                         {"why", why(incident)},
                         {"cache", would_reclaim_have_helped(incident)},
                         {"again", again(incident)},
                         {"told", known(incident)},
                         {"memory", memory(incident)},
                         {"node", node_memory(incident)},
                         {"top", largest_processes(incident)},
                         {"victim", resident(incident)},
                         {"growth", growth(incident)},
                         {"unseen", unseen(incident)},
                         {"done", nothing_done(incident)}};
  std::erase_if(said, [](const Said& one) { return one.text.empty(); });
  return said;
}

}  // namespace cgmm::report
