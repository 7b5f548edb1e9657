// SPDX-License-Identifier: Apache-2.0
// Any bytes as config.toml, and after a NUL as the values of options, a line each: a Config in which every value is
// within its bounds, or a ConfigError that names what and where.

#include <array>
#include <optional>
#include <string>

#include "config.hpp"
#include "require.hpp"

namespace {

using namespace cgmm;

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kDayUs = 86'400 * kSecondUs;

void check(const core::Threshold& threshold) {
  if (const auto percent = threshold.percent()) REQUIRE(*percent >= 0 && *percent <= 100);
  const auto again = core::Threshold::parse(threshold.to_string());
  REQUIRE(again && again->is_percent() == threshold.is_percent());
}

void check(const config::Config& config) {
  REQUIRE(!config.parent.empty() && config.parent.find('\0') == std::string::npos);
  REQUIRE(config.interval_us >= kSecondUs / 10 && config.interval_us <= kDayUs);
  REQUIRE(config.policy.defaults.cooldown_us >= 0 && config.policy.defaults.cooldown_us <= 365 * kDayUs);
  REQUIRE(config.policy.learning.max_cooldown_us >= 0 && config.policy.learning.max_cooldown_us <= 365 * kDayUs);
  REQUIRE(config.policy.learning.observe_for_us >= kSecondUs);
  REQUIRE(config.policy.bounds.step_bytes >= 4096);
  REQUIRE(config.policy.bounds.timeout_us >= kSecondUs / 10 && config.policy.bounds.timeout_us <= 3600 * kSecondUs);
  REQUIRE(config.policy.bounds.max_pressure_pct >= 0 && config.policy.bounds.max_pressure_pct <= 100);
  REQUIRE(config.near_limit.over_pct >= 0 && config.near_limit.over_pct <= 100);
  REQUIRE(config.near_limit.max_count >= 0 && config.near_limit.max_count <= 1000);
  REQUIRE(config.retention.max_size_bytes >= 32 << 20 && config.retention.max_size_bytes <= std::int64_t{1} << 40);
  for (const std::int64_t keep_us : {config.retention.samples_us, config.retention.incidents_us,
                                     config.retention.hours_us, config.retention.events_us}) {
    REQUIRE(keep_us >= 3600 * kSecondUs && keep_us <= 3650 * kDayUs);
  }
  REQUIRE(config.kernel_log == "auto" || config.kernel_log == "off" || config.kernel_log.starts_with('/'));
  REQUIRE(!config.database.empty() && config.database.native().find('\0') == std::string::npos);
  check(config.policy.defaults.threshold);
  if (config.policy.defaults.reclaim_to) check(*config.policy.defaults.reclaim_to);
  for (const core::Rule& rule : config.policy.rules) {
    REQUIRE(!rule.cgroup.empty() && (rule.threshold || rule.cooldown_us || rule.reclaim));
    if (rule.threshold) check(*rule.threshold);
  }
}

void check(const config::ConfigError& error, bool has_options) {
  const std::string what = error.what();
  REQUIRE(what.size() < 2000);
  const bool of_the_file = what.starts_with("fuzz.toml:");
  REQUIRE(of_the_file || (has_options && what.starts_with("--")));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t split = text.find('\0');
  config::Overrides options;
  if (split != std::string_view::npos) {
    const std::array<std::optional<std::string>*, 6> targets = {&options.threshold, &options.interval,
                                                                &options.cooldown,  &options.parent,
                                                                &options.database,  &options.log_level};
    std::size_t i = 0;
    fuzz::for_each_line(text.substr(split + 1), [&](std::string_view line) {
      if (i < targets.size() && !line.empty()) *targets[i] = std::string(line);
      ++i;
    });
  }
  const std::string_view toml = text.substr(0, split);
  try {
    const config::Config config = config::parse(toml, "fuzz.toml", options);
    check(config);
    REQUIRE(config == config::parse(toml, "fuzz.toml", options));
  } catch (const config::ConfigError& error) {
    check(error, split != std::string_view::npos);
  }
  return 0;
}
