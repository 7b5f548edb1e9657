// SPDX-License-Identifier: Apache-2.0
#include "report/incident/incident.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/time.hpp"
#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kMostNeighbours = 5;

/// Keeps the rows for whose path `keep` is true.
template <class Keep>
void filter(core::Table& table, Keep keep) {
  std::vector<std::vector<core::Cell>> kept;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    if (keep(Row(table, i).text("path"))) kept.push_back(std::move(table.rows[i]));
  }
  table.rows = std::move(kept);
}

bool is_within(std::string_view path, std::string_view ancestor) {
  return path.starts_with(ancestor) && (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

void narrow(IncidentTables& tables, const std::string& path) {
  for (core::Table* const own : {&tables.reclaims, &tables.limit_changes}) {
    filter(*own, [&](const std::string& other) { return !path.empty() && other == path; });
  }
  filter(tables.neighbours, [&](const std::string& other) { return path.empty() || !is_within(other, path); });
  if (tables.neighbours.rows.size() > kMostNeighbours) tables.neighbours.rows.resize(kMostNeighbours);
}

MemoryPoint memory_of(const Row& row, std::int64_t at_us) {
  return {.at_us = at_us,
          .usage = row.known_bytes("usage_bytes"),
          .anon = row.known_bytes("anon_bytes"),
          .cache = row.known_bytes("cache_bytes"),
          .shmem = row.known_bytes("shmem_bytes"),
          .kernel = row.known_bytes("kernel_bytes"),
          .dirty = row.known_bytes("dirty_bytes"),
          .swap = row.known_bytes("swap_bytes"),
          .limit = row.known_bytes("limit_bytes")};
}

Victim victim_of(const Row& kill) {
  return {.comm = kill.text("victim_comm"),
          .pid = kill.known("victim_pid"),
          .uid = kill.known("victim_uid"),
          .anon_rss_bytes = kill.known_bytes("anon_rss_bytes"),
          .file_rss_bytes = kill.known_bytes("file_rss_bytes"),
          .shmem_rss_bytes = kill.known_bytes("shmem_rss_bytes"),
          .process_count = std::max<std::int64_t>(kill.integer("process_count"), 1),
          .path = kill.text("victim_path")};
}

VictimCgroup cgroup_of(const Row& kill, const Row& facts) {
  return {.path = kill.text("path"),
          .runtime = kill.text("runtime"),
          .container_id = kill.text("container_id"),
          .pod_uid = kill.text("pod_uid"),
          .pod_namespace = kill.text("namespace"),
          .pod = kill.text("pod"),
          .container = kill.text("container"),
          .first_seen_at_us = facts.known("first_seen_at_us")};
}

/// The growth ends at the kill with the kernel's numbers, or at the last sample before it.
std::optional<IncidentGrowth> growth_of(const Row& kill, const Row& facts, const Incident& incident) {
  const auto from_at_us = kill.known("grew_from_at_us");
  const auto from_bytes = kill.known_bytes("grew_from_bytes");
  const auto to_bytes = kill.known_bytes("grew_to_bytes");
  if (!from_at_us || !from_bytes || !to_bytes) return std::nullopt;
  IncidentGrowth growth{.from_at_us = *from_at_us,
                        .to_at_us = incident.killed_at_us,
                        .from_bytes = *from_bytes,
                        .to_bytes = *to_bytes,
                        .from_anon = facts.known_bytes("grew_from_anon_bytes"),
                        .from_shmem = facts.known_bytes("grew_from_shmem_bytes"),
                        .from_kernel = facts.known_bytes("grew_from_kernel_bytes")};
  if (incident.measured_by_kernel && has_own_numbers(incident)) return growth;
  for (const MemoryPoint& sample : incident.samples) {
    if (sample.at_us <= incident.last_before_us && sample.at_us > growth.from_at_us) growth.to_at_us = sample.at_us;
  }
  return growth;
}

std::vector<Gap> gaps_of(const core::Table& table) {
  std::vector<Gap> gaps;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const Row row(table, i);
    const std::int64_t to_at_us = row.integer("to_at_us");
    gaps.push_back({row.integer("from_at_us"), to_at_us, to_at_us - row.integer("missing_us"), row.text("why")});
  }
  return gaps;
}

void add_facts(Incident& incident, const Row& facts) {
  incident.earlier_kills = facts.integer("earlier_kills");
  incident.earlier_kills_in_7_days = facts.integer("earlier_kills_in_7_days");
  incident.later_kills = facts.integer("later_kills");
  incident.history_begins_at_us = facts.known("history_begins_at_us");
  incident.node = facts.text("node");
  incident.memory_bytes = facts.known_bytes("memory_bytes");
  incident.kernel_log = facts.text("kernel_log");
}

void add_samples(Incident& incident) {
  for (std::size_t i = 0; i < incident.tables.samples.rows.size(); ++i) {
    const Row row(incident.tables.samples, i);
    incident.samples.push_back(memory_of(row, row.integer("at_us")));
  }
}

/// Older versions recorded no numbers, or for a kill known from the counter, those after it. Then the samples before
/// are used.
void add_measures(Incident& incident, const Row& kill, const Row& facts) {
  incident.measured_by_kernel = kill.text("measured_by") == "kernel_log";
  const auto at_us = kill.known("measured_at_us");
  const bool is_from_before = incident.measured_by_kernel || (at_us && *at_us <= incident.last_before_us);
  if (at_us && is_from_before) {
    incident.at_kill = memory_of(kill, *at_us);
    const bool limit_is_own = !incident.measured_by_kernel || has_own_numbers(incident);
    if (!incident.at_kill->limit && limit_is_own) incident.at_kill->limit = facts.known_bytes("effective_limit_bytes");
  } else if (const MemoryPoint* const last = last_sample_before(incident)) {
    incident.at_kill = *last;
  }
  if (!at_us || is_from_before) incident.growth = growth_of(kill, facts, incident);
}

}  // namespace

