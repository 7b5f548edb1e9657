// SPDX-License-Identifier: Apache-2.0
#pragma once

// How far `ship` has come: a small JSON file of its own, replaced as a whole, so that it is whole after a crash. Two
// processes can't use it at once. One thread.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "fleet/ship/batch_reader.hpp"

namespace cgmm::fleet {

enum class Lane : std::uint8_t {
  forward,   // what is new since `ship` was at work first
  backfill,  // what was there then
};

struct InFlight {
  Lane lane = Lane::forward;
  Planned planned;
  std::int64_t refused_count = 0;  // how often the engine refused its rows
  friend bool operator==(const InFlight&, const InFlight&) = default;
};

/// Why nothing is sent now.
struct Failing {
  std::int64_t since_us = 0;
  std::string why;
  friend bool operator==(const Failing&, const Failing&) = default;
};

struct ShipState {
  std::string history_id;
  std::string node;
  std::int64_t timeline = 0;  // of a history that was restored from a backup: when that was seen, in seconds
  Cursors forward;
  std::int64_t sent_at_us = 0;  // when scan forward.samples began; 0: not known
  Cursors backfill, backfill_end;
  std::int64_t backfill_samples_left = 0;  // of those that were there at the begin
  std::optional<InFlight> in_flight;       // may have been sent or not
  std::int64_t lost_samples = 0;           // that were gone before they were sent
  std::int64_t lost_scans = 0;
  std::int64_t refused_rows = 0;  // that the engine does not take, and that were left out
  std::optional<Failing> failing;
  std::int64_t node_sent_at_us = 0;
  std::int64_t taken_at_us = 0;  // when the engine last took something; 0: an earlier version wrote the state
  friend bool operator==(const ShipState&, const ShipState&) = default;
};

std::string to_json(const ShipState& state);
/// nullopt: it is none.
std::optional<ShipState> state_from_json(const std::string& text);

class StateFile {
 public:
  enum class Mode : std::uint8_t { keeps, only_reads };  // only_reads: write() does nothing
  /// Takes the lock of the file. Throws ShipError where another process has it, std::system_error with the path.
  explicit StateFile(std::filesystem::path file, Mode mode = Mode::keeps);

  /// nullopt: there is none, or it can't be understood; then `is_bad` is set. Throws std::system_error.
  std::optional<ShipState> read(bool& is_bad) const;
  /// On disk when it returns. Throws std::system_error; the file is as it was then.
  void write(const ShipState& state) const;

 private:
  std::filesystem::path file_;
  Mode mode_;
  base::Fd lock_;
};

}  // namespace cgmm::fleet
