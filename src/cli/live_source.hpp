// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `live` shows, read from the history. One thread.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cli/commands.hpp"
#include "live/source.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {

class HistorySource final : public live::Source {
 public:
  /// `policy`: of the configuration file; nullptr: there is none. Both are borrowed. `database`: which `reader` reads.
  HistorySource(store::Reader& reader, const core::Policy* policy, std::filesystem::path database)
      : reader_(reader), policy_(policy), database_(std::move(database)) {}

  live::Instant at(std::int64_t point_us) override;
  live::Steps steps(std::int64_t point_us, std::int64_t kill_id) override;
  std::optional<live::NewestScan> newest() override;
  live::Strip strip() override;
  /// Asked of the status socket, every ten seconds at most.
  std::string faults() override;
  std::string details(const live::Row& row, std::int64_t point_us, std::size_t columns) override;
  std::string incident(std::int64_t oom_kill_id, std::size_t columns) override;

  /// The node's name; "": not on record.
  std::string node();

 private:
  using Usage = std::unordered_map<std::string, double>;  // by path

  live::Instant read(std::int64_t point_us);
  void add_trends(live::Instant& instant);
  std::string decided(const live::Row& row, std::int64_t point_us) const;

  store::Reader& reader_;
  const core::Policy* policy_;
  std::filesystem::path database_;
  std::optional<std::int64_t> asked_at_us_;  // by the steady clock
  std::string faults_;
  std::map<std::int64_t, Usage> usage_;                   // at points in time, those that the last instant needed
  bool is_hour_ = false;                                  // what the last instant was
  live::Strip strip_;                                     // as it was read last
  std::vector<std::vector<core::Cell>> strip_ends_with_;  // ids of what was on record then
};

}  // namespace cgmm::cli
