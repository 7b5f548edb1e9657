// SPDX-License-Identifier: Apache-2.0
#include "report/incident/incident.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/time.hpp"
#include "base/units.hpp"
#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

constexpr std::size_t kMostNeighbours = 5;

bool is_within(std::string_view path, std::string_view ancestor) {
  return path.starts_with(ancestor) && (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

void narrow(IncidentTables& tables, const std::string& path) {
  const auto erase_where = [](core::Table& table, const auto& is_foreign) {
    if (table.rows.empty()) return;
    const std::size_t column = column_of(table, "path");
    std::erase_if(table.rows, [&](const auto& row) {
      const auto* const text = std::get_if<std::string>(&cell_at(row, column));
      return is_foreign(text != nullptr ? *text : "");
    });
  };
  const auto is_another = [&](const std::string& other) { return path.empty() || other != path; };
  erase_where(tables.reclaims, is_another);
  erase_where(tables.limit_changes, is_another);
  erase_where(tables.neighbours, [&](const std::string& other) {
    return !path.empty() && (is_within(other, path) || is_within(path, other));
  });
  if (tables.neighbours.rows.size() > kMostNeighbours) tables.neighbours.rows.resize(kMostNeighbours);
}

MemoryPoint memory_of(const Row& row, std::int64_t at_us, std::optional<std::uint64_t> peak = {}) {
  return {.at_us = at_us,
          .usage = row.known_bytes("usage_bytes"),
          .anon = row.known_bytes("anon_bytes"),
          .cache = row.known_bytes("cache_bytes"),
          .shmem = row.known_bytes("shmem_bytes"),
          .kernel = row.known_bytes("kernel_bytes"),
          .dirty = row.known_bytes("dirty_bytes"),
          .swap = row.known_bytes("swap_bytes"),
          .slab_reclaimable = row.known_bytes("slab_reclaimable_bytes"),
          .peak = peak,
          .limit = row.known_bytes("limit_bytes")};
}

/// The growth ends at the kill with the kernel's numbers, or at the last sample before it.
std::optional<IncidentGrowth> growth_of(const Incident& incident) {
  const Row kill = incident.kill(), facts = incident.facts();
  const auto from_at_us = kill.known("grew_from_at_us");
  const auto from_bytes = kill.known_bytes("grew_from_bytes");
  const auto to_bytes = kill.known_bytes("grew_to_bytes");
  if (!from_at_us || !from_bytes || !to_bytes) return std::nullopt;
  IncidentGrowth growth{.from_at_us = *from_at_us,
                        .to_at_us = incident.killed_at_us,
                        .from_bytes = *from_bytes,
                        .to_bytes = *to_bytes,
                        .from = {.anon = facts.known_bytes("grew_from_anon_bytes"),
                                 .shmem = facts.known_bytes("grew_from_shmem_bytes"),
                                 .kernel = facts.known_bytes("grew_from_kernel_bytes")}};
  if (incident.measured_by_kernel && has_own_numbers(incident)) return growth;
  for (const MemoryPoint& sample : incident.samples) {
    if (sample.at_us <= incident.last_before_us && sample.at_us > growth.from_at_us) growth.to_at_us = sample.at_us;
  }
  return growth;
}

/// Older versions recorded no numbers, or for a kill known from the counter, those after it. Then the samples before
/// are used.
void add_measures(Incident& incident) {
  const Row kill = incident.kill();
  incident.measured_by_kernel = kill.text("measured_by") == "kernel_log";
  const auto at_us = kill.known("measured_at_us");
  const bool is_from_before = incident.measured_by_kernel || (at_us && *at_us <= incident.last_before_us);
  if (at_us && is_from_before) {
    incident.at_kill = memory_of(kill, *at_us);
    const bool limit_is_own = !incident.measured_by_kernel || has_own_numbers(incident);
    if (!incident.at_kill->limit && limit_is_own)
      incident.at_kill->limit = incident.facts().known_bytes("effective_limit_bytes");
  } else if (const MemoryPoint* const last = last_sample_before(incident)) {
    incident.at_kill = *last;
  }
  if (!at_us || is_from_before) incident.growth = growth_of(incident);
}

}  // namespace

std::string Incident::ago(std::int64_t at_us) const {
  return base::format_duration_us(std::max<std::int64_t>(killed_at_us - at_us, 0));
}

bool is_nobodys(const Incident& incident) {
  const Row kill = incident.kill();
  return incident.path.empty() && kill.text("victim_path").empty() && kill.text("dropped_from").empty();
}

bool is_of_node(const Incident& incident) {
  return incident.cause == "node" || (incident.cause.empty() && incident.kill().text("scope") == "node");
}

std::string scope_of(const Incident& incident) { return incident.kill().text("scope"); }

bool is_of_memory_and_swap(const Incident& incident) { return scope_of(incident) == "memory_and_swap"; }

bool has_hit_no_limit(const Incident& incident) {
  const std::string scope = scope_of(incident);
  return is_of_node(incident) || scope == "cpuset" || scope == "memory_policy" || scope == "fragmentation" ||
         scope == "sysrq";
}

bool limit_is_above(const Incident& incident) {
  if (incident.cause == "ancestor_limit") return true;
  const std::string victim = incident.path.empty() ? incident.kill().text("victim_path") : incident.path;
  const std::string& limit = incident.limit_path;
  return !limit.empty() && victim.size() > limit.size() && (limit == "/" || is_within(victim, limit));
}

bool samples_are_gone(const Incident& incident) { return incident.facts().integer("samples_are_gone") != 0; }

const MemoryPoint* last_sample_before(const Incident& incident) {
  const auto after = std::ranges::upper_bound(incident.samples, incident.last_before_us, {}, &MemoryPoint::at_us);
  return after != incident.samples.begin() ? &*(after - 1) : nullptr;
}

bool has_own_numbers(const Incident& incident) { return !incident.measured_by_kernel || !limit_is_above(incident); }

std::optional<std::uint64_t> held_bytes(const MemoryPoint& point) {
  if (!point.usage) return std::nullopt;
  return *point.usage - std::min(*point.usage, point.cache.value_or(0) + point.slab_reclaimable.value_or(0));
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
  const auto add = [&](std::int64_t at_us, std::optional<std::uint64_t> bytes) { points.push_back({at_us, bytes}); };
  const std::int64_t end_us = chart_end_us(incident);
  for (const MemoryPoint& sample : incident.samples) {
    const bool has_peak = kind == &MemoryPoint::usage && sample.peak;  // it was between the sample before and this one
    if (sample.at_us <= end_us) add(sample.at_us, has_peak ? std::max(sample.usage, sample.peak) : sample.*kind);
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
  Incident incident{.tables = std::move(tables), .since_us = since_us, .until_us = until_us};
  const Row kill = incident.kill();
  incident.killed_at_us = kill.integer("killed_at_us");
  incident.earliest_at_us = kill.known("earliest_at_us");
  incident.by_log = kill.text("source") == "kernel_log";
  incident.last_before_us = incident.killed_at_us - 1;
  if (!incident.by_log && incident.earliest_at_us)
    incident.last_before_us = std::min(incident.last_before_us, *incident.earliest_at_us);
  incident.cause = kill.text("cause");
  incident.path = kill.text("path");
  incident.limit_path = kill.text("limit_path");
  narrow(incident.tables, incident.path);
  for (const Row row : rows_of(incident.tables.samples)) {
    incident.samples.push_back(memory_of(row, row.integer("at_us"), row.known_bytes("peak_bytes")));
  }
  for (const Row row : rows_of(incident.tables.gaps)) {
    const std::int64_t to_at_us = row.integer("to_at_us");
    incident.gaps.push_back(
        {row.integer("from_at_us"), to_at_us, to_at_us - row.integer("missing_us"), row.text("why")});
  }
  add_measures(incident);
  return incident;
}

std::string render_incident(const Incident& incident, Format format, const Style& style) {
  if (holds_one_table(format))
    throw std::invalid_argument("one incident is more than one table: choose text, markdown, html or json");
  if (format == Format::json) return incident_as_json(incident);
  if (format == Format::html) return incident_as_html(incident);
  return incident_as_text(incident, format, format == Format::text ? style : Style{});
}

}  // namespace cgmm::report
