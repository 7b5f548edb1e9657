// SPDX-License-Identifier: Apache-2.0
#pragma once

// A row of the fault matrix: what a test has seen of the fault that it has made.

#include <gtest/gtest.h>

#include <cstdint>
#include <iomanip>
#include <sstream>
#include <string>
#include <utility>

#include "support/shown.hpp"

namespace cgmm::test {

struct FaultRow {
  std::string row;
  std::string name;        // service_event.fault
  std::string begin_seen;  // its beginning on record, so long after it began
  std::string scans;       // while it lasted
  std::string reclaims;    // likewise
  std::string lost;
  std::string recovered;  // so long after its end scans were recorded again
};

inline std::string seconds_of(std::int64_t us) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(us) / 1e6 << " s";
  return text.str();
}

inline void show_fault(const FaultRow& row) {
  std::ostringstream line;
  for (const auto& [cell, width] : {std::pair{row.row, 46},
                                    {row.name, 10},
                                    {row.begin_seen, 8},
                                    {row.scans, 6},
                                    {row.reclaims, 13},
                                    {row.lost, 34},
                                    {row.recovered, 0}}) {
    line << std::left << std::setw(width) << cell << " ";
  }
  const auto* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  show(std::string("faults/") + test->test_suite_name() + "." + test->name(), line.str());
}

}  // namespace cgmm::test
