// SPDX-License-Identifier: Apache-2.0
#pragma once

// How `ship` does, for `status`: from its state file, which is another program's, and from the history. This program
// has no network, so it does not ask the server.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config.hpp"
#include "core/table.hpp"

namespace cgmm::cli {

struct ShipStatus {
  std::string words = "not set up";
  bool is_ill = false;                                             // nothing arrives
  std::vector<std::pair<std::string_view, core::Cell>> columns{};  // more of it; empty where it is not set up
};

/// Never throws: what can't be read is said in words.
ShipStatus ship_status(const config::Ship& settings, const std::filesystem::path& database, std::int64_t now_us);

}  // namespace cgmm::cli
