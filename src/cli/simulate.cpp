// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/simulate_answer.hpp"
#include "simulate/table.hpp"

namespace cgmm::cli {
namespace {

/// What the configuration, or the preset, and the options say.
Simulated what_to_simulate(const Options& options, const config::Config& config) {
  const SimulateOptions& simulate = options.simulate;
  Simulated what{.policy = config.policy, .only_from_before = simulate.backtest};
  if (!simulate.preset.empty()) {
    const bool is_rust = simulate.preset == "rust";
    what.policy = config::parse(is_rust ? "policy = 'rust'\nreclaim_scope = 'all'\n" : "", "the preset",
                                {.threshold = options.overrides.threshold, .cooldown = options.overrides.cooldown})
                      .policy;
    if (simulate.preset == "psi") what.feedback = simulate::Feedback::pressure;
    if (simulate.preset == "refault") what.feedback = simulate::Feedback::refaults;
  }
  return what;
}

void expect_fitting(const Options& options) {
  const SimulateOptions& simulate = options.simulate;
  const config::Overrides& other = options.overrides;
  if (simulate.backtest && (!simulate.preset.empty() || other.policy || other.threshold || other.cooldown))
    throw UsageError(
        "--backtest is of the configuration that ran: without --preset, --policy, --threshold and --cooldown");
  if (!simulate.preset.empty() && other.policy) throw UsageError("--preset and --policy: expected one of the two");
}

}  // namespace

int simulate(const Options& options) {
  expect_fitting(options);
  const Window window = parse_window(options);
  // What is wrong with a configuration that is to be tried must be said.
  const config::Config config = config::load(options.config, options.overrides, to_stderr);
  store::Reader reader(config.database);
  const auto answers = simulated(reader, window, what_to_simulate(options, config));
  core::Table table = options.simulate.backtest ? simulate::backtest_table(answers) : simulate::answer_table(answers);
  table.title = titled(options.simulate.backtest ? "Simulated and recorded" : "What would have been", window);
  if (answers.empty()) table.below = "There are no samples of such a cgroup in this window.";
  write_table(options, table);
  return 0;
}

}  // namespace cgmm::cli
