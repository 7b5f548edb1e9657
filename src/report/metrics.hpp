// SPDX-License-Identifier: Apache-2.0
#pragma once

// Answers as metrics, for Prometheus. Which column is which metric, a query says itself (reports/metric_*.sql), in
// comments:
//
//   -- metric COLUMN TYPE NAME: What it is.
//
// TYPE is counter, gauge or info; the name of a counter is without _total, that of an info without _info. All other
// columns are labels. NULL is no sample, and no label. Of a counter, there may be one of what it counts, in
// OpenMetrics:
//
//   -- exemplar COLUMN ID_COLUMN AT_US_COLUMN
//
// Pure: any thread.

#include <string>
#include <string_view>
#include <vector>

#include "core/table.hpp"

namespace cgmm::report {

enum class MetricsForm {
  prometheus,   // text format 0.0.4
  openmetrics,  // OpenMetrics 1.0.0
};

struct Metric {
  std::string column;
  std::string type;
  std::string name;
  std::string help;
  std::string exemplar_id, exemplar_at_us;  // columns; "": it has none
};

/// As the query's comments say, in their order.
std::vector<Metric> metrics_of(std::string_view sql);

/// The samples of one answer. Rows with the same labels are one sample: the sum of a counter, the last of a gauge.
/// Throws std::logic_error if the answer lacks a column.
std::string render_metrics(const std::vector<Metric>& metrics, const core::Table& answer, MetricsForm form);

/// What comes after all of them.
std::string end_of_metrics(MetricsForm form);

}  // namespace cgmm::report
