// SPDX-License-Identifier: Apache-2.0
#pragma once

// Why a report has no rows, if that is because of its window. Pure: any thread.

#include <string>

#include "core/table.hpp"
#include "report/catalog.hpp"

namespace cgmm::report {

/// Whether its answer depends on a window.
bool has_window(const Report& report);

/// Sentences to stand below "(none)", with what to ask instead. `record` is the answer of part_window_record.sql. "":
/// the window has what the report reads.
std::string why_none(const core::Table& record, const Report& report);

}  // namespace cgmm::report
