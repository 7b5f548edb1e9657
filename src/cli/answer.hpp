// SPDX-License-Identifier: Apache-2.0
#pragma once

// Asks the history what a report asks. One thread.

#include <string_view>

#include "core/table.hpp"
#include "report/catalog.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {

/// Under the report's title. SQL of the operator's own that can't be run is a UsageError that names its report.
core::Table answer_to(const report::Report& report, store::Reader& reader, const core::Parameters& parameters);

/// The same of one that is built in.
core::Table answer_to(std::string_view name, store::Reader& reader, const core::Parameters& parameters);

}  // namespace cgmm::cli
