// SPDX-License-Identifier: Apache-2.0
#pragma once

// All data about one OOM kill, from reports/incident_*.sql and a few reports over its window. Pure: any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/table.hpp"
#include "report/format/chart.hpp"
#include "report/format/render.hpp"
#include "report/format/row.hpp"

namespace cgmm::report {

/// The exact answers of the queries, as in JSON.
struct IncidentTables {
  core::Table kill;           // incident_kill: the row of v_oom_kill
  core::Table facts;          // incident_facts: one row
  core::Table samples;        // incident_samples, oldest first
  core::Table reclaims;       // last_reclaims, only of the victim's path
  core::Table limit_changes;  // the same
  core::Table neighbours;     // biggest_growth up to the kill, without the victim's path
  core::Table sharers;        // incident_sharers: empty unless an ancestor's limit or the node's memory ran out
  core::Table shares;         // incident_shares: one row, or none
  core::Table ended;          // incident_ended
  core::Table gaps;
  core::Table earlier_kills;  // incident_earlier, newest first
  core::Table candidates;     // incident_candidates: empty unless the cgroup is not known
  core::Table processes;      // incident_processes: the ten largest
  core::Table node_memory;    // incident_node: one row, or none
};

/// Bytes; nullopt: not known.
struct MemoryPoint {
  std::int64_t at_us = 0;
  std::optional<std::uint64_t> usage, anon, cache, shmem, kernel, dirty, swap, slab_reclaimable, peak;
  std::optional<std::uint64_t> limit;  // the effective limit at that time
};

/// The growth before the kill of all memory that can't be dropped.
struct IncidentGrowth {
  std::int64_t from_at_us = 0;
  std::int64_t to_at_us = 0;  // the kill, or the last sample before it if only samples are known
  std::uint64_t from_bytes = 0;
  std::uint64_t to_bytes = 0;
  MemoryPoint from;  // at its begin: anon, shmem and kernel
};

struct Gap {
  std::int64_t from_at_us = 0, to_at_us = 0;  // the scans before and after it
  std::int64_t due_at_us = 0;                 // when the first missing scan was due
  std::string why;
};

struct Incident {
  IncidentTables tables;                             // only rows that belong to this kill
  std::int64_t since_us = 0, until_us = 0;           // the window, half-open
  std::int64_t killed_at_us = 0;                     // known only from the counter: the scan that saw it
  std::optional<std::int64_t> earliest_at_us;        // known only from the counter: it was after this
  std::int64_t last_before_us = 0;                   // later samples may be from after the kill
  bool by_log = false;                               // known from the kernel log, not only from the counter
  std::string cause;                                 // one of the words of schema/0003; "": too little is known
  std::string path;                                  // the victim's tracked cgroup; "": there is none
  std::string limit_path;                            // the cgroup that hit its limit; "": not known, or the node
  std::string samples_gone = "gone (keep_samples)";  // what became of those that are not there
  std::string on_node;                               // for the title; "": whoever asks knows it
  bool measured_by_kernel = false;                   // `at_kill` is from the kernel log; else from the last sample
  std::optional<MemoryPoint> at_kill;                // nullopt: nothing is known
  std::optional<IncidentGrowth> growth;
  std::vector<MemoryPoint> samples;  // of the window, oldest first
  std::vector<Gap> gaps;

  Row kill() const { return Row(tables.kill); }
  Row facts() const { return Row(tables.facts); }
  /// "12 s": how long before the kill; "0 s" after it.
  std::string ago(std::int64_t at_us) const;
};

/// The log does not tell which cgroup held the victim, nor did anything else.
bool is_nobodys(const Incident& incident);

/// The node ran out of memory; no limit was hit.
bool is_of_node(const Incident& incident);

/// What ran out, one of the words of v_oom_kill's scope.
std::string scope_of(const Incident& incident);
/// A limit of memory and swap together was hit.
bool is_of_memory_and_swap(const Incident& incident);
/// No cgroup's limit was hit: the kernel chose among all processes of the node.
bool has_hit_no_limit(const Incident& incident);

/// A cgroup above the victim's hit its limit.
bool limit_is_above(const Incident& incident);

/// Its cgroup was sampled before the kill, in this window, and the samples have been deleted since.
bool samples_are_gone(const Incident& incident);

/// The newest sample that is certainly from before the kill; nullptr: none.
const MemoryPoint* last_sample_before(const Incident& incident);

/// Whether the numbers at the kill are those of the victim's own cgroup, not of an ancestor.
bool has_own_numbers(const Incident& incident);

/// Usage without page cache and slab that can be dropped; nullopt: not known.
std::optional<std::uint64_t> held_bytes(const MemoryPoint& point);

using MemoryOf = std::optional<std::uint64_t> MemoryPoint::*;

/// The end of its charts: the time after the kill must not take most of them.
std::int64_t chart_end_us(const Incident& incident);

/// One kind of memory for a chart; at the kill the kernel's own number. Gaps are points without a value.
std::vector<ChartPoint> chart_points(const Incident& incident, MemoryOf kind);

/// `tables.kill` and `tables.facts` have one row. NULL means not known.
Incident incident_of(IncidentTables tables, std::int64_t since_us, std::int64_t until_us);

/// The whole document. Throws std::invalid_argument for CSV and NDJSON.
std::string render_incident(const Incident& incident, Format format, const Style& style);

/// The same for each format. In JSON every table is an array of objects with the columns of its query. ASCII only.
std::string incident_as_text(const Incident& incident, Format format, const Style& style);  // Markdown too
std::string incident_as_html(const Incident& incident);
std::string incident_as_json(const Incident& incident);

}  // namespace cgmm::report
