// SPDX-License-Identifier: Apache-2.0
#include "cli/simulate_answer.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/time.hpp"
#include "core/container.hpp"
#include "report/format/row.hpp"

namespace cgmm::cli {
namespace {

constexpr std::size_t kFew = 20;                        // cgroups, which are read one by one
constexpr std::int64_t kSlice_us = 6 * base::kHour_us;  // whose reclaims are held in memory at once

core::CgroupKind kind_of(const report::Row& row) {
  for (const core::CgroupKind kind : {core::CgroupKind::container, core::CgroupKind::pod, core::CgroupKind::inner}) {
    if (core::to_string(kind) == row.text("kind")) return kind;
  }
  // Earlier versions did not record it, and leaves only.
  return row.integer("is_container") != 0 ? core::CgroupKind::container : core::CgroupKind::leaf;
}

/// The samples of one query. Columns are in the order of simulate_samples.sql.
class SampleSink final : public core::RowSink {
 public:
  explicit SampleSink(simulate::Simulation& simulation) : simulation_(simulation) {}
  void begin(const std::vector<std::string>&) override {}

  void add(std::vector<core::Cell> row) override {
    constexpr std::array kGauges = {core::Gauge::usage, core::Gauge::anon,          core::Gauge::file,
                                    core::Gauge::shmem, core::Gauge::inactive_file, core::Gauge::active_file,
                                    core::Gauge::dirty};
    constexpr std::array kCounters = {core::Counter::pgmajfault, core::Counter::refault_file, core::Counter::pgsteal,
                                      core::Counter::limit_hits, core::Counter::psi_some_us};
    simulate::Sample sample;
    const std::int64_t key = number(row[0]).value_or(0);
    sample.at_us = bounded_time(row[1]);
    sample.interval_us = bounded_time(row[2]);
    sample.is_partial = number(row[3]).value_or(0) != 0;
    std::size_t at = 4;
    for (const core::Gauge gauge : kGauges) {
      if (const auto kib = number(row[at++])) sample.gauges.set(gauge, bounded(*kib) * 1024);
    }
    for (const core::Counter counter : kCounters) {
      if (const auto value = number(row[at++])) sample.increases.set(counter, bounded(*value));
    }
    simulation_.add(key, sample);
  }

 private:
  static std::optional<std::int64_t> number(const core::Cell& cell) {
    const auto* value = std::get_if<std::int64_t>(&cell);
    return value != nullptr ? std::optional(*value) : std::nullopt;
  }
  static std::int64_t bounded_time(const core::Cell& cell) {
    constexpr std::int64_t kMost_us = std::int64_t{1} << 60;
    return std::clamp<std::int64_t>(number(cell).value_or(0), 0, kMost_us);
  }
  /// A copied file may hold any number.
  static std::uint64_t bounded(std::int64_t value) {
    return static_cast<std::uint64_t>(std::clamp<std::int64_t>(value, 0, std::int64_t{1} << 46));
  }

  simulate::Simulation& simulation_;
};

/// Those above an excluded cgroup are not reclaimed, because the kernel would take from that one, too.
class Kept {
 public:
  Kept(const core::Policy& policy, const core::Table& cgroups) {
    if (!policy.has_exclusions()) return;
    for (const report::Row& row : report::rows_of(cgroups)) {
      const std::string path = row.text("path");
      if (!policy.settings_for(path, row.text("known_workload")).reclaim) excluded_.push_back(path);
    }
  }
  bool has_below(const std::string& path) const {
    const std::string begin = path == "/" ? path : path + "/";
    return std::ranges::any_of(excluded_, [&](const std::string& one) { return one.starts_with(begin); });
  }

