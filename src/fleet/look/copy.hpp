// SPDX-License-Identifier: Apache-2.0
#pragma once

// A part of one node's history, fetched from ClickHouse: what the page of an incident, or `history`, tells of. The
// tables there have the local columns, so the rows go into a copy as they are, and the ordinary code reads that.
//
// What is left out beside the window is what no sentence needs: of other times there are the scans next to the window,
// the first and the last one; of other cgroups a sample without numbers for each scan, because a scan without any is
// one whose samples are gone. Where samples are there and their scan is not yet, its time is told by them. One thread.

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/time.hpp"
#include "fleet/ask/asker.hpp"
#include "store/read/history_copy.hpp"

namespace cgmm::fleet {

/// A node may have several: a new one where it was begun anew.
struct HistoryName {
  std::string node;
  std::string history_id;
  friend bool operator==(const HistoryName&, const HistoryName&) = default;
};

/// The number of an OOM kill, or of a time in which a cgroup was stuck.
struct IncidentNumber {
  bool is_stuck = false;
  std::int64_t number = 0;
};

/// For one answer.
inline constexpr std::int64_t kMostCopiedRows = 500'000;
/// Of the samples in a longer window only those at its end; of the rest there are the hours.
inline constexpr std::int64_t kMostSampled_us = 7 * base::kDay_us;
/// The samples of cgroups that had ended before a kill are looked for so far back.
inline constexpr std::int64_t kEndedBefore_us = 2 * base::kDay_us;

/// All of these throw DestinationError, store::StoreError where a row is none that a history can have, and
/// std::runtime_error where there are too many rows.

/// `window_us`: how much time before it, and after the begin of one that was stuck. The incident is on record.
store::HistoryCopy copy_for_incident(Asker& asker, const HistoryName& name, const IncidentNumber& incident,
                                     std::int64_t window_us);
/// Of the cgroups that match as in reports/history.sql.
store::HistoryCopy copy_for_history(Asker& asker, const HistoryName& name, std::int64_t since_us, std::int64_t until_us,
                                    const std::string& cgroup_glob);

}  // namespace cgmm::fleet
