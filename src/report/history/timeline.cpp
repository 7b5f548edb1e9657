// SPDX-License-Identifier: Apache-2.0
#include "report/history/timeline.hpp"

#include <algorithm>
#include <utility>

#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

constexpr std::int64_t kGapIntervals = 3;  // this many without a sample are a gap
constexpr std::array<std::string_view, kMeasures> kColumns = {
    "usage_bytes", "usage_max_bytes", "reclaimable_cache_bytes", "anon_bytes", "shmem_bytes", "swap_bytes"};

std::optional<std::int64_t> integer(const core::Cell& cell) {
  const auto* const value = std::get_if<std::int64_t>(&cell);
  return value != nullptr ? std::optional(computable(*value)) : std::nullopt;
}

/// nullopt where it is not known of one that counts.
template <class Cgroups>
std::optional<double> sum_of(const Cgroups& cgroups, std::size_t measure) {
  double sum = 0;
  for (const auto& [id, one] : cgroups) {
    if (one.share <= 0) continue;
    if (!one.bytes[measure]) return std::nullopt;
    sum += *one.bytes[measure] * one.share;
  }
  return sum;
}

template <class Cgroups>
TimelinePoint together(const Cgroups& cgroups) {
  TimelinePoint point;
  for (const auto& [id, one] : cgroups) point.cgroup_count += one.share;
  if (point.cgroup_count <= 0) return point;
  for (std::size_t i = 0; i < kMeasures; ++i) {
    const bool is_max = static_cast<Measure>(i) == Measure::usage_max;
    if (!is_max) {
      point.bytes[i] = sum_of(cgroups, i);
    } else if (cgroups.size() == 1) {
      point.bytes[i] = cgroups.begin()->second.bytes[i];
    }
  }
  return point;
}

}  // namespace

void Timeline::begin(const std::vector<std::string>& columns) {
  *this = Timeline(column_, value_, is_alone_);
  for (std::size_t i = 0; i < columns.size(); ++i) at_.emplace(columns[i], i);
}

void Timeline::add(std::vector<core::Cell> row) {
  const auto cell = [&](std::string_view column) -> const core::Cell& { return row.at(at_.find(column)->second); };
  const auto* const value = std::get_if<std::string>(&cell(column_));
  if (value == nullptr || *value != value_) return;
  const std::int64_t at_us = integer(cell("at_us")).value_or(0);
  const bool is_hour = cell("measured") == core::Cell("hour");
  if (!open_ || open_->at_us != at_us || open_->is_hour != is_hour) {
    close();
    open_ = Group{.at_us = at_us,
                  .interval_us = std::max<std::int64_t>(integer(cell("interval_us")).value_or(0), 0),
                  .is_hour = is_hour,
                  .is_partial = integer(cell("is_partial")).value_or(0) != 0,
                  .by_cgroup = {}};
  }
  Measured& one = open_->by_cgroup[integer(cell("cgroup_id")).value_or(0)];
  if (is_hour) {
    const auto samples = static_cast<double>(integer(cell("sample_count")).value_or(0)),
               scans = static_cast<double>(integer(cell("scan_count")).value_or(0));
    one.share = scans > 0 ? samples / scans : 0;
  }
  for (std::size_t i = 0; i < kMeasures; ++i) {
    if (const auto bytes = integer(cell(kColumns[i]))) one.bytes[i] = static_cast<double>(*bytes);
  }
}

void Timeline::close() {
  if (!open_) return;
  Group group = *std::exchange(open_, std::nullopt);
  if (!group.is_partial) {
    whole_at_us_ = group.is_hour ? std::nullopt : std::optional(group.at_us);
    latest_ = std::move(group.by_cgroup);
  } else {
    const bool is_known = whole_at_us_ && group.at_us - *whole_at_us_ <= kGapIntervals * group.interval_us;
    if (!is_known && !is_alone_) return;  // of the others nothing is known
    for (auto& [id, one] : group.by_cgroup) latest_.insert_or_assign(id, std::move(one));
  }
  TimelinePoint point = together(latest_);
  point.at_us = group.at_us;
  point.interval_us = group.interval_us;
  point.is_hour = group.is_hour;
  points_.push_back(point);
}

std::vector<TimelinePoint> Timeline::finish() {
  close();
  return std::move(points_);
}

std::vector<ChartPoint> reaching(std::vector<ChartPoint> points, std::span<const Mark> marks) {
  if (points.empty() || marks.empty()) return points;
  const auto [first, last] = std::ranges::minmax(marks, {}, &Mark::at_us);
  if (last.at_us > points.back().at_us + 1) {
    points.push_back({points.back().at_us + 1, std::nullopt});
    points.push_back({last.at_us, std::nullopt});
  }
  if (first.at_us < points.front().at_us) points.insert(points.begin(), {first.at_us, std::nullopt});
  return points;
}

std::vector<ChartPoint> chart_points(const std::vector<TimelinePoint>& timeline, Measure measure,
                                     std::int64_t until_us) {
  std::vector<ChartPoint> points;
  points.reserve(timeline.size());
  for (std::size_t i = 0; i < timeline.size(); ++i) {
    const TimelinePoint& one = timeline[i];
    const bool is_last = i + 1 == timeline.size();
    ChartPoint& point = points.emplace_back(ChartPoint{one.at_us, one.of(measure)});
    if (measure == Measure::usage) {  // of a sample, usage_max is since the one before
      const bool is_known = one.is_hour || (!is_last && !timeline[i + 1].is_hour);
      if (is_known) point.peak = (one.is_hour ? one : timeline[i + 1]).of(Measure::usage_max);
    }
    const std::int64_t interval_us = is_last ? one.interval_us : std::max(one.interval_us, timeline[i + 1].interval_us);
    const bool ends =
        is_last ? one.is_hour : interval_us > 0 && timeline[i + 1].at_us - one.at_us > kGapIntervals * interval_us;
    const std::int64_t end_us = one.at_us + std::max<std::int64_t>(one.interval_us, 1);
    if (ends) points.push_back({is_last ? std::clamp(until_us, one.at_us + 1, end_us) : end_us, std::nullopt});
  }
  return points;
}

}  // namespace cgmm::report
