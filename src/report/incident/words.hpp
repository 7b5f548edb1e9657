// SPDX-License-Identifier: Apache-2.0
#pragma once

// An incident in sentences. What is not known is said, and never guessed. Pure: any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report/incident/incident.hpp"

namespace cgmm::report {

/// Safe for a terminal. Other formats must escape it.
struct Said {
  std::string label;  // one word
  std::string text;   // one or more sentences
};

/// "at 2026-11-23T03:12:00.123Z"; by the counter alone "between A and B".
std::string when(const Incident& incident);

/// "OOM kill 7 at 2026-11-23T03:12:00.123Z"; by the counter alone "OOM kill 7 between A and B".
std::string incident_title(const Incident& incident);

/// "container app of pod shop/web-7d9c5b8f6d-x2x4z"; ids or the path where names are not known.
std::string place_of(const Incident& incident);

/// Who shared what ran out, and how the victim's own cgroup grew; each " A sentence." or "" if it is not known.
std::string shared(const core::Table& sharers, std::string_view which);
std::string own_growth(const Incident& incident);

/// " Its memory that can't be dropped grew from 21.4 MiB to 82.6 MiB ...": as recorded with the kill.
std::string growth_on_record(const Incident& incident);

/// "there are no samples of how it came to that", or that they are gone.
std::string no_samples(const Incident& incident);

/// Whose limit was hit, of a cgroup above: "pod shop/web-7d9c5b8f6d-x2x4z", otherwise "/a/b above it".
std::string limit_holder(const Incident& incident);

/// "the limit of its pod, 32.0 MiB, which is also its own"; and that it was hit, as a sentence.
std::string limit_above(const Incident& incident);
std::string limit_above_was_hit(const Incident& incident);

/// What held the memory below the limit of a cgroup above, as a sentence; "": no scan shortly before the kill has it.
std::string shares(const Incident& incident);

/// Why, where the limit of a cgroup above was hit that is really shared.
std::string why_above(const Incident& incident);

/// "python3 (pid 4319) in container app of pod shop/web-7d9c5b8f6d-x2x4z"
std::string who(const Incident& incident);

/// One or two sentences each, with numbers.
std::string why(const Incident& incident);
std::string would_reclaim_have_helped(const Incident& incident);

/// Why, where no cgroup's limit was hit; and the same of the page cache, by the node's numbers.
std::string why_without_limit(const Incident& incident);
std::string would_dropping_on_the_node_have_helped(const Incident& incident);
/// "python3 (pid 12) held 481.0 MiB; 3 of 41 processes held 93 % of what all held"; "": the log has no table of them.
std::string largest_processes(const Incident& incident);
/// What the node's memory consisted of; "": not told.
std::string node_memory(const Incident& incident);

/// The growth that ended in the kill: of the kind that was the cause if that is known, else of all that can't be
/// dropped.
struct Rise {
  std::int64_t from_at_us = 0, to_at_us = 0;
  std::uint64_t from_bytes = 0, to_bytes = 0;
  std::int64_t last_from_at_us = 0;  // where most of it came at the end, otherwise as from_at_us
  std::uint64_t last_from_bytes = 0;
  bool is_of_kind = false;
  bool began_before = false;  // it grew already at the first sample: when that began is not known
};

/// nullopt: there was none, or it is not known.
std::optional<Rise> rise_of(const Incident& incident);

/// "43.6 MiB/s"
std::string rate(std::uint64_t bytes, std::int64_t time_us);

/// All sentences that there are, the most important first.
std::vector<Said> incident_words(const Incident& incident);

/// In the place of charts, where they would show one sample alone; "": they show more, or nothing.
std::string one_sample(const Incident& incident);

/// The last samples before the kill, the kernel's numbers at the kill, and the first samples after it.
core::Table samples_around(const Incident& incident);

/// The tables below the sentences, in order; first samples_around(). Empty ones are left out.
std::vector<core::Table> tables_for_people(const Incident& incident);

}  // namespace cgmm::report
