// SPDX-License-Identifier: Apache-2.0
#pragma once

// log_level of the configuration, for the commands that have a log: `run` and `ship`.

#include <spdlog/spdlog.h>

#include <array>
#include <cstddef>
#include <cstdlib>

#include "config.hpp"

namespace cgmm::cli {

/// Once there is a log, and again at a reload.
inline void set_log_level(const config::Config& config) {
  using namespace spdlog::level;
  constexpr std::array kLevels = {trace, debug, info, warn, err, off};  // as in config::LogLevel
  spdlog::set_level(kLevels[static_cast<std::size_t>(config::effective_log_level(config, std::getenv("RUST_LOG")))]);
}

}  // namespace cgmm::cli
