// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is to be sent next, and its rows: fleet/ship/*.sql on the local history. A batch is a range of revisions, scans
// or hours; the same range gives the same rows, but for those that have changed or were deleted since. One thread.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "config.hpp"
#include "core/table.hpp"
#include "fleet/ship/pieces.hpp"

namespace cgmm::fleet {

/// What can't be sent as it is: a sentence for the log.
class ShipError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class Kind : std::uint8_t { changes, samples, hours };

/// After `after`, up to `to`: revisions, scan ids, or times of hours in microseconds.
struct Range {
  Kind kind = Kind::changes;
  std::int64_t after = 0;
  std::int64_t to = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// A number for each kind: how far something has come.
struct Cursors {
  std::int64_t changes = 0;
  std::int64_t samples = 0;
  std::int64_t hours = 0;  // forward: the last scan of the last hour; backfill: the time of the last hour
  friend bool operator==(const Cursors&, const Cursors&) = default;
};

struct Ends {
  std::string history_id;
  Cursors newest;
  std::int64_t newest_hour_at_us = 0;
  std::int64_t newest_scan_at_us = 0;
  std::int64_t last_revision = 0;          // that was ever used; the change may be gone
  std::optional<std::int64_t> sent_at_us;  // when the scan began that was asked for; nullopt: there is none
};

/// A range, and what the cursor of its kind becomes once it was sent.
struct Planned {
  Range range;
  std::int64_t cursor = 0;
  friend bool operator==(const Planned&, const Planned&) = default;
};

struct Batch {
  std::vector<Piece> pieces;
  std::int64_t scan_count = 0;
  std::int64_t sample_count = 0;
  std::int64_t recorded_sample_count = 0;  // as the scans say: more where retention was faster
  std::int64_t last_scan_at_us = 0;
};

class BatchReader {
 public:
  BatchReader(std::filesystem::path history, std::string node, const config::Ship& settings);

  /// Throws ShipError where the history has no history_id: no service of this version was at work on it. This and all
  /// others throw store::StoreError where the history can't be read.
  Ends ends(std::int64_t sent_scan_id) const;
  std::int64_t samples_up_to(std::int64_t scan_id) const;

  /// The next batch after the cursor, up to `end`. nullopt: there is nothing.
  std::optional<Planned> next(Kind kind, std::int64_t after, std::int64_t end) const;
  /// The same of hours, by their time.
  std::optional<Planned> next_old_hours(std::int64_t after, std::int64_t end) const;

  enum class Incidents : std::uint8_t { without_samples, with_samples };
  /// `timeline`: of a later one, all revisions are greater than those of the ones before. nullopt: the history has
  /// become another one meanwhile.
  std::optional<Batch> read(const Range& range, const std::string& history_id, Incidents incidents,
                            std::int64_t timeline = 0) const;
  /// The row of the node. `facts`: the parameters of node.sql but the node's name.
  std::vector<Piece> read_node(core::Parameters facts) const;

 private:
  std::int64_t rows_at_once(std::int64_t bytes_a_row) const;

  std::filesystem::path history_;
  std::string node_;
  PieceBounds bounds_;
  bool has_all_samples_;
};

/// One of fleet/ship/, complete.
std::string shipped_sql(std::string_view name);

}  // namespace cgmm::fleet
