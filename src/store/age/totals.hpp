// SPDX-License-Identifier: Apache-2.0
#pragma once

// Totals go on rising when the rows that they count are deleted (schema/0011_metrics.sql). Used by the thread that
// writes, inside of its transaction.

#include <cstdint>
#include <string>

#include "store/statement.hpp"

namespace cgmm::store {

/// What the rows have added to the totals stays. `rows`: a SELECT of their ids as row_id, with ?1. To be called before
/// they, or their cgroup, are deleted.
void keep_totals(Statements& sql, const std::string& view, const std::string& rows, std::int64_t parameter);

}  // namespace cgmm::store
