// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>

#include "base/time.hpp"
#include "command_line.hpp"
#include "command_line_parts.hpp"

namespace cgmm {
namespace {

std::string parse_preset(const std::string& name) {
  constexpr std::array kPresets = {"rust", "shipped", "psi", "refault"};
  if (std::ranges::count(kPresets, name) == 0) refuse_value("--preset", name, "rust, shipped, psi or refault");
  return name;
}

}  // namespace

void add_simulate(CLI::App& sub, cli::Options& options) {
  constexpr std::int64_t kMaxTime_us = 10 * base::kMinute_us;  // it reads every sample of the window
  cli::SimulateOptions& simulate = options.simulate;
  const auto add = [&](const char* name, auto take, const char* type, const char* help) {
    sub.add_option_function<std::string>(name, take, help)->type_name(type);
  };
  add_window(sub, options, "7d", "Begin of the window: 7d (default), 90m, or in UTC 2026-11-23, 2026-11-23T03:12:00Z");
  sub.preparse_callback([&options](std::size_t) {
    options.since = "7d";
    options.bounds.time_us = kMaxTime_us;
    options.bounds.what_is_less = cli::kShorterTime;
  });
  add(
      "--preset", [&simulate](const std::string& name) { simulate.preset = parse_preset(name); }, "NAME",
      "Instead of a configuration: rust, shipped, psi, refault");
  add(
      "--policy", [&options](const std::string& text) { options.overrides.policy = text; }, "NAME",
      "Another policy: idle, target, rust");
  add(
      "--threshold", [&options](const std::string& text) { options.overrides.threshold = text; }, "SIZE|PERCENT",
      "Another threshold: 10%, 512Mi");
  add(
      "--cooldown", [&options](const std::string& text) { options.overrides.cooldown = text; }, "S",
      "Another cooldown: 90, 5m");
  add(
      "--cgroup", [&options](const std::string& glob) { options.cgroup = glob; }, "GLOB",
      "Only cgroups whose path, name or workload matches, or part of it: shop/web, a container id");
  add_workload(sub, options);
  sub.add_flag("--backtest", simulate.backtest,
               "The configuration that ran: how far what is simulated is from what really was");
  add_reading(sub, options);
}

}  // namespace cgmm