 private:
  std::vector<std::string> excluded_;
};

using Subjects = std::unordered_map<std::int64_t, simulate::Subject>;

Subjects subjects_of(store::Reader& reader, const Window& window, const Simulated& what) {
  const core::Policy& policy = what.policy;
  const core::Table cgroups = answer_to("simulate_cgroups", reader, window.parameters());
  const Kept kept(policy, cgroups);
  Subjects subjects;
  for (const report::Row& row : report::rows_of(cgroups)) {
    if (row.integer("is_asked") == 0) continue;
    if (!what.workloads.empty() && !what.workloads.contains(row.text("workload"))) continue;
    simulate::Subject subject;
    subject.id = {row.text("path"), row.bytes("inode")};
    subject.workload = row.text("workload");
    subject.kind = kind_of(row);
    const core::Rule* const rule = policy.rule_for(subject.id.path, row.text("known_workload"));
    subject.settings = policy.settings_of(rule);
    subject.has_rule = rule != nullptr && rule->reclaim == true;
    if (core::has_remainder(subject.kind) && kept.has_below(subject.id.path)) subject.settings.reclaim = false;
    subject.from_us = row.integer("from_us");
    subject.to_us = row.integer("to_us");
    subjects.emplace(row.integer("cgroup_id"), std::move(subject));
  }
  const core::Table limits = answer_to("simulate_limits", reader, window.parameters());
  for (const report::Row& row : report::rows_of(limits)) {
    const auto found = subjects.find(row.integer("cgroup_id"));
    if (found == subjects.end()) continue;
    found->second.limits.push_back({row.integer("changed_at_us"),
                                    {.limit_bytes = row.known_bytes("limit_bytes"),
                                     .effective_limit_bytes = row.known_bytes("effective_limit_bytes"),
                                     .high_bytes = row.known_bytes("high_bytes")}});
  }
  return subjects;
}

void add_reclaims(simulate::Simulation& simulation, store::Reader& reader, const core::Parameters& slice) {
  const core::Table reclaims = answer_to("simulate_reclaims", reader, slice);
  for (const report::Row& row : report::rows_of(reclaims)) {
    const auto held = row.known("held_byte_seconds");
    simulation.add_reclaim(row.integer("cgroup_id"),
                           {.started_at_us = row.integer("started_at_us"),
                            .known_at_us = row.integer("known_at_us"),
                            .requested_bytes = row.known_bytes("requested_bytes"),
                            .freed_bytes = row.bytes("freed_bytes"),
                            .refaulted_bytes = row.known_bytes("read_back_bytes"),
                            .regrown_bytes = row.known_bytes("regrown_bytes"),
                            .held_byte_seconds = held ? std::optional(static_cast<double>(*held)) : std::nullopt,
                            .observed_for_us = row.integer("observed_for_us")});
  }
}

void replay(simulate::Simulation& simulation, const Subjects& subjects, store::Reader& reader, const Window& window) {
  const bool is_few = subjects.size() <= kFew;
  std::string keys = "[";
  for (const auto& [key, subject] : subjects) {
    simulation.add_cgroup(key, subject);
    if (is_few) keys += (keys.size() > 1 ? "," : "") + std::to_string(key);
  }
  keys += ']';
  for (std::int64_t from_us = window.since_us; from_us < window.until_us; from_us += kSlice_us) {
    core::Parameters slice = window.parameters();
    slice["since_us"] = from_us;
    slice["until_us"] = std::min(from_us + kSlice_us, window.until_us);
    add_reclaims(simulation, reader, slice);
    SampleSink samples(simulation);
    if (is_few) slice["cgroup_ids"] = keys;
    reader.run(report::built_in(is_few ? "simulate_samples_of_few" : "simulate_samples").sql, slice, samples);
  }
}

}  // namespace

std::vector<simulate::Answer> simulated(store::Reader& reader, const Window& window, const Simulated& what) {
  const core::Table facts = answer_to("simulate_node", reader, window.parameters());
  const report::Row node(facts);
  const auto first_us = node.known("first_at_us");
  if (!first_us) return {};
  Window covered = window;  // what is before the first scan needs no query
  covered.since_us = std::max(window.since_us, *first_us);
  covered.until_us = std::min(window.until_us, node.integer("last_at_us") + 1);
  simulate::Rules rules{.scope = what.policy.scope,
                        .bounds = what.policy.bounds,
                        .learning = what.policy.learning,
                        .has_containers = node.integer("has_containers") != 0,
                        .feedback = what.feedback};
  if (node.text("hierarchy") == "v2") rules.method = core::ReclaimMethod::memory_reclaim;
  if (const auto page = node.known_bytes("page_size_bytes"); page && *page > 0) rules.page_bytes = *page;
  const Subjects subjects = subjects_of(reader, covered, what);
  if (subjects.size() > what.most_cgroups) return {};
  simulate::Simulation::AllHabits learned;
  if (!what.only_from_before && node.integer("has_reclaims") != 0) {
    simulate::Simulation learner = simulate::Simulation::learner(rules);
    replay(learner, subjects, reader, covered);
    learned = std::move(learner).learned();
  }
  simulate::Simulation simulation(rules, std::move(learned));
  replay(simulation, subjects, reader, covered);
  return simulation.finish();
}

}  // namespace cgmm::cli
