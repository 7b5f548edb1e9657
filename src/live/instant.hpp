// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `live` shows of one instant: the rows of reports/now.sql. Pure: any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/table.hpp"

namespace cgmm::live {

/// What is known of a cgroup, and can be a column.
enum class Measure : std::uint8_t {
  usage,
  held,
  limit,
  held_share,
  growth,
  kills,
  cache,
  psi_some,
  psi_full,
  refaulted,
  last_reclaim,
  cooldown,
  anon,
  shmem,
  used_share
};
inline constexpr std::size_t kMeasures = 15;

/// nullopt: it is not known.
class Values {
 public:
  std::optional<double>& operator[](Measure measure) { return values_[static_cast<std::size_t>(measure)]; }
  const std::optional<double>& operator[](Measure measure) const { return values_[static_cast<std::size_t>(measure)]; }

 private:
  std::array<std::optional<double>, kMeasures> values_;
};

/// How the value of a group follows from those below it, and from its own if it is a cgroup. The own value of a pod is
/// of what it has beyond its containers, but `whole_*`: it is of all of it. `whole_or_*`: it is used alone where it is
/// known; `whole_and_largest`: those below have limits of their own, so the largest of all counts.
enum class Together : std::uint8_t { sum, largest, whole_or_sum, whole_or_largest, whole_and_largest, none };

/// A column that shows a measure.
struct Column {
  Measure measure;
  std::string_view name;     // in reports/now.sql: its end says the unit
  std::string_view heading;  // ASCII
  std::size_t width;
  Together together;
  bool is_shown;  // unless somebody chooses
};
inline constexpr std::array<Column, kMeasures> kColumns = {{
    {Measure::usage, "usage_bytes", "usage", 10, Together::sum, true},
    {Measure::held, "held_bytes", "held", 10, Together::sum, true},
    {Measure::limit, "limit_bytes", "limit", 10, Together::none, true},
    {Measure::held_share, "held_pct", "held %", 6, Together::whole_and_largest, true},
    {Measure::growth, "growth_bytes_per_second", "growth", 12, Together::sum, true},
    {Measure::kills, "oom_kills", "kills", 6, Together::sum, true},
    {Measure::cache, "reclaimable_cache_bytes", "cache", 10, Together::sum, true},
    {Measure::psi_some, "psi_some_pct", "some %", 6, Together::whole_or_largest, true},
    {Measure::psi_full, "psi_full_pct", "full %", 6, Together::whole_or_largest, false},
    {Measure::refaulted, "refaulted_bytes", "refaulted", 10, Together::whole_or_sum, true},
    {Measure::last_reclaim, "last_reclaim_at_us", "reclaim", 8, Together::largest, true},
    {Measure::cooldown, "cooldown_until_at_us", "cooldown", 8, Together::largest, false},
    {Measure::anon, "anon_bytes", "anon", 10, Together::sum, false},
    {Measure::shmem, "shmem_bytes", "shared", 10, Together::sum, false},
    {Measure::used_share, "used_pct", "used %", 6, Together::whole_and_largest, false},
}};
inline const Column& column_of(Measure measure) { return kColumns[static_cast<std::size_t>(measure)]; }

/// One cgroup. The texts are bytes as on record.
struct Row {
  std::string path;
  std::string name;
  std::string kind;
  std::string workload;
  std::string name_space;
  std::string pod;
  Values values{};
  std::vector<std::optional<double>> trend{};  // usage at earlier points in time, oldest first
};

struct Instant {
  std::int64_t at_us = 0;  // of the scan, or when the hour began
  bool is_hour = false;    // averages of an hour, because its samples are gone
  std::vector<Row> rows{};

  /// The point in time from which on it is the newest.
  std::int64_t position_us() const;
};

Instant instant_of(const core::Table& now);

}  // namespace cgmm::live
