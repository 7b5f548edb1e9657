// SPDX-License-Identifier: Apache-2.0
#pragma once

// What led up to one OOM kill: the answers of reports/incident_*.sql and of a few reports over its window, as
// one piece of data that every document about it is made from (incident_words says it in sentences). Knows no
// SQL and no clock. Pure: any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/table.hpp"
#include "report/format/chart.hpp"
#include "report/format/render.hpp"

namespace cgmm::report {

/// What the queries answered, exactly; JSON is this.
struct IncidentTables {
  core::Table kill;           // incident_kill: the row of v_oom_kill
  core::Table facts;          // incident_facts: one row
  core::Table samples;        // incident_samples, oldest first
  core::Table reclaims;       // last_reclaims, of the victim's path
  core::Table limit_changes;  // the same
  core::Table neighbours;     // biggest_growth up to the kill, without the victim's path
  core::Table sharers;        // incident_sharers: empty unless an ancestor's limit or the node's memory ran out
  core::Table gaps;
  core::Table earlier_kills;  // incident_earlier, newest first
};

/// Bytes; nullopt: not told.
struct MemoryPoint {
  std::int64_t at_us = 0;
  std::optional<std::uint64_t> usage, anon, cache, shmem, kernel, dirty, swap;
  std::optional<std::uint64_t> limit;  // the effective one that held then
};

/// Strings are bytes as the kernel has them; "" where it was not told.
struct Victim {
  std::string comm;
  std::optional<std::int64_t> pid, uid;
  std::optional<std::uint64_t> anon_rss_bytes, file_rss_bytes, shmem_rss_bytes;
  std::int64_t process_count = 1;  // that the kill ended
  std::string path;                // the cgroup that held it: the watched one, or one nested in it
};

/// The watched cgroup that held the victim; all "" where it is none.
struct VictimCgroup {
  std::string path, runtime, container_id, pod_uid, pod_namespace, pod, container;
  std::optional<std::int64_t> first_seen_at_us;
};

/// The growth that ended in the kill, of all memory that can't be dropped.
struct IncidentGrowth {
  std::int64_t from_at_us = 0;
  std::int64_t to_at_us = 0;  // the kill, or the last sample before it where only samples tell
  std::uint64_t from_bytes = 0;
  std::uint64_t to_bytes = 0;
  std::optional<std::uint64_t> from_anon, from_shmem, from_kernel;  // what it began from, by kind
};

struct Gap {
  std::int64_t from_at_us = 0, to_at_us = 0;  // of the scans around it
  std::int64_t due_at_us = 0;                 // when the first scan that is missing should have been
  std::string why;
};

struct Incident {
  std::int64_t id = 0;
  std::int64_t since_us = 0, until_us = 0;     // the window, half-open
  std::int64_t killed_at_us = 0;               // told by the counter: the scan that saw it
  std::optional<std::int64_t> earliest_at_us;  // told by the counter: it was after this
  std::int64_t last_before_us = 0;             // what was sampled later may have been after the kill
  bool by_log = false;                         // the kernel's log told, and not only the counter
  bool node_wide = false;                      // the node's memory had run out, not a limit
  std::string cause;                           // as schema/0003 has it; "": too little is known
  Victim victim;
  VictimCgroup cgroup;
  std::string limit_path;              // the cgroup whose limit was hit; "": not told, or the node
  bool measured_by_kernel = false;     // `at_kill` is the kernel's own; otherwise the last sample's
  std::optional<MemoryPoint> at_kill;  // nullopt: nothing is known
  std::optional<IncidentGrowth> growth;
  std::vector<MemoryPoint> samples;  // of the window, oldest first
  std::vector<Gap> gaps;
  std::int64_t earlier_kills = 0, earlier_kills_in_7_days = 0, later_kills = 0;  // of the same workload
  std::optional<std::int64_t> history_begins_at_us;
  std::string node;                           // its name
  std::optional<std::uint64_t> memory_bytes;  // of the node
  std::string kernel_log;                     // where kills are read from, or why they are not
  IncidentTables tables;                      // narrowed to what belongs to this kill
};

/// The newest sample that was surely taken before the kill. nullptr: there is none.
const MemoryPoint* last_sample_before(const Incident& incident);

/// Where the numbers at the kill are those of the victim's own cgroup, and not of one above it.
bool has_own_numbers(const Incident& incident);

/// What dropping cache could not have freed: usage less cache. nullopt: not known.
std::optional<std::uint64_t> held_bytes(const MemoryPoint& point);

using MemoryOf = std::optional<std::uint64_t> MemoryPoint::*;

/// Where its charts end: what was after the kill does not push the life before to the edge.
std::int64_t chart_end_us(const Incident& incident);

/// One kind of memory for a chart: a point without a value where nobody looked; at the kill the kernel's own
/// number where it has one.
std::vector<ChartPoint> chart_points(const Incident& incident, MemoryOf kind);

/// `tables.kill` and `tables.facts` have their row. A column that is missing, or NULL, counts as not known.
Incident incident_of(IncidentTables tables, std::int64_t since_us, std::int64_t until_us);

/// The whole document. Throws std::invalid_argument for CSV, which holds one table.
std::string render_incident(const Incident& incident, Format format, const Style& style);

/// By format. JSON is {"kill": {...}, "cause": {...}, "window": {...}, "samples": [...], ...}, every table as
/// an array of objects with the columns of its query; ASCII only.
std::string render_incident_text(const Incident& incident, const Style& style);
std::string render_incident_markdown(const Incident& incident);
std::string render_incident_html(const Incident& incident);
std::string render_incident_json(const Incident& incident);

}  // namespace cgmm::report