const MemoryPoint* last_sample_before(const Incident& incident) {
  const auto after = std::ranges::upper_bound(incident.samples, incident.last_before_us, {}, &MemoryPoint::at_us);
  return after != incident.samples.begin() ? &*(after - 1) : nullptr;
}

bool has_own_numbers(const Incident& incident) {
  return !incident.measured_by_kernel || incident.cause != "ancestor_limit";
}

std::optional<std::uint64_t> held_bytes(const MemoryPoint& point) {
  if (!point.usage) return std::nullopt;
  return *point.usage - std::min(*point.usage, point.cache.value_or(0));
}

std::int64_t chart_end_us(const Incident& incident) {
  constexpr std::int64_t kLeastUs = 10 * base::kSecond_us;
  const std::int64_t killed_at_us = incident.killed_at_us;
  const std::int64_t first_us = incident.samples.empty() ? killed_at_us : incident.samples.front().at_us;
  const std::int64_t before_us = killed_at_us - std::max(first_us, incident.since_us);
  return std::max(killed_at_us, std::min(incident.until_us - 1, killed_at_us + std::max(kLeastUs, before_us / 4)));
}

std::vector<ChartPoint> chart_points(const Incident& incident, MemoryOf kind) {
  std::vector<ChartPoint> points;
  const auto add = [&](std::int64_t at_us, const std::optional<std::uint64_t>& bytes) {
    points.push_back({at_us, bytes ? std::optional(static_cast<double>(*bytes)) : std::nullopt});
  };
  const std::int64_t end_us = chart_end_us(incident);
  for (const MemoryPoint& sample : incident.samples) {
    if (sample.at_us <= end_us) add(sample.at_us, sample.*kind);
  }
  if (points.empty()) return points;
  if (incident.measured_by_kernel && has_own_numbers(incident) && incident.at_kill) {
    add(incident.killed_at_us, (*incident.at_kill).*kind);
  } else if (points.back().at_us < incident.killed_at_us) {
    add(incident.killed_at_us, std::nullopt);
  }
  // Nothing is known between the last sample before the kill and the first one after it.
  if (!incident.by_log && last_sample_before(incident) != nullptr) {
    const std::int64_t last_at_us = last_sample_before(incident)->at_us;
    if (last_at_us < points.back().at_us) add(last_at_us + 1, std::nullopt);
  }
  for (const Gap& gap : incident.gaps) {
    const bool between = gap.from_at_us >= points.front().at_us && gap.due_at_us < points.back().at_us;
    if (between && gap.due_at_us > gap.from_at_us) add(gap.due_at_us, std::nullopt);
  }
  std::ranges::stable_sort(points, {}, &ChartPoint::at_us);
  return points;
}

Incident incident_of(IncidentTables tables, std::int64_t since_us, std::int64_t until_us) {
  Incident incident;
  incident.tables = std::move(tables);
  const Row kill(incident.tables.kill);
  const Row facts(incident.tables.facts);
  incident.id = kill.integer("oom_kill_id");
  incident.since_us = since_us;
  incident.until_us = until_us;
  incident.killed_at_us = kill.integer("killed_at_us");
  incident.earliest_at_us = kill.known("earliest_at_us");
  incident.by_log = kill.text("source") == "kernel_log";
  incident.last_before_us = incident.killed_at_us - 1;
  if (!incident.by_log && incident.earliest_at_us)
    incident.last_before_us = std::min(incident.last_before_us, *incident.earliest_at_us);
  incident.node_wide = kill.text("scope") == "node";
  incident.cause = kill.text("cause");
  incident.limit_path = kill.text("limit_path");
  incident.victim = victim_of(kill);
  incident.cgroup = cgroup_of(kill, facts);
  narrow(incident.tables, incident.cgroup.path);
  add_facts(incident, facts);
  add_samples(incident);
  add_measures(incident, kill, facts);
  incident.gaps = gaps_of(incident.tables.gaps);
  return incident;
}

std::string render_incident(const Incident& incident, Format format, const Style& style) {
  switch (format) {
    case Format::text:
      return render_incident_text(incident, style);
    case Format::markdown:
      return render_incident_markdown(incident);
    case Format::json:
      return render_incident_json(incident);
    case Format::html:
      return render_incident_html(incident);
    case Format::csv:
      break;
  }
  throw std::invalid_argument("one incident is more than one table: choose text, markdown, html or json");
}

}  // namespace cgmm::report
