// SPDX-License-Identifier: Apache-2.0
#include "cli/settings.hpp"

#include <array>
#include <iostream>
#include <system_error>
#include <utility>

#include "base/text.hpp"

namespace cgmm::cli {

kernel::Watch kernel_watch(config::Watch watch) {
  constexpr std::array kWatches = {kernel::Watch::automatic, kernel::Watch::containers, kernel::Watch::leaves};
  return kWatches[static_cast<std::size_t>(watch)];  // in the order of config::Watch
}

daemon::Settings settings_of(const config::Config& config) {
  return {.parent = config.parent,
          .watch = kernel_watch(config.watch),
          .max_cgroups = config.max_cgroups,
          .interval_us = config.interval_us,
          .policy = config.policy,
          .near_limit = config.near_limit,
          .dry_run = config.dry_run};
}

ReaderConfig load_for_reading(const CommonOptions& common) {
  std::error_code ignored;
  const bool has_file = common.config || std::filesystem::exists(config::kDefaultFile, ignored);
  const auto tell = [](const std::string& sentence) {
    std::cerr << "cgroup-memory-manager: " << base::escape_for_terminal(sentence) << '\n';
  };
  try {
    return {config::load(common.config, common.overrides, tell), has_file};
  } catch (const config::ConfigError& error) {
    if (!common.overrides.database) throw;
    config::Config defaults = config::parse("", "", common.overrides);
    tell(std::string(error.what()) + "; going on without a configuration file");
    return {std::move(defaults), false};
  }
}

}  // namespace cgmm::cli
