// SPDX-License-Identifier: Apache-2.0
#include "live/instant.hpp"

#include "base/time.hpp"
#include "report/format/row.hpp"

namespace cgmm::live {
namespace {

std::optional<double> number_of(const core::Cell& cell) {
  if (const auto* const integer = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*integer);
  if (const auto* const real = std::get_if<double>(&cell)) return *real;
  return std::nullopt;
}

}  // namespace

std::int64_t Instant::position_us() const { return at_us + (is_hour ? base::kHour_us : 0); }

Instant instant_of(const core::Table& now) {
  Instant instant;
  if (now.rows.empty()) return instant;
  const report::Row first(now);
  instant.at_us = first.integer("at_us");
  instant.is_hour = first.text("measured") == "hours";
  std::array<std::size_t, kMeasures> places{};
  for (std::size_t i = 0; i < kMeasures; ++i) places[i] = report::column_of(now, kColumns[i].name);
  for (std::size_t i = 0; i < now.rows.size(); ++i) {
    const report::Row from(now, i);
    Row& row = instant.rows.emplace_back(Row{.path = from.text("path"),
                                             .name = from.text("cgroup"),
                                             .kind = from.text("kind"),
                                             .workload = from.text("workload"),
                                             .name_space = from.text("namespace"),
                                             .pod = from.text("pod")});
    for (const Column& column : kColumns)
      row.values[column.measure] = number_of(now.rows[i][places[static_cast<std::size_t>(column.measure)]]);
  }
  return instant;
}

}  // namespace cgmm::live
