// SPDX-License-Identifier: Apache-2.0
#pragma once

// Rows as JSON objects. Pure: any thread.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/table.hpp"

namespace cgmm::report {

/// A value for each key, in this order.
nlohmann::ordered_json json_row(const std::vector<std::string>& keys, const std::vector<core::Cell>& row);

}  // namespace cgmm::report
