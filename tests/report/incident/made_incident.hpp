// SPDX-License-Identifier: Apache-2.0
#pragma once

// An OOM kill as the queries would tell it, for the tests of what is made of it. One thread.

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "report/answer.hpp"
#include "report/format/row.hpp"
#include "report/incident/incident.hpp"
#include "report/incident/words.hpp"

namespace cgmm::report {

using core::Cell;
using core::Table;

inline constexpr std::int64_t kSecondUs = 1'000'000;
inline constexpr std::int64_t kMiB = 1024 * 1024;
inline constexpr std::int64_t kKilledUs = 1'795'403'520 * kSecondUs + 123'000;  // 2026-11-23T03:12:00.123Z
inline constexpr std::int64_t kSinceUs = kKilledUs - 1800 * kSecondUs;
inline constexpr std::int64_t kUntilUs = kKilledUs + 300 * kSecondUs;

inline Cell text(const char* value) { return std::string(value); }
inline Cell number(std::int64_t value) { return value; }

/// A container that leaked up to its limit, told by the kernel's log.
inline Values leak() {
  return {{"oom_kill_id", number(7)},
          {"killed_at_us", number(kKilledUs)},
          {"path", text("/kubepods/pod1/c1")},
          {"source", text("kernel_log")},
          {"cgroup_by", text("kernel_log")},
          {"scope", text("cgroup")},
          {"victim_pid", number(4319)},
          {"victim_comm", text("python3")},
          {"victim_uid", number(1000)},
          {"victim_path", text("/kubepods/pod1/c1")},
          {"limit_path", text("/kubepods/pod1/c1")},
          {"process_count", number(1)},
          {"anon_rss_bytes", number(251 * kMiB)},
          {"file_rss_bytes", number(2 * kMiB)},
          {"shmem_rss_bytes", number(0)},
          {"cause", text("anon_growth")},
          {"pod_uid", text("1f0c2a3b-1111-2222-3333-444455556666")},
          {"container_id", text("3fa91c7d5e2b0000")},
          {"runtime", text("containerd")},
          {"namespace", text("shop")},
          {"pod", text("web-7d9c5b8f6d-x2x4z")},
          {"container", text("app")},
          {"measured_by", text("kernel_log")},
          {"measured_at_us", number(kKilledUs)},
          {"limit_bytes", number(256 * kMiB)},
          {"usage_bytes", number(256 * kMiB)},
          {"anon_bytes", number(250 * kMiB)},
          {"shmem_bytes", number(0)},
          {"kernel_bytes", number(4 * kMiB)},
          {"cache_bytes", number(kMiB + kMiB / 4)},
          {"dirty_bytes", number(0)},
          {"swap_bytes", number(0)},
          {"grew_from_at_us", number(kKilledUs - 5 * kSecondUs)},
          {"grew_from_bytes", number(45 * kMiB)},
          {"grew_to_bytes", number(254 * kMiB)}};
}

inline Values facts() {
  return {{"first_seen_at_us", number(kKilledUs - 7200 * kSecondUs)},
          {"history_begins_at_us", number(kKilledUs - 86400 * kSecondUs)},
          {"history_ends_at_us", number(kUntilUs)},
          {"effective_limit_bytes", number(256 * kMiB)},
          {"grew_from_anon_bytes", number(41 * kMiB)},
          {"grew_from_shmem_bytes", number(0)},
          {"grew_from_kernel_bytes", number(4 * kMiB)},
          {"kernel_log", text("/dev/kmsg")},
          {"memory_bytes", number(8192 * kMiB)},
          {"earlier_kills", number(0)},
          {"earlier_kills_in_7_days", number(0)},
          {"later_kills", number(0)}};
}

inline void add_sample(Table& samples, std::int64_t at_us, std::int64_t anon_mib, std::int64_t cache_mib,
                       std::int64_t shmem_mib = 0) {
  add_row(samples, {{"at_us", number(at_us)},
                    {"usage_bytes", number((anon_mib + cache_mib + shmem_mib + 4) * kMiB)},
                    {"anon_bytes", number(anon_mib * kMiB)},
                    {"cache_bytes", number(cache_mib * kMiB)},
                    {"shmem_bytes", number(shmem_mib * kMiB)},
                    {"kernel_bytes", number(4 * kMiB)},
                    {"dirty_bytes", number(0)},
                    {"limit_bytes", number(256 * kMiB)}});
}

/// Each test changes what it is about.
class IncidentTest : public testing::Test {
 protected:
  IncidentTest() {
    for (std::int64_t before_s : {1790, 900, 10}) add_sample(samples, kKilledUs - before_s * kSecondUs, 41, 20);
    for (std::int64_t before_s : {5, 4, 3, 2, 1}) {
      add_sample(samples, kKilledUs - before_s * kSecondUs, 41 + (5 - before_s) * 42, 20 - 4 * (5 - before_s));
    }
    for (std::int64_t after_s : {1, 2, 3, 4}) add_sample(samples, kKilledUs + after_s * kSecondUs, 0, 0);
  }

