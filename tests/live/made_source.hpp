// SPDX-License-Identifier: Apache-2.0
#pragma once

// A history for `live` that a test makes up: an instant every ten seconds, from 1000 s to 2000 s.

#include <cstdint>
#include <string>
#include <vector>

#include "live/source.hpp"

namespace cgmm::live::test {

inline constexpr std::int64_t kSecondUs = 1'000'000;

inline Row row_of(const std::string& path, double usage, double held_pct = 10) {
  Row row{.path = path, .name = path, .kind = "leaf", .workload = "", .name_space = "", .pod = ""};
  row.values[Measure::usage] = usage;
  row.values[Measure::held] = usage / 2;
  row.values[Measure::held_share] = held_pct;
  row.values[Measure::limit] = 1e6;
  return row;
}

inline Row in_pod(const std::string& name_space, const std::string& pod, const std::string& container, double usage) {
  Row row = row_of("/kubepods/" + pod + (container.empty() ? "" : "/" + container), usage);
  row.name = name_space + "/" + pod + (container.empty() ? "" : "/" + container);
  row.kind = container.empty() ? "pod" : "container";
  row.workload = name_space + "/" + pod;
  row.name_space = name_space;
  row.pod = pod;
  return row;
}

class MadeSource final : public Source {
 public:
  Instant at(std::int64_t point_us) override {
    ++reads;
    const std::int64_t at_us = point_us / kSecondUs / 10 * 10 * kSecondUs;
    if (at_us < 1000 * kSecondUs) return {};
    return {.at_us = std::min(at_us, newest_s * kSecondUs), .rows = rows};
  }
  Steps steps(std::int64_t point_us, std::int64_t kill_id) override {
    Steps steps;
    const std::int64_t before_s = (point_us - 1) / kSecondUs / 10 * 10,
                       after_s = std::max<std::int64_t>(point_us / kSecondUs / 10 * 10 + 10, 1000);
    if (before_s >= 1000) steps.before_us = before_s * kSecondUs;
    if (after_s <= newest_s) steps.after_us = after_s * kSecondUs;
    for (const Event& kill : kills) {
      const bool is_there = kill.at_us == point_us;
      if (kill.at_us < point_us || (is_there && kill.id < kill_id)) steps.kill_before = kill;
      const bool is_after = kill.at_us > point_us || (is_there && kill_id > 0 && kill.id > kill_id);
      if (is_after && !steps.kill_after) steps.kill_after = kill;
    }
    return steps;
  }
  std::optional<NewestScan> newest() override {
    return NewestScan{.at_us = newest_s * kSecondUs, .interval_us = interval_s * kSecondUs};
  }
  std::string faults() override { return made_faults; }
  Strip strip() override { return made_strip; }
  std::string details(const Row& row, std::int64_t, std::size_t) override { return "details of " + row.name + "\n"; }
  std::string incident(std::int64_t id, std::size_t) override { return "incident " + std::to_string(id) + "\nmore\n"; }

  std::vector<Row> rows{row_of("/web", 100), row_of("/db", 300, 97), row_of("/batch", 200, 85)};
  std::vector<Event> kills{{.at_us = 1505 * kSecondUs, .path = "/batch", .name = "/batch", .id = 7},
                           {.at_us = 1705 * kSecondUs, .path = "/gone", .name = "/gone", .id = 8}};
  Strip made_strip{.since_us = 1000 * kSecondUs, .until_us = 2000 * kSecondUs, .slots = std::vector<Slot>(480)};
  std::string made_faults;
  std::int64_t newest_s = 2000, interval_s = 10;
  int reads = 0;
};

}  // namespace cgmm::live::test
