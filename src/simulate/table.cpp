// SPDX-License-Identifier: Apache-2.0
#include "simulate/table.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/time.hpp"

namespace cgmm::simulate {
namespace {

using core::Cell;

Cell whole(double value) { return static_cast<std::int64_t>(std::llround(std::clamp(value, -9e18, 9e18))); }

Cell least(double a, double b, double c) { return whole(std::min({a, b, c})); }
Cell most(double a, double b, double c) { return whole(std::max({a, b, c})); }

/// Of reclaims of which it is known; nullopt: of none.
Cell read_back(const Tally& tally) {
  const bool is_known = tally.reclaim_count == 0 || tally.untold_count < tally.reclaim_count;
  return is_known ? whole(tally.read_back_bytes) : Cell();
}

/// How long a byte stayed free.
Cell free_for(const Tally& tally) {
  return tally.freed_bytes > 0 ? whole(tally.held_byte_seconds / tally.freed_bytes * base::kSecond_us) : Cell();
}

Cell covered_pct(const Answer& answer) {
  if (answer.lived_us <= 0) return {};
  return std::min(100.0, 100.0 * static_cast<double>(answer.covered_us) / static_cast<double>(answer.lived_us));
}

Cell why(const Answer& answer) {
  std::string text;
  for (unsigned i = 0; i < static_cast<unsigned>(Doubt::count_); ++i) {
    if (answer.has(static_cast<Doubt>(i)))
      text.append(text.empty() ? "" : "; ").append(in_words(static_cast<Doubt>(i)));
  }
  return text.empty() ? Cell() : Cell(text);
}

Answer sum_of(const std::vector<Answer>& answers) {
  Answer all;
  for (const Answer& one : answers) all.add(one);
  all.workload = "all";
  return all;
}

std::vector<Cell> answer_row(const Answer& one) {
  const Tally &would = one.expected, &best = one.best, &worst = one.worst;
  const bool is_blind = would.reclaim_count == 0 && (one.has(Doubt::no_pressure) || one.has(Doubt::not_counted));
  if (is_blind) {
    return {one.workload,
            {},
            one.was.reclaim_count,
            {},
            whole(one.was.freed_bytes),
            {},
            {},
            {},
            whole(one.was.held_byte_seconds),
            {},
            {},
            {},
            {},
            read_back(one.was),
            {},
            one.cgroup_count,
            covered_pct(one),
            why(one)};
  }
  return {one.workload,
          would.reclaim_count,
          one.was.reclaim_count,
          whole(would.freed_bytes),
          whole(one.was.freed_bytes),
          whole(would.held_byte_seconds),
          least(best.held_byte_seconds, would.held_byte_seconds, worst.held_byte_seconds),
          most(best.held_byte_seconds, would.held_byte_seconds, worst.held_byte_seconds),
          whole(one.was.held_byte_seconds),
          free_for(would),
          whole(would.read_back_bytes),
          least(best.read_back_bytes, would.read_back_bytes, worst.read_back_bytes),
          most(best.read_back_bytes, would.read_back_bytes, worst.read_back_bytes),
          read_back(one.was),
          whole(would.less_byte_seconds),
          one.cgroup_count,
          covered_pct(one),
          why(one)};
}

/// In percent; nullopt: there was nothing.
Cell error_pct(double predicted, double was) {
  return was > 0 ? Cell(100 * (predicted - was) / was) : predicted > 0 ? Cell() : Cell(0.0);
}

std::vector<Cell> backtest_row(const Answer& one) {
  const Tally &would = one.expected, &was = one.was;
  constexpr std::int64_t kFew = 10;  // one in so many: the last one was often not observed to its end
  const bool is_told = was.untold_count * kFew <= was.reclaim_count;
  return {one.workload,
          would.reclaim_count,
          was.reclaim_count,
          error_pct(static_cast<double>(would.reclaim_count), static_cast<double>(was.reclaim_count)),
          whole(would.freed_bytes),
          whole(was.freed_bytes),
          error_pct(would.freed_bytes, was.freed_bytes),
          whole(would.held_byte_seconds),
          whole(was.held_byte_seconds),
          error_pct(would.held_byte_seconds, was.held_byte_seconds),
          whole(would.read_back_bytes),
          read_back(was),
          is_told ? error_pct(would.read_back_bytes, was.read_back_bytes) : Cell(),
          covered_pct(one),
          why(one)};
}

}  // namespace

core::Table answer_table(const std::vector<Answer>& answers) {
  core::Table table{
      .title = "",
      .columns = {"workload", "reclaims", "reclaims_was", "freed_bytes", "freed_was_bytes", "held_byte_seconds",
                  "held_least_byte_seconds", "held_most_byte_seconds", "held_was_byte_seconds", "free_for_us",
                  "read_back_bytes", "read_back_least_bytes", "read_back_most_bytes", "read_back_was_bytes",
                  "less_in_use_byte_seconds", "cgroups", "covered_pct", "why_a_range"},
      .rows = {}};
  table.most_important = {"workload",
                          "reclaims",
                          "reclaims_was",
                          "freed_bytes",
                          "freed_was_bytes",
                          "held_byte_seconds",
                          "held_was_byte_seconds",
                          "read_back_bytes",
                          "read_back_most_bytes",
                          "read_back_was_bytes",
                          "less_in_use_byte_seconds",
                          "free_for_us"};
  for (const Answer& one : answers) table.rows.push_back(answer_row(one));
  if (answers.size() > 1) table.rows.push_back(answer_row(sum_of(answers)));
  return table;
}

core::Table backtest_table(const std::vector<Answer>& answers) {
  core::Table table{
      .title = "",
      .columns = {"workload", "reclaims", "reclaims_was", "reclaims_error_pct", "freed_bytes", "freed_was_bytes",
                  "freed_error_pct", "held_byte_seconds", "held_was_byte_seconds", "held_error_pct", "read_back_bytes",
                  "read_back_was_bytes", "read_back_error_pct", "covered_pct", "why_a_range"},
      .rows = {}};
  for (const Answer& one : answers) table.rows.push_back(backtest_row(one));
  if (answers.size() > 1) table.rows.push_back(backtest_row(sum_of(answers)));
  return table;
}

}  // namespace cgmm::simulate
