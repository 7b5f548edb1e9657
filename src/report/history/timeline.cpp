// SPDX-License-Identifier: Apache-2.0
#include "report/history/timeline.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "report/format/row.hpp"

namespace cgmm::report {
namespace {

constexpr std::int64_t kGapIntervals = 3;  // this many without a sample are a gap
enum Column : std::uint8_t { kAt, kInterval, kShare, kIsPartial, kCgroup, kReplica, kFirstMeasure };
constexpr std::array<std::string_view, kFirstMeasure + kMeasures> kColumns = {
    "at_us",       "interval_us",     "share",
    "is_partial",  "cgroup_id",       "replica",
    "usage_bytes", "usage_max_bytes", "reclaimable_cache_bytes",
    "anon_bytes",  "shmem_bytes",     "swap_bytes"};

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::optional<std::int64_t> integer(const core::Cell& cell) {
  const auto* const value = std::get_if<std::int64_t>(&cell);
  return value != nullptr ? std::optional(computable(*value)) : std::nullopt;
}

}  // namespace

TimelinePoint Timeline::together(const ByCgroup& cgroups) {
  TimelinePoint point;
  std::map<std::int64_t, double> replicas;  // a pod is there for as long as what of it is there longest
  for (const auto& [id, one] : cgroups) replicas[one.replica] = std::max(replicas[one.replica], one.share);
  for (const auto& [replica, share] : replicas) point.replica_count += share;
  if (point.replica_count <= 0) return point;
  for (std::size_t i = 0; i < kMeasures; ++i) {
    if (static_cast<Measure>(i) == Measure::usage_max && cgroups.size() > 1) continue;
    double sum = 0;  // not a number where it is not known of one that counts
    for (const auto& [id, one] : cgroups) {
      if (one.share > 0) sum += one.bytes[i] * (static_cast<Measure>(i) == Measure::usage_max ? 1 : one.share);
    }
    if (!std::isnan(sum)) point.bytes[i] = sum;
  }
  return point;
}

void Timeline::begin(const std::vector<std::string>& columns) {
  *this = Timeline(is_alone_);
  std::ranges::transform(kColumns, at_.begin(), [&](std::string_view column) {
    return static_cast<std::size_t>(std::ranges::find(columns, column) - columns.begin());
  });
}

void Timeline::add(std::vector<core::Cell> row) {
  const auto value = [&](std::size_t column) { return integer(row.at(at_[column])); };
  const auto* const share = std::get_if<double>(&row.at(at_[kShare]));
  Measured one{.at_us = value(kAt).value_or(0),
               .interval_us = std::max<std::int64_t>(value(kInterval).value_or(0), 0),
               .cgroup_id = value(kCgroup).value_or(0),
               .replica = value(kReplica).value_or(0),
               .is_hour = share != nullptr,
               .is_partial = value(kIsPartial).value_or(0) != 0,
               .share = share != nullptr ? *share : 1};
  for (std::size_t i = 0; i < kMeasures; ++i) {
    const auto bytes = value(kFirstMeasure + i);
    one.bytes[i] = bytes ? static_cast<double>(*bytes) : kUnknown;
  }
  if (!one.is_hour && !scan_.empty() && scan_.front().at_us != one.at_us) finish_scan();
  (one.is_hour ? hours_ : scan_).push_back(one);
}

void Timeline::add_hours_before(std::int64_t at_us) {
  if (hours_sorted_ != hours_.size()) {
    std::ranges::sort(hours_.begin() + static_cast<std::ptrdiff_t>(hours_added_), hours_.end(), {}, place_of);
    hours_sorted_ = hours_.size();
  }
  while (hours_added_ < hours_.size() && hours_[hours_added_].at_us < at_us) {
    const std::size_t begin = hours_added_;
    while (hours_added_ < hours_.size() && hours_[hours_added_].at_us == hours_[begin].at_us) ++hours_added_;
    add_scan(std::span(hours_).subspan(begin, hours_added_ - begin));
  }
}

void Timeline::finish_scan() {
  if (scan_.empty()) return;
  add_hours_before(scan_.front().at_us);
  if (!std::ranges::is_sorted(scan_, {}, place_of)) std::ranges::sort(scan_, {}, place_of);
  add_scan(scan_);
  scan_.clear();
}

/// The rows of one scan, or of one hour.
void Timeline::add_scan(std::span<const Measured> rows) {
  const Measured& first = rows.front();
  if (!first.is_partial) {
    whole_at_us_ = first.is_hour ? std::nullopt : std::optional(first.at_us);
    latest_.clear();
  } else {
    const bool is_known = whole_at_us_ && first.at_us - *whole_at_us_ <= kGapIntervals * first.interval_us;
    if (!is_known && !is_alone_) return;  // of the others nothing is known
  }
  for (const Measured& one : rows) latest_.insert_or_assign(one.cgroup_id, one);
  TimelinePoint point = together(latest_);
  point.at_us = first.at_us;
  point.interval_us = first.interval_us;
  point.is_hour = first.is_hour;
  points_.push_back(point);
}

std::vector<TimelinePoint> Timeline::finish() {
  finish_scan();
  add_hours_before(std::numeric_limits<std::int64_t>::max());
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
