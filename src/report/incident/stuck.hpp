// SPDX-License-Identifier: Apache-2.0
#pragma once

// A cgroup that was stuck, and not killed: the answer of `incident show s1`. Pure: any thread.

#include <string>

#include "core/table.hpp"
#include "report/format/render.hpp"

namespace cgmm::report {

struct StuckTables {
  core::Table stuck;    // incident_stuck: one row
  core::Table samples;  // incident_stuck_samples, oldest first
  std::string on_node;  // for the title; "": whoever asks knows it
};

/// The whole document. Throws std::invalid_argument for CSV and NDJSON.
std::string render_stuck(const StuckTables& tables, Format format, const Style& style);

}  // namespace cgmm::report
