// SPDX-License-Identifier: Apache-2.0
#pragma once

// The answer in words that leads the weekly report, from the one row of reports/summary.sql. Pure: any
// thread.

#include <cstdint>
#include <string>

#include "core/table.hpp"

namespace cgmm::report {

/// "In the last 7 days 60 433 scans covered 99.9 % of the time and saw 214 cgroups. 12 reclaims freed 3.4 GiB
/// in 4 cgroups; 1 failed. No OOM kill was seen." A column that is missing, or NULL, counts as nothing.
/// `until_is_now`: the time asked for ends with the present; otherwise its end is named.
std::string summary_sentence(const core::Table& summary_row, std::int64_t since_us, std::int64_t until_us,
                             bool until_is_now = true);

}  // namespace cgmm::report
