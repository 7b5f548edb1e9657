// SPDX-License-Identifier: Apache-2.0
#pragma once

// Real histories of five workloads in cgroups of 100 MiB, six minutes each, under three policies:
// tests/simulate/recorded/README.md.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "simulate/simulation.hpp"

namespace cgmm::test {

inline constexpr std::int64_t kSecond_us = 1'000'000;

/// The rows of a CSV file without quotes. Empty cells are not known.
class Recorded {
 public:
  explicit Recorded(const std::filesystem::path& file) : stream_(file) {
    if (!stream_) throw std::runtime_error(file.string() + " can't be read");
    names_ = next_cells();
  }
  bool next() {
    const std::vector<std::string> cells = next_cells();
    row_.clear();
    for (std::size_t i = 0; i < cells.size() && i < names_.size(); ++i) row_[names_[i]] = cells[i];
    return !cells.empty();
  }
  std::string text(const std::string& name) const { return row_.at(name); }
  std::optional<std::uint64_t> number(const std::string& name) const {
    const auto found = row_.find(name);
    if (found == row_.end() || found->second.empty()) return std::nullopt;
    return std::stoull(found->second);
  }
  std::int64_t us(const std::string& name) const { return std::stoll(row_.at(name)) * 1000; }

 private:
  std::vector<std::string> next_cells() {
    std::vector<std::string> cells;
    std::string line;
    if (!std::getline(stream_, line)) return cells;
    std::istringstream rest(line);
    for (std::string cell; std::getline(rest, cell, ',');) cells.push_back(cell);
    return cells;
  }

  std::ifstream stream_;
  std::vector<std::string> names_;
  std::map<std::string, std::string> row_;
};

/// Times begin at an hour, because 0 is no time.
inline constexpr std::int64_t kBegin_us = 3600 * kSecond_us;

inline core::ReclaimSettings settings_of(core::ReclaimPolicy policy) {
  return {.reclaim_to = {}, .cooldown_us = 20 * kSecond_us, .policy = policy};
}

inline simulate::Rules rules_of(core::ReclaimPolicy policy) {
  return {.learning = {.adaptive = policy != core::ReclaimPolicy::rust}};
}

class RecordedHistory {
 public:
  /// "idle-1", "rust-1" or "dry-1".
  explicit RecordedHistory(const std::string& name)
      : begin_(std::string(CGMM_SOURCE_DIR "/tests/simulate/recorded/") + name) {}

  /// By workload, what `policy` would have done.
  std::map<std::string, simulate::Answer> under(core::ReclaimPolicy policy, bool only_from_before = false,
                                                simulate::Feedback feedback = simulate::Feedback::none) const {
    simulate::Rules rules = rules_of(policy);
    rules.feedback = feedback;
    simulate::Simulation::AllHabits learned;
    if (!only_from_before) {
      auto learner = simulate::Simulation::learner(rules);
      replay(learner, policy);
      learned = std::move(learner).learned();
    }
    simulate::Simulation simulation(rules, std::move(learned));
    replay(simulation, policy);
    std::map<std::string, simulate::Answer> answers;
    for (const simulate::Answer& one : simulation.finish()) answers[one.workload] = one;
    return answers;
  }

 private:
  void replay(simulate::Simulation& simulation, core::ReclaimPolicy policy) const {
    std::map<std::string, std::int64_t> keys;
    for (const char* const name : {"batch", "database", "hot", "mixed", "stream"}) {
      const std::int64_t key = static_cast<std::int64_t>(keys.size()) + 1;
      keys[name] = key;
      simulate::Subject subject;
      subject.id = {std::string("/") + name, static_cast<std::uint64_t>(key)};
      subject.workload = name;
      subject.settings = settings_of(policy);
      constexpr std::uint64_t kLimit = 100 << 20;
      subject.limits = {{kBegin_us, {.limit_bytes = kLimit, .effective_limit_bytes = kLimit, .high_bytes = {}}}};
      subject.from_us = kBegin_us;
      subject.to_us = kBegin_us + 360 * kSecond_us;
      simulation.add_cgroup(key, std::move(subject));
    }
    Recorded reclaims(begin_ + "-reclaims.csv");
    while (reclaims.next()) {
      const auto held = reclaims.number("held_byte_seconds");
      simulation.add_reclaim(keys.at(reclaims.text("workload")),
                             {.started_at_us = kBegin_us + reclaims.us("at_ms"),
                              .known_at_us = kBegin_us + reclaims.us("known_at_ms"),
                              .requested_bytes = reclaims.number("requested_bytes"),
                              .freed_bytes = reclaims.number("freed_bytes").value_or(0),
                              .refaulted_bytes = reclaims.number("refaulted_bytes"),
                              .regrown_bytes = reclaims.number("regrown_bytes"),
                              .held_byte_seconds = held ? std::optional(static_cast<double>(*held)) : std::nullopt,
                              .observed_for_us = reclaims.us("observed_for_ms")});
    }
    Recorded samples(begin_ + "-samples.csv");
    while (samples.next()) simulation.add(keys.at(samples.text("workload")), sample_of(samples));
  }

  static simulate::Sample sample_of(const Recorded& row) {
    simulate::Sample sample{.at_us = kBegin_us + row.us("at_ms"), .interval_us = 2 * kSecond_us};
    for (std::size_t i = 0; i < core::Gauges::kSize; ++i) {
      const auto kib = row.number(std::string(core::kGaugeNames[i]) + "_kib");
      if (kib) sample.gauges.set(static_cast<core::Gauge>(i), *kib * 1024);
    }
    for (std::size_t i = 0; i < core::Counters::kSize; ++i)
      sample.increases.set(static_cast<core::Counter>(i), row.number(std::string(core::kCounterNames[i])));
    return sample;
  }

  std::string begin_;
};

}  // namespace cgmm::test
