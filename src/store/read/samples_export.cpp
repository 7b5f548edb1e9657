// SPDX-License-Identifier: Apache-2.0
#include "store/read/samples_export.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "archive/chunk.hpp"

namespace cgmm::store {
namespace {

/// Some megabytes of text.
constexpr std::int64_t kRowsAtOnce = 8192;
/// While rows are read scan by scan, a chunk of each of their cgroups is in memory.
constexpr std::int64_t kCgroupsAtOnce = 256;

constexpr std::string_view kEnds =
    "SELECT min(scan_id), max(scan_id) FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us";
constexpr std::string_view kNextScan = "SELECT min(scan_id) FROM scan WHERE scan_id >= :from AND scan_id <= :to";
constexpr std::string_view kMostCgroups = "SELECT max(cgroup_count) FROM scan WHERE scan_id BETWEEN :from AND :to";
/// Groups of about the same size. It does no harm where the clock was set back and they are not.
constexpr std::string_view kGroups =
    "SELECT cgroup_id FROM (SELECT cgroup_id, row_number() OVER (ORDER BY cgroup_id) AS number FROM cgroup "
    "WHERE first_seen_at_us <= (SELECT max(started_at_us) FROM scan WHERE scan_id BETWEEN :from AND :to) "
    "AND ifnull(vanished_at_us >= (SELECT min(started_at_us) FROM scan WHERE scan_id BETWEEN :from AND :to), 1)) "
    "WHERE number % :size = 0";
/// The + keeps SQLite from beginning with the scans: their samples would be looked up one scan after the other.
constexpr std::string_view kRows =
    "SELECT s.*, c.namespace, c.pod, c.container FROM v_sample s JOIN cgroup c ON c.cgroup_id = s.cgroup_id "
    "WHERE s.scan_id BETWEEN :from AND :to AND s.cgroup_id BETWEEN :from_cgroup AND :to_cgroup "
    "AND +s.at_us >= :since_us AND +s.at_us < :until_us ORDER BY s.scan_id, s.cgroup_id";

std::optional<std::int64_t> number_at(const core::Table& table, std::size_t row, std::size_t column) {
  const auto* const number = std::get_if<std::int64_t>(&table.rows.at(row).at(column));
  return number != nullptr ? std::optional(*number) : std::nullopt;
}

class Counting final : public core::RowSink {
 public:
  explicit Counting(core::RowSink& to) : to_(to) {}
  void begin(const std::vector<std::string>& columns) override {
    count = 0;
    to_.begin(columns);
  }
  void add(std::vector<core::Cell> row) override {
    ++count;
    to_.add(std::move(row));
  }

  std::int64_t count = 0;

 private:
  core::RowSink& to_;
};

}  // namespace

SamplesExport::SamplesExport(Reader& reader, std::int64_t since_us, std::int64_t until_us)
    : reader_(reader), window_{{"since_us", since_us}, {"until_us", until_us}} {
  const core::Table ends = reader_.run(kEnds, window_);
  if (const auto first = number_at(ends, 0, 0)) scans_ = {*first, number_at(ends, 0, 1).value_or(*first)};
  range_ = part_ = {scans_.from - 1, scans_.from - 1};
}

bool SamplesExport::next(core::RowSink& rows) {
  if (part_.to >= range_.to && group_ < groups_.size()) {
    ++group_;
    part_.to = range_.from - 1;
  } else if (part_.to >= range_.to && !next_range() && !is_first_) {
    return false;
  }
  is_first_ = false;
  part_ = {part_.to + 1, std::min(part_.to + scans_at_once_, range_.to)};
  core::Parameters parameters = window_;
  parameters["from"] = part_.from;
  parameters["to"] = part_.to;
  parameters["from_cgroup"] = group_ == 0 ? INT64_MIN : groups_[group_ - 1];
  parameters["to_cgroup"] = group_ == groups_.size() ? INT64_MAX : groups_[group_] - 1;
  Counting counting(rows);
  reader_.run(kRows, parameters, counting);
  sample_count_ += counting.count;
  return true;
}

bool SamplesExport::next_range() {
  groups_.clear();
  group_ = 0;
  const auto from = number_at(reader_.run(kNextScan, {{"from", range_.to + 1}, {"to", scans_.to}}), 0, 0);
  if (!from) return false;
  // A block of the archive, so that no chunk is read twice.
  range_ = {*from, std::min(archive::last_scan_of(archive::block_of(*from)), scans_.to)};
  part_.to = range_.from - 1;
  const core::Parameters range{{"from", range_.from}, {"to", range_.to}};
  find_groups(number_at(reader_.run(kMostCgroups, range), 0, 0).value_or(1));
  return true;
}

void SamplesExport::find_groups(std::int64_t most_cgroups) {
  scans_at_once_ = std::max<std::int64_t>(kRowsAtOnce / std::clamp<std::int64_t>(most_cgroups, 1, kCgroupsAtOnce), 1);
  if (most_cgroups <= kCgroupsAtOnce) return;
  const core::Table groups = reader_.run(kGroups, {{"from", range_.from}, {"to", range_.to}, {"size", kCgroupsAtOnce}});
  for (std::size_t i = 0; i < groups.rows.size(); ++i) groups_.push_back(number_at(groups, i, 0).value_or(0));
}

void SamplesExport::scans(core::RowSink& rows) {
  reader_.run("SELECT * FROM scan WHERE started_at_us >= :since_us AND started_at_us < :until_us ORDER BY scan_id",
              window_, rows);
}

void SamplesExport::cgroups(core::RowSink& rows) { reader_.run("SELECT * FROM v_cgroup ORDER BY cgroup_id", {}, rows); }

}  // namespace cgmm::store
