// SPDX-License-Identifier: Apache-2.0
#pragma once

// Pages of `serve` whose table can be sorted: cgroups as they are now, and workloads with their trend. Pure: any
// thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/table.hpp"

namespace cgmm::report {

/// Numbers from the largest on, texts from A to Z, what is not known at the end. Throws std::runtime_error where the
/// table has no such column.
core::Table sorted_by(core::Table table, std::string_view column);

/// What the address of a page says, as it was given.
struct AskedOf {
  std::string since, until, cgroup, workload;  // "": not given
};

struct NowPage {
  core::Table now;            // reports/now.sql
  core::Table status;         // reports/status.sql
  std::string why_none;       // where `now` has no rows
  std::string sort;           // a column; "": as the report is
  bool is_live = false;       // it is about now, so the script follows what happens
  std::int64_t until_us = 0;  // when it was asked for
  AskedOf asked{};
};

struct WorkloadsPage {
  core::Table workloads;  // reports/memory_by_workload.sql
  core::Table trend;      // reports/history_trend.sql
  core::Table status;     // reports/status.sql
  std::string title, why_none, sort;
  AskedOf asked{};
};
std::string workloads_page(WorkloadsPage page);

/// The time of the newest scan is in it as `data-at-us`, which serve/feed and serve/page.js read.
std::string now_page(NowPage page);

}  // namespace cgmm::report
