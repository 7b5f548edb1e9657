// SPDX-License-Identifier: Apache-2.0
// Why a process was killed, and whether dropping page cache would have helped: one or two sentences for each cause of
// schema/0003.
#include <algorithm>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "base/time.hpp"
#include "base/units.hpp"
#include "core/advice.hpp"
#include "report/format/row.hpp"
#include "report/incident/words.hpp"

namespace cgmm::report {
namespace {

using Bytes = std::optional<std::uint64_t>;

constexpr std::uint64_t kMuch = 10;  // a tenth of the limit
constexpr std::int64_t kAtItsStart_us = base::kMinute_us;

std::string size(std::uint64_t bytes) { return base::format_bytes(bytes); }

std::string size(const Bytes& bytes) { return bytes ? size(*bytes) : "an unknown amount"; }

/// A kind of memory that can't be dropped, with its cause in schema/0003.
struct Kind {
  std::string_view cause;
  std::string_view name;    // within a sentence
  std::string_view remark;  // after the sentence
  MemoryOf bytes;
};
constexpr Kind kKinds[] = {
    {"anon_growth", "heap and stacks (anon)", "", &MemoryPoint::anon},
    {"shmem", "tmpfs and shared memory", " The kernel counts that as cache, but can't drop it.", &MemoryPoint::shmem},
    {"kernel_memory", "kernel memory (slab, page tables, sockets)", "", &MemoryPoint::kernel}};

const Kind* kind_of(std::string_view cause) {
  const auto* const found = std::ranges::find(kKinds, cause, &Kind::cause);
  return found != std::end(kKinds) ? found : nullptr;
}

const Kind& largest_kind(const MemoryPoint& memory) {
  return *std::ranges::max_element(kKinds, {}, [&](const Kind& kind) { return (memory.*kind.bytes).value_or(0); });
}

/// "its limit of 256.0 MiB", for a nested cgroup "the limit of 256.0 MiB of /a/b", for one above "the limit of its pod,
/// 256.0 MiB".
std::string limit_of(const Incident& incident) {
  if (limit_is_above(incident)) return limit_above(incident);
  const Bytes limit = incident.at_kill ? incident.at_kill->limit : std::nullopt;
  const bool is_its_own = incident.limit_path.empty() || incident.limit_path == incident.path;
  const std::string amount =
      (limit ? " of " + size(*limit) : "") + (is_of_memory_and_swap(incident) ? " for memory and swap together" : "");
  return is_its_own ? "its limit" + amount
                    : "the limit" + amount + " of " + base::escape_for_terminal(incident.limit_path);
}

/// Of what was limited, so much was in use.
Bytes used(const Incident& incident) {
  const MemoryPoint& memory = *incident.at_kill;
  if (!memory.usage || !is_of_memory_and_swap(incident)) return memory.usage;
  return *memory.usage + memory.swap.value_or(0);
}

/// "its limit was 256.0 MiB, and ". It may not be the one that was hit.
std::string own_limit(const Incident& incident) {
  const Bytes limit = incident.at_kill ? incident.at_kill->limit : std::nullopt;
  return limit ? "its limit was " + size(*limit) + ", and " : "";
}

/// If most of the growth came at the end: the last sample with at most a fifth of it. nullptr: it grew evenly.
const MemoryPoint* burst(const Incident& incident, const Kind& kind, std::uint64_t from_bytes, std::uint64_t to_bytes) {
  const IncidentGrowth& growth = *incident.growth;
  const MemoryPoint* begin = nullptr;
  for (const MemoryPoint& point : incident.samples) {
    const bool within = point.at_us >= growth.from_at_us && point.at_us < growth.to_at_us;
    const Bytes bytes = point.*kind.bytes;
    if (within && bytes && *bytes <= from_bytes + (to_bytes - from_bytes) / 5) begin = &point;
  }
  if (begin == nullptr || 2 * (growth.to_at_us - begin->at_us) > growth.to_at_us - growth.from_at_us) return nullptr;
  return begin;
}

/// Whether the first sample of the cgroup is the begin of the rise, and the next one is higher by half the average rate
/// or more.
bool grew_at_the_first_sample(const Incident& incident, const Rise& rise) {
  const std::int64_t born_us = incident.facts().known("first_seen_at_us").value_or(0);
  const double rate =
      static_cast<double>(rise.to_bytes - rise.from_bytes) / static_cast<double>(rise.to_at_us - rise.from_at_us);
  const MemoryPoint* first = nullptr;
  for (const MemoryPoint& point : incident.samples) {
    if (point.at_us < born_us) continue;  // of an earlier cgroup with this path
    if (point.at_us < rise.from_at_us) return false;
    if (point.at_us >= rise.to_at_us) break;
    if (first == nullptr) {
      first = &point;
      continue;
    }
    const double grown =
        static_cast<double>(held_bytes(point).value_or(0)) - static_cast<double>(held_bytes(*first).value_or(0));
    return grown >= rate / 2 * static_cast<double>(point.at_us - first->at_us);
  }
  return true;
}

/// The growth of this kind. If it is not known, or this kind did not grow: of all memory that can't be dropped.
Rise rise_of(const Incident& incident, const Kind& kind) {
  const IncidentGrowth& growth = *incident.growth;
  const Bytes from = growth.from.*kind.bytes;
  const Bytes to = has_own_numbers(incident) && incident.at_kill ? (*incident.at_kill).*kind.bytes : std::nullopt;
  Rise rise{.from_at_us = growth.from_at_us, .to_at_us = growth.to_at_us};
  rise.is_of_kind = from && to && *to > *from;
  rise.from_bytes = rise.is_of_kind ? *from : growth.from_bytes;
  rise.to_bytes = std::max(rise.is_of_kind ? *to : growth.to_bytes, rise.from_bytes);
  const MemoryPoint* const begin = rise.is_of_kind ? burst(incident, kind, rise.from_bytes, rise.to_bytes) : nullptr;
  rise.last_from_at_us = begin != nullptr ? begin->at_us : rise.from_at_us;
  rise.last_from_bytes = begin != nullptr ? *(begin->*kind.bytes) : rise.from_bytes;
  const bool stood_still = rise.last_from_bytes <= rise.from_bytes + (rise.to_bytes - rise.from_bytes) / 20;
  if (stood_still) {
    rise.from_at_us = rise.last_from_at_us;
    rise.from_bytes = rise.last_from_bytes;
  }
  rise.began_before = grew_at_the_first_sample(incident, rise);
  return rise;
}

/// "Its heap and stacks grew from 0 B to 255.4 MiB in 7.4 s (34.5 MiB/s)"; or "in 5m 2s, the last 208.6 MiB
/// in 4.8 s (43.8 MiB/s),".
std::string grew(const Incident& incident, const Kind& kind) {
  const Rise rise = rise_of(incident, kind);
  const std::string subject =
      "Its " + (rise.is_of_kind ? std::string(kind.name) : "memory, most of it " + std::string(kind.name) + ",");
  const std::uint64_t last_bytes = rise.to_bytes - rise.last_from_bytes;
  const std::int64_t last_us = rise.to_at_us - rise.last_from_at_us;
  const std::string last = base::format_duration_us(last_us) + " (" + rate(last_bytes, last_us) + ")";
  const std::string text = subject + " grew from " + size(rise.from_bytes) + " to " + size(rise.to_bytes) + " in ";
  if (rise.last_from_at_us == rise.from_at_us) return text + last;
  return text + base::format_duration_us(rise.to_at_us - rise.from_at_us) + ", the last " + size(last_bytes) + " in " +
         last + ",";
}

/// The incident with the last sample as its numbers, for when the kernel's numbers are another cgroup's. nullopt: no
/// growth.
std::optional<Incident> as_last_sampled(const Incident& incident) {
  if (!incident.growth || incident.samples.empty()) return std::nullopt;
  const auto last = std::ranges::find(incident.samples, incident.growth->to_at_us, &MemoryPoint::at_us);
  if (last == incident.samples.end()) return std::nullopt;
  Incident own = incident;
  own.at_kill = *last;
  own.measured_by_kernel = false;
  return own;
}

/// "Of the 256.0 MiB in use at its limit of 256.0 MiB, "
std::string in_use(const Incident& incident) {
  if (limit_is_above(incident)) return "Of the " + size(used(incident)) + " in use in its pod at the kill, ";
  return "Of the " + size(used(incident)) + " in use at " + limit_of(incident) + ", ";
}

/// The kinds of memory, if no growth is known.
std::string stood(const Incident& incident, const Kind& kind) {
  const MemoryPoint& memory = *incident.at_kill;
  return in_use(incident) + size(memory.*kind.bytes) + " were " + std::string(kind.name) +
         (last_sample_before(incident) == nullptr ? "; " + no_samples(incident) + "."
          : limit_is_above(incident)              ? "."
                                                  : "; it did not grow in the samples before.");
}

/// At the limit of its pod. The kernel's numbers are the pod's, so growth is told by the container's own samples.
std::string by_kind_in_pod(const Incident& incident, const Kind& kind) {
  const Bytes limit = incident.at_kill->limit;
  const bool grew_much = incident.growth && (!limit || incident.growth->to_bytes >= *limit / 2);
  const std::optional<Incident> own = grew_much ? as_last_sampled(incident) : std::nullopt;
  const std::string text =
      own         ? grew(*own, kind) + " up to the last sample, " + incident.ago(own->growth->to_at_us) + " before."
      : grew_much ? growth_on_record(incident)
                  : stood(incident, kind);
  return text + std::string(kind.remark) + " " + limit_above_was_hit(incident);
}

std::string by_kind(const Incident& incident, const Kind& kind) {
  if (!incident.at_kill) {
    const bool is_sampled = last_sample_before(incident) != nullptr;
    return "Most of it was " + std::string(kind.name) + ", but its amount is not known" +
           (is_sampled                   ? "."
            : samples_are_gone(incident) ? ", and its samples are " + incident.samples_gone + "."
                                         : ", and nothing was sampled before.");
  }
  if (limit_is_above(incident)) return by_kind_in_pod(incident, kind);
  if (!incident.growth) return stood(incident, kind) + std::string(kind.remark);
  std::string text = grew(incident, kind);
  if (incident.measured_by_kernel) return text + " and hit " + limit_of(incident) + "." + std::string(kind.remark);
  text += " up to the last sample, " + incident.ago(incident.growth->to_at_us) + " before; ";
  text += incident.by_log ? limit_of(incident) + " was hit."
                          : own_limit(incident) + "the counter does not tell which limit was hit.";
  return text + std::string(kind.remark);
}

std::string cache_stuck(const Incident& incident) {
  if (!incident.at_kill) return "Most of it was page cache that could not be dropped in time.";
  const MemoryPoint& memory = *incident.at_kill;
  const std::string text =
      in_use(incident) + size(memory.cache) + " were page cache that the kernel could not drop in time: ";
  if (!memory.dirty) return text + "whether it was in use, locked or dirty is not known.";
  if (*memory.dirty >= memory.cache.value_or(0) / 2) {
    return text + size(*memory.dirty) + " of it had to be written to disk first.";
  }
  return text + "it was in use or locked" +
         (*memory.dirty > 0 ? ", and " + size(*memory.dirty) + " of it had to be written first." : ".");
}

std::string too_small(const Incident& incident) {
  const auto born_us = incident.facts().known("first_seen_at_us");
  const std::int64_t earlier_kills = incident.facts().integer("earlier_kills");
  if (born_us && incident.killed_at_us - *born_us < kAtItsStart_us && earlier_kills > 0) {
    const std::string limit = limit_of(incident) + (limit_is_above(incident) ? "," : "");
    std::string text = "Killed " + incident.ago(*born_us) + " after it was first seen, as " +
                       base::counted(earlier_kills, "time") + " before: " + limit +
                       " is too small for its start, or it leaks from its start on.";
    if (!incident.growth || !incident.at_kill) return text;
    if (limit_is_above(incident)) return text + own_growth(incident);
    std::string grown = grew(incident, largest_kind(*incident.at_kill));
    if (grown.ends_with(',')) grown.pop_back();
    return text + " " + grown + ".";
  }
  if (last_sample_before(incident) == nullptr)
    return "It hit " + limit_of(incident) + "; " + no_samples(incident) + ".";
  return "It did not grow, but lived at " + limit_of(incident) +
         ": in every sample before the kill, nine tenths of that or more was memory that can't be dropped.";
}

std::string unknown(const Incident& incident) {
  if (!incident.cause.empty()) return base::escape_for_terminal(incident.cause);
  if (incident.path.empty()) {
    return std::string("Too little is known: its cgroup is not ") + (is_nobodys(incident) ? "known" : "tracked") +
           ", and the kernel log does not say what its memory "
           "consisted of.";
  }
  if (incident.at_kill) {
    const Kind& kind = largest_kind(*incident.at_kill);
    return "No cause was recorded. In the last sample, " + incident.ago(incident.at_kill->at_us) + " before, " +
           size((*incident.at_kill).*kind.bytes) + " of " + size(incident.at_kill->usage) + " in use were " +
           std::string(kind.name) + "; " + own_limit(incident) + "why it was killed is not known.";
  }
  return std::string("Too little is known: ") +
         (samples_are_gone(incident) ? "the samples of the cgroup are " + incident.samples_gone + ", and "
                                     : "the cgroup was not sampled in this window before the kill, and ") +
         (incident.by_log ? "the kernel log does not say what its memory consisted of."
                          : "the kernel log does not mention the kill.");
}

std::string share_of(std::uint64_t part, const Bytes& limit) {
  if (!limit || *limit == 0) return "";
  return " (" + core::in_percent(part, *limit) + " of the limit)";
}

/// From the kernel's numbers. It kills only after it tried several times to drop all that it can.
std::string left_at_kill(const MemoryPoint& memory) {
  const std::uint64_t cache = *memory.cache;
  if (cache == 0) return "No page cache was left at the kill: dropping it would not have helped.";
  const std::string left = size(cache) + " of page cache were left at the kill" + share_of(cache, memory.limit);
  const bool much = memory.limit && cache >= *memory.limit / kMuch;
  if (!much) return left + ": dropping it would not have helped; the kernel had dropped the rest already.";
  const std::uint64_t dirty = memory.dirty.value_or(0);
  const bool is_much_dirty = memory.dirty && dirty >= cache / 2;
  const std::string waiting = size(dirty) + " of it waiting to be written";
  return left + ": the kernel had tried and could not drop it: " +
         (!memory.dirty   ? "in use, locked or waiting to be written"
          : is_much_dirty ? waiting
                          : "in use or locked" + (dirty > 0 ? ", " + waiting : "")) +
         "; a reclaim would not have freed it either." +
         (is_much_dirty ? " Writing it back earlier may have helped." : "");
}

/// From a sample. The kernel could drop more until the kill.
std::string left_before(const Incident& incident, const MemoryPoint& memory) {
  const std::string then = "in the last sample, " + incident.ago(memory.at_us) + " before the kill";
  if (*memory.cache == 0) return "There was no page cache " + then + ": dropping it would not have helped.";
  return size(*memory.cache) + " of page cache" + share_of(*memory.cache, memory.limit) + " were there " + then +
         ". The kernel drops what it can before it kills, so dropping it earlier would hardly have helped; how "
         "much was left at the kill is not known.";
}

/// " Its limit was lowered from 120.0 MiB to 100.0 MiB 4 s before." The newest change counts.
std::string limit_change(const Incident& incident) {
  for (const Row row : rows_of(incident.tables.limit_changes)) {
    const std::int64_t at_us = row.integer("changed_at_us");
    if (at_us > incident.killed_at_us || at_us < incident.since_us) continue;
    const Bytes own = row.known_bytes("limit_bytes"), own_before = row.known_bytes("limit_before_bytes");
    const bool is_own = own != own_before;
    const Bytes now = is_own ? own : row.known_bytes("effective_limit_bytes");
    const Bytes then = is_own ? own_before : row.known_bytes("effective_limit_before_bytes");
    if (now == then) continue;
    const bool is_lower = now && (!then || *now < *then);
    const bool is_late = at_us > incident.last_before_us;
    return std::string(is_own ? " Its limit" : " The limit that holds for it") + " was " +
           (is_lower ? "lowered" : "raised") + " from " + (then ? size(*then) : "none") + " to " +
           (now ? size(*now) : "none") + " " +
           (is_late ? "after the last sample before the kill." : incident.ago(at_us) + " before.");
  }
  return "";
}

/// " 300.0 MiB were in memory (limit 512.0 MiB), and 724.0 MiB in swap."
std::string in_memory_and_in_swap(const Incident& incident) {
  if (!is_of_memory_and_swap(incident) || !incident.at_kill || !incident.measured_by_kernel) return "";
  const Bytes limit = incident.kill().known_bytes("memory_limit_bytes");
  return " " + size(incident.at_kill->usage) + " were in memory (" + (limit ? "limit " + size(limit) : "no limit") +
         "), and " + size(incident.at_kill->swap) + " in swap.";
}

std::string cause_of(const Incident& incident) {
  if (const Kind* const kind = kind_of(incident.cause)) return by_kind(incident, *kind);
  if (incident.cause == "cache") return cache_stuck(incident);
  if (incident.cause == "limit_too_small") return too_small(incident);
  if (incident.cause == "ancestor_limit") return why_above(incident);
  return unknown(incident);
}

}  // namespace

std::string own_growth(const Incident& incident) {
  const std::optional<Incident> own = as_last_sampled(incident);
  if (!own && incident.growth && samples_are_gone(incident)) return " " + growth_on_record(incident);
  if (!own) return "";
  const Kind& kind = largest_kind(*own->at_kill);
  const Rise rise = rise_of(*own, kind);
  return rise.to_bytes > rise.from_bytes ? " " + grew(*own, kind) + " before." : "";
}

std::string rate(std::uint64_t bytes, std::int64_t time_us) {
  const double per_second = static_cast<double>(bytes) * 1e6 / static_cast<double>(std::max<std::int64_t>(time_us, 1));
  return size_text(per_second) + "/s";
}

std::optional<Rise> rise_of(const Incident& incident) {
  if (!incident.growth) return std::nullopt;
  if (limit_is_above(incident) || has_hit_no_limit(incident)) {
    const std::optional<Incident> own = as_last_sampled(incident);
    if (!own) return std::nullopt;
    const Kind* const kind = kind_of(incident.cause);
    return rise_of(*own, kind != nullptr ? *kind : largest_kind(*own->at_kill));
  }
  const Kind* const kind = kind_of(incident.cause);
  return rise_of(incident, kind != nullptr ? *kind : incident.at_kill ? largest_kind(*incident.at_kill) : kKinds[0]);
}

std::string why(const Incident& incident) {
  if (has_hit_no_limit(incident) && kind_of(incident.cause) == nullptr) return why_without_limit(incident);
  const bool is_in_pod = limit_is_above(incident) && !incident.cause.empty() && incident.cause != "ancestor_limit";
  return cause_of(incident) + (is_in_pod ? shares(incident) : "") + in_memory_and_in_swap(incident) +
         limit_change(incident);
}

std::string would_reclaim_have_helped(const Incident& incident) {
  if (has_hit_no_limit(incident)) return would_dropping_on_the_node_have_helped(incident);
  if (!incident.at_kill || !incident.at_kill->cache) {
    return "It is not known whether dropping page cache would have helped, nor how much there was.";
  }
  return incident.measured_by_kernel ? left_at_kill(*incident.at_kill) : left_before(incident, *incident.at_kill);
}

}  // namespace cgmm::report
