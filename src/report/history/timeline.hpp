// SPDX-License-Identifier: Apache-2.0
#pragma once

// The memory of several cgroups together over time: of all replicas and restarts of a workload, or of a path. Takes the
// rows of reports/history_timeline.sql. Pure: any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/table.hpp"
#include "report/format/chart.hpp"

namespace cgmm::report {

/// What is added up. Its order is that of the columns.
enum class Measure : std::uint8_t { usage, usage_max, cache, anon, shmem, swap };
inline constexpr std::size_t kMeasures = 6;

struct TimelinePoint {
  std::int64_t at_us = 0;
  std::int64_t interval_us = 0;
  bool is_hour = false;                                // averages of an hour; else a scan
  double replica_count = 0;                            // that ran; of an hour the average
  std::array<std::optional<double>, kMeasures> bytes;  // nullopt: not known of one of them

  const std::optional<double>& of(Measure measure) const { return bytes[static_cast<std::size_t>(measure)]; }
};

/// At each scan the sum over the cgroups that it has read. A partial scan reads only some: the others count with their
/// sample of the last whole scan. The average of an hour is the sum of each cgroup's average, by how many of the hour's
/// scans saw it. usage_max is known only where there is one cgroup: those of several need not be at the same time.
/// Rows of hours come before all samples, in any order; samples come scan by scan, in order of time. So only the rows
/// of one scan are kept: 60 days of a workload have two million.
class Timeline final : public core::RowSink {
 public:
  /// `is_alone`: the rows are of one cgroup.
  explicit Timeline(bool is_alone) : is_alone_(is_alone) {}

  void begin(const std::vector<std::string>& columns) override;
  void add(std::vector<core::Cell> row) override;
  /// In order of time.
  std::vector<TimelinePoint> finish();

 private:
  struct Measured {
    std::int64_t at_us = 0, interval_us = 0, cgroup_id = 0, replica = 0;
    bool is_hour = false, is_partial = false;
    double share = 1;                       // of the scans; 1 for a sample
    std::array<double, kMeasures> bytes{};  // not a number: not known
  };
  using ByCgroup = std::map<std::int64_t, Measured>;
  static std::pair<std::int64_t, std::int64_t> place_of(const Measured& one) { return {one.at_us, one.cgroup_id}; }
  void add_hours_before(std::int64_t at_us);
  void finish_scan();
  void add_scan(std::span<const Measured> rows);
  static TimelinePoint together(const ByCgroup& cgroups);

  bool is_alone_;
  std::array<std::size_t, 6 + kMeasures> at_{};  // where the columns are in a row
  std::vector<Measured> hours_;
  std::size_t hours_sorted_ = 0;             // so many of hours_ are in order
  std::size_t hours_added_ = 0;              // and so many of them are in points_
  std::vector<Measured> scan_;               // the rows of the scan that is being read
  std::optional<std::int64_t> whole_at_us_;  // the last whole scan; nullopt after an hour
  ByCgroup latest_;                          // since then, or in the hour
  std::vector<TimelinePoint> points_;
};

/// The points, and the time of the marks before and after them, of which nothing is known.
std::vector<ChartPoint> reaching(std::vector<ChartPoint> points, std::span<const Mark> marks);

/// For a chart, usage with the peaks. A gap is where more than three intervals have no sample. An hour lasts until its
/// end, at most `until_us`.
std::vector<ChartPoint> chart_points(const std::vector<TimelinePoint>& timeline, Measure measure,
                                     std::int64_t until_us);

}  // namespace cgmm::report