  IncidentTables made_tables() const {
    IncidentTables tables;
    tables.kill = answer_of("incident_kill", {kill});
    tables.facts = answer_of("incident_facts", {about});
    tables.samples = samples;
    tables.reclaims = reclaims;
    tables.limit_changes = limit_changes;
    tables.neighbours = neighbours;
    tables.sharers = sharers;
    tables.shares = shares;
    tables.ended = ended;
    tables.gaps = gaps;
    tables.earlier_kills = earlier;
    tables.candidates = candidates;
    tables.processes = processes;
    tables.node_memory = node_memory;
    return tables;
  }
  Incident made() const { return incident_of(made_tables(), kSinceUs, kUntilUs); }
  std::string said(const std::string& label) const {
    for (const Said& one : incident_words(made())) {
      if (one.label == label) return one.text;
    }
    return "";
  }
  /// Usage nine seconds before and in the last sample.
  void add_sharer(const std::string& name, std::int64_t before_mib, std::int64_t mib, bool grew) {
    add_row(sharers, {{"cgroup", name},
                      {"usage_before_bytes", number(before_mib * kMiB)},
                      {"usage_bytes", number(mib * kMiB)},
                      {"grown_in_us", number(9 * kSecondUs)},
                      {"grew", number(grew ? 1 : 0)},
                      {"is_victim", number(name == "shop/web/app" ? 1 : 0)}});
    const auto column = column_of(sharers, "cgroups_below");
    for (auto& row : sharers.rows) row[column] = number(static_cast<std::int64_t>(sharers.rows.size()));
  }
  void forget(const std::vector<std::string>& columns) {
    for (const std::string& column : columns) kill[column] = Cell{};
  }
  /// As where the kernel's log can't be read.
  void by_counter_alone() {
    kill["source"] = text("counter");
    kill["measured_by"] = text("sample");
    kill["measured_at_us"] = number(kKilledUs - kSecondUs);
    kill["earliest_at_us"] = number(kKilledUs - kSecondUs);
    kill["anon_bytes"] = number(209 * kMiB);
    kill["usage_bytes"] = number(217 * kMiB);
    kill["cache_bytes"] = number(4 * kMiB);
    kill["grew_to_bytes"] = number(213 * kMiB);
    about["kernel_log"] = text("can't be read: Operation not permitted");
    forget({"victim_pid", "victim_comm", "victim_uid", "victim_path", "limit_path", "anon_rss_bytes", "file_rss_bytes",
            "shmem_rss_bytes", "process_count"});
  }

  Values kill = leak();
  Values about = facts();
  Table samples = empty_answer("incident_samples"), reclaims = empty_answer("last_reclaims");
  Table limit_changes = empty_answer("limit_changes"), neighbours = empty_answer("biggest_growth");
  Table sharers = empty_answer("incident_sharers"), gaps = empty_answer("gaps");
  Table shares = empty_answer("incident_shares"), ended = empty_answer("incident_ended");
  Table earlier = empty_answer("incident_earlier"), candidates = empty_answer("incident_candidates");
  Table processes = empty_answer("incident_processes"), node_memory = empty_answer("incident_node");
};

}  // namespace cgmm::report
