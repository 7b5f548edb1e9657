// SPDX-License-Identifier: Apache-2.0
#include "cli/checked_advice.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "base/units.hpp"
#include "cli/simulate_answer.hpp"
#include "core/glob.hpp"
#include "report/format/row.hpp"

namespace cgmm::cli {
namespace {

constexpr std::int64_t kLongest_us = 7 * base::kDay_us;
constexpr std::size_t kMostChecked = 10;  // people are shown no more
constexpr std::size_t kMostCgroups = 20;  // read one by one; for more, every sample of the node would be read
constexpr std::int64_t kMostSamples =
    500'000;                        // that are not in the archive: each workload's would be looked for among them
constexpr double kMostError = 0.5;  // a replay that is off by more says nothing
constexpr double kLittle_bytes = 1 << 20, kLittle_byte_seconds = 3600.0 * (1 << 20);

using Answers = std::map<std::string, simulate::Answer>;

Answers by_workload(std::vector<simulate::Answer> answers) {
  Answers found;
  for (simulate::Answer& one : answers) found.emplace(one.workload, one);
  return found;
}

core::Rule rule_for(const core::Advice& advice) {
  core::Rule rule{.cgroup = advice.workload.empty() ? core::glob_of(advice.path) : "",
                  .workload = advice.workload.empty() ? "" : core::glob_of(advice.workload),
                  .threshold = {},
                  .cooldown_us = advice.cooldown_us,
                  .reclaim = {}};
  if (advice.kind == core::AdviceKind::exclude) {
    rule.reclaim = false;
  } else {
    rule.threshold = core::Threshold::of_bytes(advice.threshold_bytes);
  }
  return rule;
}

double error_of(double predicted, double was, double little) {
  const double off = std::abs(predicted - was);
  return off <= little ? 0 : was > 0 ? off / was : 1;
}

/// The larger error of the two sides that are compared.
double error_of(const simulate::Answer& backtest) {
  return std::max(error_of(backtest.expected.held_byte_seconds, backtest.was.held_byte_seconds, kLittle_byte_seconds),
                  error_of(backtest.expected.read_back_bytes, backtest.was.read_back_bytes, kLittle_bytes));
}

std::string more_or_less(const std::string& amount, double change) { return amount + (change < 0 ? " less" : " more"); }

/// "Replayed over 7 days with this rule, 300.0 MiB less would have been read back and 1.2 GiB·h less kept free. A
/// replay of what really ran is off by up to 20 %."
std::string in_words(const simulate::Tally& now, const simulate::Tally& then, double error, std::int64_t time_us) {
  const double read_back = then.read_back_bytes - now.read_back_bytes;
  const double held = then.held_byte_seconds - now.held_byte_seconds;
  const auto size = [](double bytes) { return base::format_bytes(static_cast<std::uint64_t>(std::abs(bytes))); };
  const auto pct = static_cast<std::int64_t>(std::ceil(std::max(error, 0.01) * 100));
  return " Replayed over " + base::span_in_words(time_us) + " with this rule, " +
         more_or_less(size(read_back), read_back) + " would have been read back and " +
         more_or_less(size(held / 3600) + "·h", held) + " kept free. A replay of what really ran is off by up to " +
         std::to_string(pct) + " %.";
}

}  // namespace

void check_advice(std::vector<report::Finding>& findings, store::Reader& reader, const Window& window,
                  const core::Policy& policy) {
  Simulated today{.policy = policy, .only_from_before = true, .most_cgroups = kMostCgroups};
  Simulated advised = today;
  std::vector<report::Finding*> checked;
  for (report::Finding& one : findings) {
    if (!one.advice || checked.size() >= kMostChecked) continue;
    checked.push_back(&one);
    today.workloads.insert(one.workload);
    advised.policy.rules.insert(advised.policy.rules.begin(), rule_for(*one.advice));
  }
  if (checked.empty()) return;
  advised.workloads = today.workloads;
  Window last = window;
  last.since_us = std::max(window.since_us, window.until_us - kLongest_us);
  const core::Table facts = answer_to("simulate_node", reader, last.parameters());
  if (report::Row(facts).integer("unarchived_samples") > kMostSamples) return;
  const Answers backtest = by_workload(simulated(reader, last, today));
  const Answers then = by_workload(simulated(reader, last, advised));
  for (report::Finding* const one : checked) {
    const auto now = backtest.find(one->workload), would = then.find(one->workload);
    if (now == backtest.end() || would == then.end() || now->second.was.reclaim_count == 0) continue;
    const double error = error_of(now->second);
    if (error > kMostError) continue;
    one->advice->reason +=
        in_words(now->second.expected, would->second.expected, error, std::min(one->evidence.window_us, kLongest_us));
  }
}

}  // namespace cgmm::cli
